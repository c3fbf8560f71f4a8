"""Parquet as others write it: types that Arrow cannot filter, moments without a zone, texts without their mark."""

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightshift.errors import NoSourceData, SchemaMismatch, SourceUnreadable
from nightshift.sources import features
from nightshift.sources.parquet_table import ParquetTable
from nightshift.sources.places import find
from nightshift.sources.tables import reading
from nightshift.spec import ModelSpec
from nightshift.stores import Stores

Shop = Callable[..., ModelSpec]
NIGHT = "2024-01-01"
IDS = [uuid.UUID(int=number) for number in (1, 2, 3)]


def spec_of(shop: Shop, column_type: str, night: str = "column") -> ModelSpec:
    columns = {"order": {"type": "int64"}, "x": {"type": column_type, "nullable": True, "feature": False}}
    return shop({"files": "*.parquet", "night": night}, columns=columns)


def written(path: Path, **columns: Any) -> None:
    pq.write_table(pa.table({"day": [dt.date(2024, 1, 1)] * 2 + [dt.date(2024, 1, 2)], **columns}), path / "a.parquet")


@pytest.mark.parametrize(
    ("values", "column_type", "expected"),
    [
        (pa.array(["a", None, "c"], pa.string_view()), "string", ["a", None]),
        (pa.array(["a", None, "c"], pa.large_string()), "string", ["a", None]),
        (pa.array(["a", "a", "c"]).dictionary_encode(), "string", ["a", "a"]),
        (pa.array([b"a", None, b"\xff"]), "string", ["a", None]),
        (pa.array([b"a", "ü".encode(), b"c"], pa.binary_view()), "string", ["a", "ü"]),
        (pa.array([b"ab", None, b"cd"], pa.binary(2)), "string", ["ab", None]),
        (pa.array([IDS[0].bytes, None, IDS[2].bytes], pa.uuid()), "string", [str(IDS[0]), None]),
        (pa.array([1.5, None, 2.5], pa.float16()), "float32", [1.5, None]),
        (pa.array([Decimal("1.5"), None, Decimal("2.5")], pa.decimal32(5, 1)), "float64", [1.5, None]),
        (pa.array(['{"a": 1}', None, "2"], pa.json_()), "string", ['{"a": 1}', None]),
    ],
)
def test_a_night_is_chosen_among_columns_of_any_type(
    shop: Shop, stores: Stores, tmp_path: Path, values: pa.Array, column_type: str, expected: list[Any]
) -> None:
    written(tmp_path, order=[1, 2, 3], x=values)
    rows = features(spec_of(shop, column_type), NIGHT, stores)
    assert rows.to_pydict() == {"order": [1, 2], "x": expected}


@pytest.mark.parametrize("kind", [pa.string_view(), pa.large_string(), pa.binary(), pa.binary_view()])
def test_what_says_the_night_may_be_text_of_any_layout(
    shop: Shop, stores: Stores, tmp_path: Path, kind: pa.DataType
) -> None:
    texts = pa.array([NIGHT, "2024-01-02", None]).cast(pa.binary()).cast(kind)
    pq.write_table(pa.table({"day": texts, "order": [1, 2, 3]}), tmp_path / "a.parquet")
    columns = {"order": {"type": "int64"}}
    assert features(shop({"files": "*.parquet"}, columns=columns), NIGHT, stores)["order"].to_pylist() == [1]


@pytest.mark.parametrize("is_int96", [True, False])
def test_int96_is_read_as_the_moment_that_it_is(shop: Shop, stores: Stores, tmp_path: Path, is_int96: bool) -> None:
    moments = [dt.datetime(2024, 1, 1, 22, 59), dt.datetime(2024, 1, 1, 23, 1), dt.datetime(2024, 1, 2, 1)]
    seen = [*moments[:2], dt.datetime(9999, 12, 31)]
    kind = pa.timestamp("us", None if is_int96 else "UTC")
    table = pa.table({"day": pa.array(moments, kind), "order": [1, 2, 3], "x": pa.array(seen, kind)})
    pq.write_table(table, tmp_path / "a.parquet", use_deprecated_int96_timestamps=is_int96)
    spec = spec_of(shop, "timestamp")
    # 23:59 in Berlin, and from a minute after its midnight on.
    assert features(spec, NIGHT, stores)["order"].to_pylist() == [1]
    rows = features(spec, "2024-01-02", stores)
    assert rows["order"].to_pylist() == [2, 3]
    assert [moment.replace(tzinfo=None) for moment in rows["x"].to_pylist()] == seen[1:]


def test_bytes_that_are_no_text_are_named(shop: Shop, stores: Stores, tmp_path: Path) -> None:
    written(tmp_path, order=[1, 2, 3], x=pa.array([b"\xff\xfe", b"a", b"b"]))
    with pytest.raises(SchemaMismatch, match=r"a\.parquet: column x is not string: Invalid UTF8.*; first: b'\\xff"):
        features(spec_of(shop, "string"), NIGHT, stores)


def test_a_file_with_an_odd_type_and_no_row_of_the_night_is_empty(shop: Shop, stores: Stores, tmp_path: Path) -> None:
    written(tmp_path, order=[1, 2, 3], x=pa.array(["a", "b", "c"], pa.string_view()))
    with pytest.raises(NoSourceData):
        features(spec_of(shop, "string"), "2024-05-01", stores)


def test_a_function_that_arrow_lacks_is_no_broken_file(stores: Stores, tmp_path: Path) -> None:
    written(tmp_path, order=[1, 2, 3])
    table = ParquetTable(find("*.parquet", stores.settings)[0])
    why = r"a\.parquet has a column of a type that cannot be used: no kernel"
    with pytest.raises(SchemaMismatch, match=why), reading(table.file):
        raise pa.ArrowNotImplementedError("no kernel for it")
    with pytest.raises(SourceUnreadable), reading(table.file):
        raise pa.ArrowInvalid("half a file")


def test_a_column_that_may_be_missing_is_null_where_it_is(
    shop: Shop, stores: Stores, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "nightshift")
    written(tmp_path, order=[1, 2, 3])
    columns = {"order": {"type": "int64"}, "x": {"type": "decimal", "nullable": True}}
    with pytest.raises(SchemaMismatch, match="column x missing"):
        features(shop({"files": "*.parquet"}, columns=columns), NIGHT, stores)
    columns["x"]["optional"] = True
    rows = features(shop({"files": "*.parquet"}, columns=columns), NIGHT, stores)
    assert rows["x"].to_pylist() == [None, None]
    assert "no column x: null in its rows" in caplog.text
