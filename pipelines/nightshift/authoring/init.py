"""A new project for a team: the files of ``authoring/project/``, copied. There, ``dot_`` stands for a leading dot."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from nightshift.errors import UsageError

TEMPLATES = Path(__file__).with_name("project")


def init(folder: Path) -> list[Path]:
    """Write the files of a project into a folder, which may have others, and say which.

    Raises ``UsageError``, and writes nothing, when one of them is there already; or when the folder cannot be made.
    """
    contents = {folder / _name(template): template.read_bytes() for template in _templates()}
    targets = sorted(contents)
    _require_absent(folder, targets)
    try:
        for target in targets:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(contents[target])
    except OSError as error:
        raise UsageError(f"cannot write a project into {folder}: {error}", fix="give another folder") from error
    return targets


def _templates() -> list[Path]:
    files = [path for path in TEMPLATES.rglob("*") if path.is_file()]
    return [path for path in files if "__pycache__" not in path.parts]


def _name(template: Path) -> Path:
    """Where a template goes in the project. The package has no hidden files: git and setuptools would act on them."""
    parts = template.relative_to(TEMPLATES).parts
    return Path(*[re.sub("^dot_", ".", part) for part in parts])


def _require_absent(folder: Path, targets: Iterable[Path]) -> None:
    present = [str(target.relative_to(folder)) for target in targets if os.path.lexists(target)]
    if present:
        raise UsageError(
            f"{folder} has {', '.join(present)} already; nothing was written",
            fix="give another folder, or move them away",
        )
