"""Exports for readers that are heavy, or come from elsewhere: ``make export-test``."""

import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from nightshift.export.record import ExportRecord
from nightshift.export.targets import TARGETS
from nightshift.export.written import write_export
from nightshift.spec import ModelSpec
from tests.exports import Made, maker


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """``TARGET=browser`` asks for the tests of one target, which is what their file is called after."""
    wanted = os.environ.get("TARGET")
    for item in items:
        item.add_marker(pytest.mark.exports)
        if wanted and item.path.stem != f"test_{wanted}":
            item.add_marker(pytest.mark.skip(f"TARGET={wanted}"))


@pytest.fixture(scope="session")
def made(
    tmp_path_factory: pytest.TempPathFactory,
    make_project: Callable[..., Path],
    change: Callable[..., ModelSpec],
    small_rows: Callable[..., pa.Table],
) -> Callable[[str], Made]:
    """A version of each kind; see ``tests/exports.py``."""
    return maker(make_project(tmp_path_factory.mktemp("exports"), name="late_orders"), change, small_rows)


@pytest.fixture(scope="session")
def written(
    made: Callable[[str], Made], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str], tuple[Path, ExportRecord]]:
    """The folder of an export, and its record."""

    def write(target: str, kind: str) -> tuple[Path, ExportRecord]:
        folder = tmp_path_factory.mktemp(f"{target}-{kind}")
        return folder, write_export(made(kind).export(), TARGETS[target], folder)

    return write
