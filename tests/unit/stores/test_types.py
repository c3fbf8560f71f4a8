"""From what a source gives to the spec's types: exact, or refused with the first value that does not fit."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightshift.spec import Column, ColumnType
from nightshift.stores.parquet import conform, schema_of, write
from nightshift.stores.types import REFUSALS, TIMESTAMP, arrow_type, fitted

CENTS = pa.decimal128(38, 2)
UTC = dt.UTC
EAST = dt.timezone(dt.timedelta(hours=2))


@pytest.mark.parametrize("kind", get_args(ColumnType))
def test_every_type_of_the_spec_has_an_arrow_type_and_survives_parquet(kind: Any, tmp_path: Path) -> None:
    column = Column(type=kind, scale=3, feature=kind != "timestamp")
    table = pa.table({"x": pa.nulls(3, arrow_type(column))})
    write(table.to_batches(), table.schema, tmp_path / "x.parquet")
    assert pq.read_table(tmp_path / "x.parquet").equals(table)


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (pa.array(["a", None], pa.large_string()), pa.string(), ["a", None]),
        (pa.array(["a", None], pa.string_view()), pa.string(), ["a", None]),
        (pa.array(["a", None, "a"]).dictionary_encode(), pa.string(), ["a", None, "a"]),
        (pd.Series(["a", None], dtype="category"), pa.string(), ["a", None]),
        (pd.Series([3, 1], dtype="category"), pa.int16(), [3, 1]),
        (pa.array([1, 200], pa.uint8()), pa.int16(), [1, 200]),
        (pd.Series([1.0, np.nan]), pa.int16(), [1, None]),
        (pa.array([0, 1, None]), pa.bool_(), [False, True, None]),
        (pa.array([True, None]), CENTS, [Decimal("1.00"), None]),
        (pa.array([float("nan"), float("inf"), -1.5]), pa.float32(), [None, float("inf"), -1.5]),
        (pa.array([12.34, 0.1]), CENTS, [Decimal("12.34"), Decimal("0.10")]),
        (pa.array([5], pa.int16()), CENTS, [Decimal("5.00")]),
        (pa.array([Decimal("1.5")]), CENTS, [Decimal("1.50")]),
        (pd.Series([Decimal("1.5"), None]), CENTS, [Decimal("1.50"), None]),
        (pd.Series(pd.to_datetime(["2024-02-29", None])), pa.date32(), [dt.date(2024, 2, 29), None]),
        (pa.array(["2024-02-29", None]), pa.date32(), [dt.date(2024, 2, 29), None]),
        (pa.array(["2024-01-01T00:00:00+02:00", "2024-07-01T00:00:00Z"]), TIMESTAMP,
         [dt.datetime(2023, 12, 31, 22, tzinfo=UTC), dt.datetime(2024, 7, 1, tzinfo=UTC)]),
        (pd.Series([dt.datetime(2024, 1, 1, tzinfo=zone) for zone in (EAST, UTC)], dtype=object), TIMESTAMP,
         [dt.datetime(2023, 12, 31, 22, tzinfo=UTC), dt.datetime(2024, 1, 1, tzinfo=UTC)]),
        (pa.nulls(2), CENTS, [None, None]),
        (pd.Series([None, None], dtype=object), pa.string(), [None, None]),
    ],
)  # fmt: skip
def test_what_fits_is_fitted(values: Any, kind: pa.DataType, expected: list[Any]) -> None:
    found = fitted(values, kind)
    assert found.type == kind
    assert found.to_pylist() == expected


@pytest.mark.parametrize(
    ("values", "kind", "why"),
    [
        (pa.array([1.5, 1.005]), CENTS, "more than 2 digits after the point; first: 1.005"),
        (pa.array([Decimal("1.20"), Decimal("1.234")]), CENTS, r"data loss; first: Decimal\('1.234'\)"),
        (pa.array([Decimal("1.50")]), pa.int32(), r"first: Decimal\('1.50'\)"),
        (pa.array([1.0, 2.5, 3.5]), pa.int16(), "first: 2.5"),
        (pa.array([1, 40_000]), pa.int16(), "first: 40000"),
        (pa.array([2**63], pa.uint64()), pa.int64(), f"first: {2**63}"),
        (pa.array([1.0, float("inf")]), pa.int64(), "first: inf"),
        (pa.array([float("inf")]), CENTS, "first: inf"),
        (pa.array([1.0, 1e300]), pa.float32(), "too large for float; first: 1e"),
        (pa.array([1, 2**53 + 1]), pa.float64(), f"first: {2**53 + 1}"),
        (pa.array([0, 1, 2]), pa.bool_(), "neither 0 nor 1; first: 2"),
        (pa.array(["7"]), pa.int16(), "got texts; first: '7'"),
        (pa.array(["0.5"]), CENTS, "got texts; first: '0.5'"),
        (pa.array([7]), pa.string(), "got int64; first: 7"),
        (pa.array([True]), pa.string(), "got bool; first: True"),
        (pa.array([19_000]), pa.date32(), "got int64; first: 19000"),
        (pa.array([19_000]), TIMESTAMP, "got int64; first: 19000"),
        (pa.array([dt.date(2024, 1, 1)]), pa.int32(), "got date32"),
        (pa.array([dt.time(1, 2)]), pa.int64(), "got time64"),
        (pa.array(["01/02/2024"]), pa.date32(), "first: '01/02/2024'"),
        (pa.array([dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 2, 5)]), pa.date32(), "a time of day; first: .*2, 5"),
        (pa.array([1], pa.timestamp("ns")), TIMESTAMP, "would lose data"),
        (pa.array(["2024-01-01 05:00:00", "2024-01-01 05:00:00Z"]), TIMESTAMP, "some timestamps have a time zone"),
        (pd.Series([dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 1, tzinfo=EAST)], dtype=object), TIMESTAMP,
         "some timestamps have a time zone"),
        (pd.Series([1, "a"], dtype=object), pa.int16(), "Could not convert 'a'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_its_first_value(values: Any, kind: pa.DataType, why: str) -> None:
    with pytest.raises(REFUSALS, match=why):
        fitted(values, kind)


def test_a_timestamp_without_a_zone_is_of_the_partition_s_zone() -> None:
    naive = pa.array([dt.datetime(2024, 1, 1, 12), dt.datetime(2024, 7, 1, 12)])
    found = fitted(naive, TIMESTAMP, "America/New_York").to_pylist()
    assert [value.hour for value in found] == [17, 16]


def test_of_the_hour_that_autumn_repeats_the_first_is_meant_and_the_hour_that_spring_skips_is_refused() -> None:
    autumn = pa.array([dt.datetime(2024, 11, 3, 1, 30)])
    assert fitted(autumn, TIMESTAMP, "America/New_York").to_pylist()[0].hour == 5
    with pytest.raises(REFUSALS, match="doesn't exist in timezone"):
        fitted(pa.array([dt.datetime(2024, 3, 10, 2, 30)]), TIMESTAMP, "America/New_York")


def test_an_arrow_table_is_conformed_like_a_frame() -> None:
    schema = schema_of({"a": Column(type="int16"), "b": Column(type="decimal", scale=1)})
    table = pa.table({"b": [1.5, 2.0], "a": [1, 2], "more": ["x", "y"]})
    assert conform(table, schema, "test").equals(conform(table.to_pandas(), schema, "test"))


@pytest.mark.parametrize(
    ("texts", "kind", "expected"),
    [
        (["007", None, "NA"], pa.string(), ["007", None, "NA"]),
        (["007", "NA", " 8 "], pa.int16(), [7, None, 8]),
        (["7.0", "8", ""], pa.int64(), [7, 8, None]),
        (["True", "0", "null"], pa.bool_(), [True, False, None]),
        (["1e3", "inf", "nan"], pa.float32(), [1000.0, float("inf"), None]),
        (["1.5", "2"], CENTS, [Decimal("1.50"), Decimal("2.00")]),
        (["2024-01-02", "2024-01-03 00:00:00"], pa.date32(), [dt.date(2024, 1, 2), dt.date(2024, 1, 3)]),
    ],
)
def test_numbers_are_read_out_of_the_texts_of_a_csv(texts: list[Any], kind: pa.DataType, expected: list[Any]) -> None:
    assert fitted(pa.array(texts), kind, as_text=True).to_pylist() == expected


@pytest.mark.parametrize(
    ("texts", "kind", "first"),
    [
        (["7", "7.5"], pa.int16(), "'7.5'"),
        (["7", "seven"], pa.int16(), "'seven'"),
        (["yes"], pa.bool_(), "'yes'"),
        (["1", "1e400"], pa.float64(), "'1e400'"),
        (["1.234"], CENTS, "'1.234'"),
        (["2024-01-02", "2.1.2024"], pa.date32(), "'2.1.2024'"),
    ],
)
def test_a_text_that_is_no_number_is_refused(texts: list[str], kind: pa.DataType, first: str) -> None:
    with pytest.raises(REFUSALS, match=f"first: {first}"):
        fitted(pa.array(texts), kind, as_text=True)
