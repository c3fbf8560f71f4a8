"""Bad input on a real S3: each kind is one clear error, or does what docs/your-own-data.md says."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nightshift.contracts import Dataset, PartitionKey
from nightshift.errors import (
    ExpectationsFailed,
    NoSourceData,
    SchemaMismatch,
    SourceMissing,
    SourceUnreadable,
)
from nightshift.spec import ModelSpec
from nightshift.steps.ingest import ingest, ingest_labels
from nightshift.steps.validate import validate
from nightshift.stores import Stores

pytestmark = pytest.mark.stack

FIRST, SECOND = "2024-01-01", "2024-01-02"
WIDE = 10_000
SPEC: dict[str, Any] = {
    "name": "meters",
    "description": "Will a meter fail?",
    "partition": {"column": "day", "start": "2024-01-01"},
    "keys": ["meter"],
    "columns": {
        "meter": {"type": "int64", "source": 'Zähler-Nr. "A"'},
        "place": {"type": "string"},
        "load": {"type": "float64", "nullable": True},
    },
    "label": {"column": "failed", "delay_days": 1},
    "training": {"window_days": 5, "holdout_days": 1, "trainer": "hist_gradient_boosting"},
}


def frame(night: str = FIRST, rows: int = 4) -> pd.DataFrame:
    return pd.DataFrame({
        "day": pd.to_datetime([night] * rows),
        'Zähler-Nr. "A"': range(rows),
        "place": ["north", "süd"] * (rows // 2),
        "load": np.linspace(0, 1, rows),
        "failed": [True, False] * (rows // 2),
    })


@pytest.fixture
def put(stores: Stores) -> Callable[..., None]:
    """``put("a.parquet", frame)`` writes a file, or bytes, beside the lake's own data."""

    def write(name: str, content: pd.DataFrame | bytes) -> None:
        body = content if isinstance(content, bytes) else io.BytesIO()
        if isinstance(content, pd.DataFrame):
            content.to_parquet(body) if name.endswith("parquet") else content.to_csv(body, index=False)
            body = body.getvalue()
        stores.lake.objects.put(f"incoming/{name}", body)

    return write


@pytest.fixture
def meters(stores: Stores) -> Callable[..., ModelSpec]:
    """``meters("*.parquet")``: the spec over files of this test's own prefix."""

    def make(pattern: str = "*.parquet", **changes: Any) -> ModelSpec:
        files = f"{stores.lake.objects.uri}/incoming/{pattern}"
        return ModelSpec.model_validate({**SPEC, "source": {"files": files}, **changes})

    return make


Put = Callable[..., None]
Meters = Callable[..., ModelSpec]


def rows(stores: Stores, dataset: str, night: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stores.lake.read(
        stores.lake.require(PartitionKey(dataset, "meters", "day", night))
    ).to_pylist()
    return found


@pytest.mark.parametrize("name", ["a.parquet", "day=2024-01-01/a.parquet", "a.csv"])
def test_names_with_spaces_quotes_and_unicode_are_mapped(stores: Stores, put: Put, meters: Meters, name: str) -> None:
    by_path = name.startswith("day=")
    put(name, frame().drop(columns="day") if by_path else frame())
    spec = meters("**/*.*", source={"files": f"{stores.lake.objects.uri}/incoming/**/*.*", "night": "path"})
    spec = spec if by_path else meters("*.*")
    assert ingest(spec, FIRST, stores).rows == 4
    assert rows(stores, "raw", FIRST)[1] == {"meter": 1, "place": "süd", "load": pytest.approx(1 / 3)}
    assert ingest_labels(spec, FIRST, stores).rows == 4
    assert [row["failed"] for row in rows(stores, "labels", FIRST)] == [1.0, 0.0, 1.0, 0.0]


@pytest.mark.parametrize("log", ["_delta_log/00000000000000000000.json", "metadata/v1.metadata.json"])
def test_a_table_of_another_format_is_refused_and_what_is_unfinished_left_alone(
    stores: Stores, put: Put, meters: Meters, log: str
) -> None:
    put("plain/_temporary/0/a.parquet", frame())
    put("plain/a.parquet", frame())
    put("table/data/a.parquet", frame())
    put(f"table/{log}", b"{}")
    assert ingest(meters("plain/**/*.parquet"), FIRST, stores).rows == 4
    for pattern in ("table/data/*.parquet", "table/**/*.parquet", "table/data/a.parquet", "**/*.parquet"):
        with pytest.raises(SourceUnreadable, match=r"/incoming/table is an? (Delta|Iceberg) table"):
            ingest(meters(pattern), FIRST, stores)


def test_a_pattern_that_matches_nothing_is_no_empty_night(stores: Stores, put: Put, meters: Meters) -> None:
    with pytest.raises(SourceMissing, match="no file matches s3://"):
        ingest(meters(), FIRST, stores)
    with pytest.raises(SourceMissing, match="there is no bucket no-such-bucket"):
        ingest(meters(source={"files": "s3://no-such-bucket/*.csv"}), FIRST, stores)
    put("a.parquet", frame())
    with pytest.raises(NoSourceData, match="the night is skipped"):
        ingest(meters(), SECOND, stores)


@pytest.mark.parametrize("cut", [0, 8, 400])
def test_a_half_written_file_is_named_and_nothing_is_published(
    stores: Stores, put: Put, meters: Meters, cut: int
) -> None:
    whole = io.BytesIO()
    frame().to_parquet(whole)
    put("a.parquet", frame())
    put("b.parquet", whole.getvalue()[:cut])
    with pytest.raises(SourceUnreadable, match=r"incoming/b\.parquet cannot be read: "):
        ingest(meters(), FIRST, stores)
    assert stores.lake.partitions(Dataset.RAW, "meters") == []


def test_an_all_null_column_is_null_in_raw_and_refused_where_the_spec_forbids_it(
    stores: Stores, put: Put, meters: Meters
) -> None:
    put("a.parquet", frame().assign(load=None, place=None))
    ingest(meters(), FIRST, stores)
    assert {row["load"] for row in rows(stores, "raw", FIRST)} == {None}
    with pytest.raises(ExpectationsFailed, match=r"place: .*null"):
        validate(meters(), FIRST, stores)


def test_a_column_that_changes_its_type_between_nights_is_fitted_or_named(
    stores: Stores, put: Put, meters: Meters
) -> None:
    put("a.parquet", frame())
    put("b.parquet", frame(SECOND).assign(load=pd.array([1, 2, None, 4], dtype="Int16")))
    put("c.parquet", frame("2024-01-03").assign(load=["1", "2", "3", "4"]))
    for night in (FIRST, SECOND):
        ingest(meters(), night, stores)
    assert [row["load"] for row in rows(stores, "raw", SECOND)] == [1.0, 2.0, None, 4.0]
    with pytest.raises(SchemaMismatch, match=r"c\.parquet: column load is not float64: got texts; first: '1'"):
        ingest(meters(), "2024-01-03", stores)


def test_a_new_column_is_left_out_and_a_vanished_one_is_named(stores: Stores, put: Put, meters: Meters) -> None:
    put("a.parquet", frame().assign(new="x"))
    put("b.parquet", frame(SECOND).drop(columns="place"))
    ingest(meters(), FIRST, stores)
    assert set(rows(stores, "raw", FIRST)[0]) == {"meter", "place", "load"}
    with pytest.raises(SchemaMismatch, match=r"b\.parquet: column place missing; got day, Zähler"):
        ingest(meters(), SECOND, stores)


def test_a_key_may_return_on_another_night_but_not_within_one(stores: Stores, put: Put, meters: Meters) -> None:
    put("a.parquet", frame())
    put("b.parquet", frame(SECOND))
    for night in (FIRST, SECOND):
        ingest(meters(), night, stores)
        assert validate(meters(), night, stores).rows == 4
    put("c.parquet", frame(SECOND))
    assert ingest(meters(), SECOND, stores).rows == 8
    with pytest.raises(ExpectationsFailed, match="meter"):
        validate(meters(), SECOND, stores)


def test_mixed_time_zones_are_refused(stores: Stores, put: Put, meters: Meters) -> None:
    put("a.csv", frame().assign(day=["2024-01-01 01:00:00", "2024-01-01 01:00:00+02:00"] * 2))
    with pytest.raises(SchemaMismatch, match=r"a\.csv: column day does not say the night: .*time zone"):
        ingest(meters("*.csv"), FIRST, stores)


def test_infinite_values_reach_raw_as_they_are(stores: Stores, put: Put, meters: Meters) -> None:
    put("a.parquet", frame().assign(load=[np.inf, -np.inf, np.nan, 1.0]))
    ingest(meters(), FIRST, stores)
    assert [row["load"] for row in rows(stores, "raw", FIRST)] == [np.inf, -np.inf, None, 1.0]


def test_ten_thousand_categories_are_kept_exactly(stores: Stores, put: Put, meters: Meters) -> None:
    put("a.parquet", frame(rows=WIDE).assign(place=[f"place {number}" for number in range(WIDE)]))
    ingest(meters(), FIRST, stores)
    assert validate(meters(), FIRST, stores).rows == WIDE
    assert len({row["place"] for row in rows(stores, "validated", FIRST)}) == WIDE
