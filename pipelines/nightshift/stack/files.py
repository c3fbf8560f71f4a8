"""Small files that must be private and whole."""

import json
import os
from pathlib import Path
from typing import Any


def write_private(path: Path, text: str) -> None:
    """Write ``text`` readable by this user alone; a reader sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    # The mode is given at creation: a chmod afterwards would leave a moment in which others read.
    descriptor = os.open(part, flags, mode=0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    part.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """The object in ``path``; empty when there is no such file or a crash left it unreadable."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return content if isinstance(content, dict) else {}


def write_json(path: Path, value: object) -> None:
    """Write ``value`` as a private JSON file."""
    text = json.dumps(value, indent=2)
    write_private(path, text + "\n")


def tail(path: Path, lines: int = 15, *, start: int = 0) -> str:
    """The last ``lines`` lines of a log, from byte ``start`` on."""
    try:
        with path.open("rb") as file:
            file.seek(start)
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return "(no log)"
    last = text.splitlines()[-lines:]
    return "\n".join(last) or "(the log is empty)"
