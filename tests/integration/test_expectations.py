"""Great Expectations for real: what a night breaks is named by column, expectation, observation and examples."""

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from nightshift.contracts import Dataset
from nightshift.errors import ExpectationsFailed, MissingPartition
from nightshift.spec import ModelSpec
from nightshift.steps import validate as step
from nightshift.steps.ingest import ingest
from nightshift.steps.validate import reports_of, validate
from nightshift.stores import Stores, parquet
from nightshift.stores.parquet import conform, schema_of
from nightshift.validation.results import Breach, ValidationResult

pytestmark = pytest.mark.stack

NIGHT = "2024-01-03"
Look = Callable[[ModelSpec, pd.DataFrame], ValidationResult]


@pytest.fixture
def frame(spec: ModelSpec, small_rows: Callable[..., pa.Table]) -> pd.DataFrame:
    return small_rows(spec, NIGHT, 1).drop_columns(["late", "day"]).to_pandas()


@pytest.fixture(params=["by Great Expectations", "a chunk at a time"])
def look(stores: Stores, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Look:
    """What validation says of some rows, the way of small nights and the way of large ones."""
    if request.param == "a chunk at a time":
        monkeypatch.setattr(step, "MOST_ROWS", -1)
        monkeypatch.setattr(parquet, "ROW_GROUP_ROWS", 7)

    def outcome(spec: ModelSpec, frame: pd.DataFrame) -> ValidationResult:
        table = conform(frame, schema_of(spec.columns), "test")
        stores.lake.publish(stores.lake.begin(spec.key(Dataset.RAW, NIGHT)), table, provenance={})
        return step.check(spec, stores.lake.require(spec.key(Dataset.RAW, NIGHT)), stores).outcome

    return outcome


def only(found: list[Breach]) -> Breach:
    (breach,) = found
    return breach


def test_a_good_night_breaks_nothing_and_every_promise_is_checked(
    spec: ModelSpec, frame: pd.DataFrame, look: Look
) -> None:
    outcome = look(spec, frame)
    assert outcome.breaches == []
    assert outcome.expectations == 17
    assert outcome.json["success"] is True
    assert "<html" in outcome.html
    json.dumps(outcome.json)


def test_a_missing_value_where_none_may_be(spec: ModelSpec, frame: pd.DataFrame, look: Look) -> None:
    frame.loc[:2, "weight"] = np.nan
    breach = only(look(spec, frame).breaches)
    assert (breach.column, breach.expectation) == ("weight", "expect_column_values_to_not_be_null")
    assert breach.observed == "3 of 90 rows"


def test_too_many_missing_values_where_some_may_be(spec: ModelSpec, frame: pd.DataFrame, look: Look) -> None:
    frame["kind"] = frame["kind"].where(frame.index % 3 == 0)
    breach = only(look(spec, frame).breaches)
    assert (breach.column, breach.expectation) == ("kind", "expect_column_values_to_not_be_null")
    assert "mostly 0.5" in breach.expected


def test_a_value_out_of_range_is_shown(spec: ModelSpec, frame: pd.DataFrame, look: Look) -> None:
    frame.loc[5, "amount"], frame.loc[6, "amount"] = -1.0, 2000.0
    breach = only(look(spec, frame).breaches)
    assert (breach.column, breach.expectation) == ("amount", "expect_column_values_to_be_between")
    assert "min_value 0.0, max_value 1000.0" in breach.expected
    assert breach.observed == "2 of 90 rows"
    assert breach.examples == ["-1.0", "2000.0"]


def test_a_value_that_is_not_in_the_set_is_shown(spec: ModelSpec, frame: pd.DataFrame, look: Look) -> None:
    frame.loc[5, "site"] = "west"
    breach = only(look(spec, frame).breaches)
    assert (breach.column, breach.expectation) == ("site", "expect_column_values_to_be_in_set")
    assert breach.examples == ["west"]
    assert "west" in str(breach)


def test_a_value_that_does_not_match_is_shown(spec: ModelSpec, frame: pd.DataFrame, look: Look) -> None:
    frame.loc[5:30, "kind"] = "SHOE!"
    breach = only(look(spec, frame).breaches)
    assert (breach.column, breach.expectation) == ("kind", "expect_column_values_to_match_regex")
    assert breach.examples == ["SHOE!"] * 5


def test_repeated_keys_are_shown(spec: ModelSpec, frame: pd.DataFrame, look: Look) -> None:
    frame.loc[1, ["site", "number"]] = frame.loc[0, ["site", "number"]].to_numpy()
    breach = only(look(spec, frame.astype({"number": "int32"})).breaches)
    assert (breach.column, breach.expectation) == ("site, number", "expect_compound_columns_to_be_unique")
    assert breach.observed == "2 of 90 rows"


@pytest.mark.parametrize("rows", [0, 19])
def test_too_few_rows(spec: ModelSpec, frame: pd.DataFrame, look: Look, rows: int) -> None:
    found = look(spec, frame.head(rows)).breaches
    assert (found[0].column, found[0].expectation) == ("the night", "expect_table_row_count_to_be_between")
    assert found[0].observed == f"observed {rows}"
    assert "min_value 20, max_value 500" in found[0].expected


def test_too_many_rows(spec: ModelSpec, change: Callable[..., ModelSpec], frame: pd.DataFrame, look: Look) -> None:
    assert only(look(change(spec, night={"max_rows": 89}), frame).breaches).observed == "observed 90"


def test_a_night_of_nothing_but_missing_values_names_every_column(
    spec: ModelSpec, frame: pd.DataFrame, look: Look
) -> None:
    empty = pd.DataFrame({name: pd.Series([None] * 90, dtype="object") for name in frame})
    for night in (empty, empty.astype({"amount": "float32", "weight": "float64"})):
        found = {breach.column for breach in look(spec, night).breaches}
        assert set(spec.columns) <= found


def test_a_single_key_is_checked_too(
    spec: ModelSpec, change: Callable[..., ModelSpec], frame: pd.DataFrame, look: Look
) -> None:
    frame["number"] = np.maximum(frame["number"], 2).astype("int32")
    breach = only(look(change(spec, keys=["number"]), frame).breaches)
    assert (breach.column, breach.expectation) == ("number", "expect_column_values_to_be_unique")


def test_a_refused_night_keeps_its_report_and_changes_nothing(
    spec: ModelSpec, stores: Stores, spoil: Callable[[str], None]
) -> None:
    ingest(spec, NIGHT, stores)
    good = validate(spec, NIGHT, stores)
    spoil("frame.loc[:6, 'items'] = 99")
    assert ingest(spec, NIGHT, stores).digest != good.digest
    with pytest.raises(ExpectationsFailed) as error:
        validate(spec, NIGHT, stores)
    said = str(error.value)
    assert f"{spec.name} {NIGHT} refused: 1 of 17 expectations broken:" in said
    assert "items: expect_column_values_to_be_between (min_value 1.0, max_value 50.0): 7 of 90 rows, e.g. 99" in said
    html = reports_of(spec, NIGHT).html
    assert f"{stores.lake.objects.uri}/{html}" in said
    assert b"items" in stores.lake.objects.get(html)[0]
    assert json.loads(stores.lake.objects.get(reports_of(spec, NIGHT).json)[0])["success"] is False
    assert stores.lake.require(spec.key(Dataset.VALIDATED, NIGHT)).digest == good.digest


def test_many_breaches_are_cut_short(spec: ModelSpec, stores: Stores, spoil: Callable[[str], None]) -> None:
    spoil("frame = frame.head(8).assign(site='x', number=0, kind='X', amount=-1, weight=-1, items=0, express=None)")
    ingest(spec, NIGHT, stores)
    with pytest.raises(ExpectationsFailed) as error:
        validate(spec, NIGHT, stores)
    assert len(str(error.value).splitlines()) <= 13
    assert "number: expect_column_values_to_be_between" in str(error.value)


def test_a_night_that_was_not_ingested_says_so(spec: ModelSpec, stores: Stores) -> None:
    with pytest.raises(MissingPartition, match="raw has no night 2024-01-03") as error:
        validate(spec, NIGHT, stores)
    assert error.value.fix == f"nightshift ingest {spec.name} 2024-01-03"
