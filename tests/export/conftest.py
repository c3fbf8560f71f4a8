"""Exports for readers that are heavy, or come from elsewhere: ``make export-test``."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeAlias

import pytest

from nightshift.export.comparison import Verified
from nightshift.export.record import ExportRecord
from nightshift.steps.verify_export import verify_export
from tests.exports import Written, made, written

__all__ = ["made", "written"]


class WrittenElsewhere(NamedTuple):
    """A network that the target's own library has written, and the Python of the environment which has it."""

    folder: Path
    record: ExportRecord
    python: str

    def verified(self) -> Verified:
        """What the library that wrote it says of the golden rows."""
        return verify_export(str(self.folder), python=self.python)


WriteElsewhere: TypeAlias = Callable[[str, str], WrittenElsewhere]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """``TARGET=browser`` asks for the tests of one target, which is what their file is called after."""
    wanted = os.environ.get("TARGET")
    for item in items:
        item.add_marker(pytest.mark.exports)
        if wanted and item.path.stem != f"test_{wanted}":
            item.add_marker(pytest.mark.skip(f"TARGET={wanted}"))


@pytest.fixture(scope="session")
def python_of(repository: Path) -> Callable[[str], str]:
    """``python_of("openvino")``: the Python of the environment that ``make export-test TARGET=openvino`` makes."""

    def find(target: str) -> str:
        python = repository / f".venv-export-{target}" / "bin" / "python"
        if not python.exists():
            pytest.skip(f"no .venv-export-{target}: make export-test TARGET={target}")
        return str(python)

    return find


@pytest.fixture(scope="session")
def written_elsewhere(written: Written, python_of: Callable[[str], str]) -> WriteElsewhere:
    """``written_elsewhere("openvino", "network")``: a folder of its own each time; skipped without the environment."""

    def write(target: str, kind: str) -> WrittenElsewhere:
        python = python_of(target)
        folder, record = written(target, kind, python)
        return WrittenElsewhere(folder, record, python)

    return write


def require_golden_scores(network: WrittenElsewhere, kind: str) -> None:
    """All of them, by the target's own library; of a number within the tolerance, which is what the step holds."""
    verified = network.verified()
    print(f"{kind}: {verified}")
    assert verified.rows == 20
    if network.record.label.type != "regression":
        assert verified.max_difference < 1e-6


def output_of(python: str, program: str, *words: str, given: str | None = None) -> str:
    """What a program prints in another environment, with ``given`` as its standard input; it has to end well."""
    command = [python, "-I", "-c", program, *words]
    ended = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
