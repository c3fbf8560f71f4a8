"""Exports for readers that are heavy, or come from elsewhere: ``make export-test``."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.exports import made, written

__all__ = ["made", "written"]


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
