"""The split by time: nothing of the holdout, or later, is ever trained on."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from nightshift.modelling.holdout import read_snapshot, split
from nightshift.spec import ModelSpec
from nightshift.stores import parquet

Rows = Callable[..., pa.Table]


def nights(table: pa.Table) -> list[str]:
    return sorted(set(table["day"].to_pylist()))


def test_the_last_nights_are_held_out_and_all_before_trained_on(spec: ModelSpec, small_rows: Rows) -> None:
    table = small_rows(spec)
    found = split(spec, table)
    assert nights(found.holdout.table) == ["2024-01-08", "2024-01-09", "2024-01-10"]
    assert nights(found.train.table) == [f"2024-01-{day:02d}" for day in range(1, 8)]
    assert found.train.nights.max() < found.holdout.nights.min()


def test_rows_without_outcome_are_counted_and_used_for_neither(spec: ModelSpec, small_rows: Rows) -> None:
    table = small_rows(spec)
    found = split(spec, table)
    assert len(found.unlabelled.labels) == table["late"].null_count > 0
    assert len(found.train.labels) + len(found.holdout.labels) + len(found.unlabelled.labels) == table.num_rows
    for part in (found.train, found.holdout):
        assert part.table["late"].null_count == 0
        assert set(np.unique(part.labels)) == {0.0, 1.0}
        assert part.table["late"].to_pylist() == part.labels.tolist()
        assert len(part.nights) == len(part.labels) == part.table.num_rows


def test_the_order_of_rows_does_not_decide_the_split(spec: ModelSpec, small_rows: Rows) -> None:
    table = small_rows(spec)
    shuffled = table.take(np.random.default_rng(0).permutation(table.num_rows))
    assert nights(split(spec, shuffled).holdout.table) == nights(split(spec, table).holdout.table)
    assert split(spec, shuffled).train.labels.sum() == split(spec, table).train.labels.sum()


def test_gaps_between_nights_do_not_shrink_the_holdout(spec: ModelSpec, small_rows: Rows) -> None:
    table = pa.concat_tables([small_rows(spec, "2024-01-01", 5), small_rows(spec, "2024-02-01", 1)])
    assert nights(split(spec, table).holdout.table) == ["2024-01-04", "2024-01-05", "2024-02-01"]


@pytest.mark.parametrize("days", [1, 5])
def test_as_many_nights_are_held_out_as_the_spec_says(
    spec: ModelSpec, small_rows: Rows, change: Callable[..., ModelSpec], days: int
) -> None:
    found = split(change(spec, training={"holdout_days": days}), small_rows(spec))
    assert len(nights(found.holdout.table)) == days
    assert len(nights(found.train.table)) == 10 - days


def test_a_snapshot_is_read_in_order_of_night_then_row(spec: ModelSpec, small_rows: Rows, tmp_path: Path) -> None:
    table, folder = small_rows(spec, nights=4), tmp_path / "data"
    for night in reversed(nights(table)):
        rows = table.filter(pa.array([day == night for day in table["day"].to_pylist()])).drop_columns(["day"])
        (folder / f"day={night}").mkdir(parents=True)
        parquet.write(rows.to_batches(), rows.schema, folder / f"day={night}" / "part-00000.parquet")
    found = read_snapshot(spec, folder)
    assert found.schema.field("day").type == pa.string()
    assert found.select(table.column_names).to_pylist() == table.to_pylist()
