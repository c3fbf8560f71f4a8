"""Two versions of one partition: which rows differ, by key."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from nightshift.errors import SchemaMismatch, UsageError
from nightshift.steps.diff import PartitionDiff, _compared

KEYS = ("site", "number")
BEFORE = {"site": ["a", "a", "b"], "number": [1, 2, 1], "x": [1.0, None, 3.0], "late": [True, False, None]}


def table(**columns: Any) -> pa.Table:
    return pa.table({**BEFORE, **columns})


def counts(found: PartitionDiff) -> tuple[int, int, int]:
    return found.rows_added, found.rows_removed, found.rows_changed


def test_a_partition_that_only_one_has_counts_all_its_rows() -> None:
    assert _compared("day=1", None, table(), ()) == PartitionDiff("day=1", "added", 3, 0, 0, [], [])
    assert _compared("day=1", table(), None, ()) == PartitionDiff("day=1", "removed", 0, 3, 0, [], [])


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, (0, 0, 0)),
        ({"x": [1.0, None, 4.0]}, (0, 0, 1)),
        ({"x": [1.0, 2.0, None]}, (0, 0, 2)),
        ({"x": [2.0, None, 3.0], "late": [False, False, None]}, (0, 0, 1)),
        ({"late": [True, False, True]}, (0, 0, 1)),
        ({"number": [1, 2, 2]}, (1, 1, 0)),
        ({"site": ["a", "c", "b"], "x": [9.0, None, 3.0]}, (1, 1, 1)),
    ],
)
def test_rows_are_found_again_by_their_key(columns: dict[str, Any], expected: tuple[int, int, int]) -> None:
    assert counts(_compared("day=1", table(), table(**columns), KEYS)) == expected


def test_the_order_of_rows_and_columns_is_no_difference() -> None:
    other = table().select(["late", "x", "number", "site"]).take(pa.array([2, 0, 1]))
    assert counts(_compared("day=1", table(), other, KEYS)) == (0, 0, 0)


def test_not_a_number_is_equal_to_itself_and_other_than_a_number() -> None:
    nan = table(x=[float("nan"), None, 3.0])
    assert counts(_compared("day=1", nan, nan, KEYS)) == (0, 0, 0)
    assert counts(_compared("day=1", nan, table(), KEYS)) == (0, 0, 1)


def test_columns_that_came_went_or_changed_their_type_are_named_and_not_compared() -> None:
    after = table(more=[1, 2, 3], x=pa.array([9.0, 9.0, 9.0], pa.float32())).drop_columns(["late"])
    found = _compared("day=1", table(), after, KEYS)
    assert found.columns_added == ["x: float", "more: int64"]
    assert found.columns_removed == ["x: double", "late: bool"]
    assert counts(found) == (0, 0, 0)


def test_keys_may_be_dates_and_decimals() -> None:
    days = [dt.date(2024, 1, 1), dt.date(2024, 1, 1), dt.date(2024, 1, 2)]
    prices = [Decimal("1.10"), Decimal("1.20"), Decimal("1.10")]
    one = pa.table({"day": days, "price": prices, "x": [1, 2, 3]})
    other = pa.table({"day": days, "price": prices, "x": [1, 2, 4]})
    assert counts(_compared("p", one, other, ("day", "price"))) == (0, 0, 1)


def test_without_keys_or_with_keys_of_two_types_rows_cannot_be_compared() -> None:
    with pytest.raises(UsageError, match="do not say what the keys of a row are") as error:
        _compared("day=1", table(), table(x=[0.0] * 3), ())
    assert "--model" in str(error.value.fix)
    other = table(number=pa.array([1, 2, 1], pa.int32()))
    with pytest.raises(SchemaMismatch, match="day=1: key number is int64 in one snapshot and int32 in the other"):
        _compared("day=1", table(), other, KEYS)
    with pytest.raises(SchemaMismatch, match="key number is int64 in one snapshot and missing in the other"):
        _compared("day=1", table(), table().drop_columns(["number"]), KEYS)
