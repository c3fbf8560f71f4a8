"""What the tests of exports share: small versions of every kind, and what is written of them."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from nightshift.export.record import ExportRecord
from nightshift.export.targets import TARGETS
from nightshift.export.written import write_export
from nightshift.spec import ModelSpec
from tests.exports import Made, maker

ADDRESS = "s3://models/late"


@pytest.fixture(scope="session")
def made(
    tmp_path_factory: pytest.TempPathFactory,
    make_project: Callable[..., Path],
    change: Callable[..., ModelSpec],
    small_rows: Callable[..., pa.Table],
) -> Callable[[str], Made]:
    """``made("codes")``: a version whose graph takes codes; see ``tests/exports.py``."""
    return maker(make_project(tmp_path_factory.mktemp("exports"), name="late_orders"), change, small_rows)


@pytest.fixture
def written(made: Callable[[str], Made], tmp_path: Path) -> Callable[..., tuple[Path, ExportRecord]]:
    """``written("triton", "codes")``: the folder of an export, and its record."""

    def write(target: str, kind: str = "codes") -> tuple[Path, ExportRecord]:
        folder = tmp_path / f"{target}-{kind}"
        return folder, write_export(made(kind).export(ADDRESS), TARGETS[target], folder)

    return write
