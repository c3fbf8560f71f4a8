"""A reader whose plain file is replaced while it reads gets an error, never rows of two nights."""

from pathlib import Path

import pyarrow as pa
import pytest

from nightshift.stores import parquet
from tests.faults.torn import every_tear, layout, written
from tests.faults.world import Judge, Night

pytestmark = pytest.mark.faults

NIGHT, JUDGE = Night("2024-01-01", 1_200), Judge((Night("2024-01-01", 1_200),))


@pytest.fixture(autouse=True)
def pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROW_GROUP_ROWS", 500)


@pytest.fixture
def twins() -> tuple[pa.Table, pa.Table]:
    """A version and one that scores the same, so that both take the same room: the worst that can be."""
    one, two = NIGHT.predictions("1"), NIGHT.predictions("2")
    return one, one.set_column(one.column_names.index("model_version"), "model_version", two["model_version"])


@pytest.mark.parametrize(("first", "second"), [(1, 2), (2, 1), (37, 38), (38, 37), (499, 500), (500, 1), (3, 1_199)])
def test_another_first_row_group_makes_it_an_error(
    twins: tuple[pa.Table, pa.Table], tmp_path: Path, first: int, second: int
) -> None:
    before, after = written(twins[0], tmp_path, first), written(twins[1], tmp_path, second)
    seen = every_tear(JUDGE, NIGHT.partition, before, after)
    # Whole once: when it was replaced after the last request.
    assert (seen["mixed"], seen["whole"]) == (0, 1)
    assert seen["error"] > 10


def test_with_the_same_layout_it_would_be_mixed(twins: tuple[pa.Table, pa.Table], tmp_path: Path) -> None:
    before, after = written(twins[0], tmp_path, 37), written(twins[1], tmp_path, 37)
    assert layout(before) == layout(after)
    assert every_tear(JUDGE, NIGHT.partition, before, after)["mixed"] > 10
