"""Repeated keys are counted exactly, in memory and over the disk, whatever their hashes do."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightshift.errors import OutOfSpace
from nightshift.stores.key_hashes import key_hashes
from nightshift.validation import uniqueness
from nightshift.validation.uniqueness import repeated_rows

SCHEMA = pa.schema([("site", pa.string()), ("number", pa.int32()), ("express", pa.bool_())])
KEYS = st.lists(
    st.tuples(st.none() | st.sampled_from(["", "a", "ß"]), st.none() | st.integers(0, 3), st.none() | st.booleans())
)


def batches(rows: list[tuple[object, ...]], size: int = 5) -> list[pa.RecordBatch]:
    columns = list(zip(*rows, strict=True)) if rows else [[], [], []]
    table = pa.table([pa.array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)], SCHEMA)
    return table.to_batches(max_chunksize=size)


@given(KEYS, st.sampled_from([3, 1000]))
@settings(deadline=None)
def test_repeated_rows_are_those_beyond_the_first(rows: list[tuple[object, ...]], bucket: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uniqueness, "BUCKET_ROWS", bucket)
        expected = sum(count - 1 for count in Counter(rows).values())
        assert repeated_rows(lambda: batches(rows), len(rows)) == expected


def test_keys_that_share_a_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uniqueness, "key_hashes", lambda batch: np.ones(batch.num_rows, np.uint64))
    rows = [("a", number, True) for number in range(12)]
    assert repeated_rows(lambda: batches(rows), len(rows)) == 0
    assert repeated_rows(lambda: batches([*rows, ("a", 3, True)]), len(rows) + 1) == 1


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([dt.date(1970, 1, 1), dt.date(1969, 12, 31), None], pa.date32()),
        ([dt.datetime(1970, 1, 1), dt.datetime(1970, 1, 1, 0, 0, 0, 1), None], pa.timestamp("us", "UTC")),
        ([Decimal("0.00"), Decimal("-0.01"), None, Decimal(10) ** 30], pa.decimal128(38, 2)),
        ([0.0, 0.5, None], pa.float64()),
    ],
)
def test_keys_of_every_type_are_told_apart(values: list[object], kind: pa.DataType) -> None:
    def read(rows: list[object]) -> list[pa.RecordBatch]:
        return pa.table({"key": pa.array(rows, kind)}).to_batches(max_chunksize=2)

    assert repeated_rows(lambda: read(values), len(values)) == 0
    assert repeated_rows(lambda: read([*values, *values[:2]]), len(values) + 2) == 2


def test_the_order_of_columns_counts() -> None:
    schema = pa.schema([("a", pa.int32()), ("b", pa.int32())])
    first, second = key_hashes(pa.record_batch([pa.array([1, 2]), pa.array([2, 1])], schema=schema))
    assert first != second


def test_a_full_disk_is_an_outage_that_names_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> Iterator[object]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(uniqueness, "BUCKET_ROWS", 2)
    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(OutOfSpace, match="No space left on device") as error:
        repeated_rows(lambda: batches([("a", 1, True)] * 9), 9)
    assert "TMPDIR" in str(error.value.fix)
