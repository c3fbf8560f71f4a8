"""Rows are joined by keys of every type a key may have, nulls with nulls alone."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from nightshift.stores.key_joins import join_by_keys

KINDS = [
    (pa.string(), ["a", ""]),
    (pa.bool_(), [True, False]),
    (pa.int16(), [1, 0]),
    (pa.int64(), [2**62, 0]),
    (pa.float64(), [1.5, 0.0]),
    (pa.decimal128(38, 18), [Decimal("1.5"), Decimal(0)]),
    (pa.date32(), [dt.date(2024, 2, 29), dt.date(1970, 1, 1)]),
    (pa.timestamp("us", "UTC"), [dt.datetime(2024, 2, 29, tzinfo=dt.UTC), dt.datetime(1970, 1, 1, tzinfo=dt.UTC)]),
]


@pytest.mark.parametrize(("kind", "values"), KINDS, ids=lambda value: str(value)[:20])
def test_a_null_equals_a_null_and_neither_zero_nor_nothing(kind: pa.DataType, values: list[Any]) -> None:
    some, zero = values
    left = pa.table({"key": pa.array([some, zero, None], kind), "left": [1, 2, 3]})
    right = pa.table({"key": pa.array([None, some], kind), "right": [30, 10]})
    joined = join_by_keys(left, right, ("key",), "left outer").sort_by("left")
    assert joined.to_pylist() == [
        {"key": some, "left": 1, "right": 10},
        {"key": zero, "left": 2, "right": None},
        {"key": None, "left": 3, "right": 30},
    ]
    assert joined.schema.field("key").type == kind
    assert join_by_keys(left, right, ("key",), "left anti")["left"].to_pylist() == [2]
    assert sorted(join_by_keys(left, right, ("key",), "inner")["left"].to_pylist()) == [1, 3]


def test_of_several_keys_each_may_be_null() -> None:
    keys = {"order": pa.array([1, 1, None, None]), "line": pa.array(["a", None, "a", None])}
    table = pa.table({**keys, "left": [1, 2, 3, 4]})
    other = pa.table({**keys, "right": [1, 2, 3, 4]}).take([3, 1, 0, 2])
    joined = join_by_keys(table, other, ("order", "line"), "left outer")
    assert joined.num_rows == 4
    assert joined["left"].to_pylist() == joined["right"].to_pylist()
