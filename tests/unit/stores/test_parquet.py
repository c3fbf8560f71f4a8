"""Files of the lake: the same rows, however they come, give the same bytes; other columns are refused."""

import hashlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nightshift.errors import SchemaMismatch
from nightshift.spec import Column
from nightshift.stores import parquet
from nightshift.stores.parquet import conform, schema_of, write

COLUMNS = {
    "name": Column(type="string", nullable=True),
    "size": Column(type="int16"),
    "share": Column(type="float32", nullable=True),
    "good": Column(type="bool"),
}
SCHEMA = schema_of(COLUMNS)


def frame(rows: int = 50) -> pd.DataFrame:
    rng = np.random.default_rng(rows)
    return pd.DataFrame({
        "name": pd.Series(rng.choice(["a", "b", None], rows), dtype="str"),
        "size": rng.integers(0, 9, rows).astype("int16"),
        "share": np.where(rng.random(rows) < 0.2, np.nan, rng.random(rows)).astype("float32"),
        "good": rng.random(rows) < 0.5,
    })


def digest(batches: list[pa.RecordBatch], schema: pa.Schema, folder: Path) -> str:
    assert write(batches, schema, folder / "x.parquet") == sum(batch.num_rows for batch in batches)
    return hashlib.sha256((folder / "x.parquet").read_bytes()).hexdigest()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(0, 500), max_size=6), group=st.sampled_from([64, 100, 1000]))
def test_how_rows_are_cut_into_batches_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cuts: list[int], group: int
) -> None:
    monkeypatch.setattr(parquet, "ROW_GROUP_ROWS", group)
    table = conform(frame(500), SCHEMA, "test")
    edges = [0, *sorted(cuts), 500]
    pieces = [table.slice(a, b - a).to_batches() for a, b in pairwise(edges)]
    cut = digest([batch for piece in pieces for batch in piece], table.schema, tmp_path)
    groups = pq.ParquetFile(tmp_path / "x.parquet").metadata
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups - 1)] == [group] * ((500 - 1) // group)
    assert cut == digest(table.to_batches(), table.schema, tmp_path)
    assert pq.read_table(tmp_path / "x.parquet").equals(table)


def test_the_same_rows_made_twice_give_the_same_bytes(tmp_path: Path) -> None:
    one, two = (conform(frame(), SCHEMA, "test") for _ in range(2))
    assert digest(one.to_batches(), one.schema, tmp_path) == digest(two.to_batches(), two.schema, tmp_path)


def test_one_other_value_gives_other_bytes(tmp_path: Path) -> None:
    one, other = frame(), frame()
    other.loc[7, "size"] += 1
    tables = [conform(rows, SCHEMA, "test") for rows in (one, other)]
    assert len({digest(table.to_batches(), table.schema, tmp_path) for table in tables}) == 2


def test_no_rows_are_a_file_too(tmp_path: Path) -> None:
    table = conform(frame(0), SCHEMA, "test")
    digest(table.to_batches(), table.schema, tmp_path)
    assert pq.read_table(tmp_path / "x.parquet").schema.equals(table.schema)


def test_pages_carry_checksums_that_find_a_flipped_byte(tmp_path: Path) -> None:
    table = conform(frame(5000), SCHEMA, "test")
    digest(table.to_batches(), table.schema, tmp_path)
    body = bytearray((tmp_path / "x.parquet").read_bytes())
    chunk = pq.ParquetFile(tmp_path / "x.parquet").metadata.row_group(0).column(2)
    body[chunk.data_page_offset + chunk.total_compressed_size - 10] ^= 0xFF
    (tmp_path / "x.parquet").write_bytes(body)
    with pytest.raises(OSError, match=r"(?i)crc|checksum|corrupt"):
        pq.read_table(tmp_path / "x.parquet", page_checksum_verification=True)


def test_the_schema_is_the_spec_s_in_its_order() -> None:
    assert pa.schema([
        pa.field("name", pa.string()),
        pa.field("size", pa.int16(), nullable=False),
        pa.field("share", pa.float32()),
        pa.field("good", pa.bool_(), nullable=False),
    ]) == SCHEMA  # fmt: skip


def test_columns_are_put_in_order_and_others_left_out() -> None:
    mixed = frame()[["good", "share", "size", "name"]].assign(extra=1)
    assert conform(mixed, SCHEMA, "test").equals(conform(frame(), SCHEMA, "test"))


def test_nulls_pass_also_where_the_spec_forbids_them() -> None:
    """They must reach the validation, which names them."""
    holes = frame().astype({"size": "Int16"})
    holes.loc[3, "size"] = None
    table = conform(holes, SCHEMA, "test")
    assert table["size"].null_count == 1
    assert all(field.nullable for field in table.schema)


def test_nan_is_null() -> None:
    missing = int(frame()["share"].isna().sum())
    assert missing > 0
    assert conform(frame(), SCHEMA, "test")["share"].null_count == missing


def test_missing_columns_are_named_beside_what_came() -> None:
    with pytest.raises(SchemaMismatch, match=r"raw/x 2024-01-01: column size, good missing; got name, share") as error:
        conform(frame()[["name", "share"]], SCHEMA, "raw/x 2024-01-01")
    assert "model.yaml" in str(error.value.fix)


@pytest.mark.parametrize(
    ("column", "values", "kind"),
    [
        ("size", ["many"] * 50, "int16"),
        ("size", [1.5] * 50, "int16"),
        ("size", [40_000] * 50, "int16"),
        ("size", [2**70] * 50, "int16"),
        ("share", ["0.5"] * 50, "float"),
        ("name", [1] * 50, "string"),
        ("good", ["yes"] * 50, "bool"),
        ("size", [[1]] * 50, "int16"),
    ],
)
def test_a_wrong_type_names_the_column_and_what_it_should_be(column: str, values: list[object], kind: str) -> None:
    rows = frame().drop(columns=column)
    rows[column] = pd.Series(values, dtype="object" if isinstance(values[0], list) else None)
    with pytest.raises(SchemaMismatch, match=f"test: column {column} is not {kind}: "):
        conform(rows, SCHEMA, "test")


@given(values=st.lists(st.integers(0, 9), min_size=1, max_size=80), least=st.sampled_from([2, 5]))
@settings(deadline=None, max_examples=60)
def test_a_column_repeats_where_all_its_values_say_so(values: list[int], least: int) -> None:
    """A look at the first of them must not decide what the others contradict."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "LARGE_ROWS", 1)
        patch.setattr(parquet, "MIN_REPEATS", least)
        repeats = parquet._repeats(pa.chunked_array([pa.array(values, pa.int64())]))
    assert repeats is (len(set(values)) * least <= len(values))
