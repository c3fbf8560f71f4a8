"""Small files that become large: each is one clear error, or is read only as far as the night may be long."""

import datetime as dt
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightshift.errors import ExpectationsFailed, SchemaMismatch, SourceUnreadable
from nightshift.settings import Settings
from nightshift.sources import features, labels
from nightshift.sources.reading import cut
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.validation.night_checks import row_counts
from nightshift.validation.results import CheckResult
from tests.unit.hostile.memory import limited

Shop = Callable[..., ModelSpec]
NIGHT = "2024-01-01"
HEADER = "day,order,kind,late\n"
LONG = 50 * 2**20


def table(rows: int, **columns: Any) -> pa.Table:
    known: dict[str, Any] = {"day": pa.repeat(pa.scalar(dt.date(2024, 1, 1)), rows), "order": pa.repeat(7, rows)}
    return pa.table(known | {"kind": pa.repeat("a", rows), "late": pa.repeat(True, rows)} | columns)


def repeated(text: str, rows: int) -> pa.Array:
    indices = pa.repeat(pa.scalar(0, pa.int32()), rows)
    return pa.DictionaryArray.from_arrays(indices, [text])


def test_a_long_text_in_every_row_is_refused_before_it_is_there_as_often(
    shop: Shop, stores: Stores, tmp_path: Path
) -> None:
    """3 KB of Parquet once took 6 GB."""
    pq.write_table(table(40, kind=repeated("x" * LONG, 40)), tmp_path / "a.parquet", compression="zstd")
    assert (tmp_path / "a.parquet").stat().st_size < 10_000
    with (
        limited(megabytes=400),
        pytest.raises(SchemaMismatch, match=r"a\.parquet: column kind has a text of 52,428,800 bytes, allowed 65,536"),
    ):
        features(shop("*.parquet"), NIGHT, stores)


def test_a_text_may_be_as_long_as_the_spec_says(shop: Shop, stores: Stores, tmp_path: Path) -> None:
    pq.write_table(table(2, kind=["ä" * 10, "b"]), tmp_path / "a.parquet")
    columns = {"order": {"type": "int64", "feature": False}, "kind": {"type": "string", "max_length": 20}}
    assert features(shop("*.parquet", columns=columns), NIGHT, stores)["kind"].to_pylist() == ["ä" * 10, "b"]
    columns["kind"]["max_length"] = 19
    with pytest.raises(SchemaMismatch, match=r"column kind has a text of 20 bytes, allowed 19") as error:
        features(shop("*.parquet", columns=columns), NIGHT, stores)
    assert "max_length in model.yaml" in str(error.value.fix)


def test_a_text_of_a_csv_is_held_against_the_same_limit(shop: Shop, stores: Stores, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"{HEADER}{NIGHT},1,{'x' * 70_000},true\n")
    with pytest.raises(SchemaMismatch, match=r"a\.csv: column kind has a text of 70,000 bytes, allowed 65,536"):
        features(shop("*.csv"), NIGHT, stores)


def test_a_numeric_column_has_no_longest_text(shop: Shop) -> None:
    with pytest.raises(ValueError, match="max_length is for string columns"):
        shop("*.csv", columns={"order": {"type": "int64", "max_length": 3}})


@pytest.mark.parametrize("night", ["column", "arrival"])
def test_millions_of_equal_rows_are_read_as_far_as_the_night_may_be_long(
    shop: Shop, stores: Stores, tmp_path: Path, night: str
) -> None:
    """Half a megabyte of Parquet once took 4 GB."""
    pq.write_table(table(5_000_000), tmp_path / "a.parquet", compression="zstd", row_group_size=5_000_000)
    assert (tmp_path / "a.parquet").stat().st_size < 2**20
    source = {"files": "*.parquet", "night": night}
    today = dt.datetime.now(dt.UTC).date().isoformat()
    with limited(megabytes=300):
        spec = shop("", source=source)
        rows = features(spec, today if night == "arrival" else NIGHT, stores)
    assert len(rows) == 241
    assert cut(spec, len(rows)) == {"cut_at": 240}


def test_texts_of_other_nights_are_not_unpacked_for_this_one(shop: Shop, stores: Stores, tmp_path: Path) -> None:
    mine = table(40)
    day = pa.repeat(pa.scalar(dt.date(2024, 1, 5)), 2_000)
    others = table(2_000, day=day, kind=repeated("x" * 70_000, 2_000))
    with pq.ParquetWriter(tmp_path / "a.parquet", mine.schema) as writer:
        writer.write_table(mine)
        writer.write_table(others.cast(mine.schema))
    assert len(features(shop("*.parquet"), NIGHT, stores)) == 40
    with pytest.raises(SchemaMismatch, match="has a text of 70,000 bytes"):
        features(shop("*.parquet"), "2024-01-05", stores)


def test_a_function_gives_all_rows_and_nothing_is_cut(spec: ModelSpec) -> None:
    assert cut(spec, 10_000) == {}


def test_rows_of_a_csv_are_read_as_far_too(shop: Shop, stores: Stores, tmp_path: Path) -> None:
    with gzip.open(tmp_path / "a.csv.gz", "wt") as file:
        file.write(HEADER)
        for _ in range(40):
            file.write(f"{NIGHT},1,a,true\n" * 100_000)
    with limited(megabytes=300):
        assert len(features(shop("*.csv.gz"), NIGHT, stores)) == 241


def test_a_night_that_may_be_as_long_is_read_whole_and_over_several_files(
    shop: Shop, stores: Stores, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        pq.write_table(table(80), tmp_path / f"{name}.parquet")
    spec = shop("*.parquet")
    rows = features(spec, NIGHT, stores)
    assert (len(rows), cut(spec, len(rows))) == (240, {})
    assert len(features(shop("*.parquet", night={"max_rows": 200}), NIGHT, stores)) == 201
    assert len(features(shop("*.parquet", night={}), NIGHT, stores)) == 240


def test_labels_of_a_night_that_is_too_long_are_refused_not_cut(shop: Shop, stores: Stores, tmp_path: Path) -> None:
    pq.write_table(table(241), tmp_path / "a.parquet")
    with pytest.raises(ExpectationsFailed, match=r"more rows than night\.max_rows, 240, so that no labels are read"):
        labels(shop("*.parquet"), NIGHT, stores)
    own = {"column": "late", "delay_days": 1, "source": {"files": "*.parquet"}}
    assert len(labels(shop("*.parquet", label=own), NIGHT, stores)) == 241


def test_the_check_of_a_night_that_was_cut_says_more_than(shop: Shop) -> None:
    (check,) = row_counts(shop("*.csv"), [], cut_at=240)
    assert CheckResult(check, 241, None, check.holds(241)).observed == "observed more than 240"


def test_a_row_group_that_is_too_large_unpacked_is_refused_by_its_footer(
    shop: Shop, stores: Stores, tmp_path: Path
) -> None:
    pq.write_table(table(1_000_000), tmp_path / "a.parquet", row_group_size=1_000_000)
    few = Stores(Settings(project=tmp_path, home=tmp_path, max_group_bytes=2**22))
    with (
        limited(megabytes=100),
        pytest.raises(SourceUnreadable, match=r"a\.parquet cannot be read: row group 0 has .* allowed 4,194,304"),
    ):
        features(shop("*.parquet"), NIGHT, few)
    assert len(features(shop("*.parquet"), NIGHT, stores)) == 241


def test_texts_that_no_limit_is_known_of_count_as_often_as_they_are_there(shop: Shop, tmp_path: Path) -> None:
    """A transform gets all columns of the source, also those that model.yaml does not name."""
    pq.write_table(table(400, other=repeated("x" * 2**20, 400)), tmp_path / "a.parquet", compression="zstd")
    few = Stores(Settings(project=tmp_path, home=tmp_path, max_group_bytes=2**27))
    spec = shop("", source={"files": "*.parquet", "transform": "transform.py"})
    with limited(megabytes=200), pytest.raises(SourceUnreadable, match="row group 0 has"):
        features(spec, NIGHT, few)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param(f"{HEADER}{NIGHT},1,{'x' * 40 * 2**20},true\n", "a line of more than 8,388,608", id="long line"),
        pytest.param(f'{HEADER}{NIGHT},1,"' + "x,y\n" * 3 * 2**20, "cannot be read", id="open quote"),
        pytest.param("x" * 200_000 + "\n", "its header is no CSV", id="long name"),
        pytest.param("," * 100_000 + "\n1\n", "it has 100,001 columns, allowed 20,000", id="columns"),
        pytest.param("\0" * 2**20, "cannot be read", id="zeros"),
        pytest.param("", "it is empty", id="nothing"),
    ],
)
def test_a_csv_that_is_none_is_one_error(shop: Shop, stores: Stores, tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with limited(megabytes=300), pytest.raises((SourceUnreadable, SchemaMismatch), match=rf"a\.csv.*{why}"):
        features(shop("*.csv"), NIGHT, stores)


def test_a_packed_file_that_becomes_too_large_is_refused(
    shop: Shop, stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nightshift.sources.streams.HARMLESS_BYTES", 2**24)
    with gzip.open(tmp_path / "a.csv.gz", "wb") as file:
        file.write(HEADER.encode())
        for _ in range(64):
            file.write(b"2023-01-01,1,a,true\n" * 50_000)
    with limited(megabytes=200), pytest.raises(SourceUnreadable, match="more than 200 times as large when unpacked"):
        features(shop("*.csv.gz"), NIGHT, stores)


def test_texts_of_a_frame_are_held_against_the_limit_too(shop: Shop, stores: Stores, tmp_path: Path) -> None:
    folder = tmp_path / "models" / "shop"
    folder.mkdir(parents=True)
    (folder / "source.py").write_text(
        "import pandas as pd\ndef features(night):\n    return pd.DataFrame({'order': [1], 'kind': ['x' * 70_000]})\n"
    )
    with pytest.raises(SchemaMismatch, match="column kind has a text of 70,000 bytes"):
        features(shop("", source={"python": "source.py"}), NIGHT, stores)


def test_a_file_of_every_kind_that_holds_little_is_read_as_before(shop: Shop, stores: Stores, tmp_path: Path) -> None:
    frame = pd.DataFrame({"day": [NIGHT], "order": [1], "kind": ["a"], "late": [True]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_csv(tmp_path / "b.csv.gz", index=False)
    assert len(features(shop("*.csv*"), NIGHT, stores)) == 2
