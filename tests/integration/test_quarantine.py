"""Rows that the spec says to drop lie in quarantine with their reasons, are counted, and can come back."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightshift.contracts import Dataset, PartitionKey
from nightshift.errors import ExpectationsFailed, LakeUnavailable, SpecError
from nightshift.modelling.labelled_night import join_night, labelled
from nightshift.spec import ModelSpec
from nightshift.steps import validate as step
from nightshift.steps.ingest import ingest, ingest_labels
from nightshift.steps.validate import reports_of, validate
from nightshift.stores import Stores, parquet

pytestmark = pytest.mark.stack

NIGHT = "2024-01-03"
Spoil = Callable[[str], None]
Change = Callable[..., ModelSpec]


@pytest.fixture
def dropping(spec: ModelSpec, change: Change) -> ModelSpec:
    """A spec that drops rows for amounts and kinds that cannot be, and for repeated keys."""
    columns = {"amount": {"on_breach": "drop"}, "kind": {"on_breach": {"pattern": "drop"}}}
    return change(spec, columns=columns, night={"duplicate_keys": "drop", "max_quarantined_share": 0.2})


@pytest.fixture(params=["whole", "in chunks"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The way of small nights, and the way of large ones."""
    if request.param == "in chunks":
        monkeypatch.setattr(step, "MOST_ROWS", -1)
        monkeypatch.setattr(parquet, "ROW_GROUP_ROWS", 7)
    return str(request.param)


def read(dataset: str, spec: ModelSpec, stores: Stores, night: str = NIGHT) -> pa.Table:
    """What a reader of the plain prefix sees."""
    folder = f"{stores.lake.objects.path(dataset)}/{spec.name}/day={night}"
    return pq.read_table(folder, filesystem=stores.lake.objects.filesystem, partitioning=None)


def night(spec: ModelSpec, stores: Stores, partition: str = NIGHT) -> Any:
    ingest(spec, partition, stores)
    validate(spec, partition, stores)
    return stores.lake.require(spec.key(Dataset.VALIDATED, partition))


def test_a_row_that_breaches_is_kept_aside_with_reasons_and_values(
    dropping: ModelSpec, stores: Stores, spoil: Spoil, size: str
) -> None:
    spoil("frame.loc[[3, 40], 'amount'] = [-5.0, float('inf')]; frame.loc[[40, 41], 'kind'] = 'SHOE!'")
    manifest = night(dropping, stores)
    assert (manifest.rows_in, manifest.rows, manifest.rows_quarantined) == (90, 87, 3)
    kept, aside = read(Dataset.VALIDATED, dropping, stores), read(Dataset.QUARANTINE, dropping, stores)
    assert kept.num_rows == 87
    assert kept.schema.names == list(dropping.columns)
    found = {row["number"]: dict(zip(row["reasons"], row["offending"], strict=True)) for row in aside.to_pylist()}
    assert found == {
        4: {"amount: range": "-5.0"},
        41: {"amount: finite": "inf", "amount: range": "inf", "kind: pattern": "SHOE!"},
        42: {"kind: pattern": "SHOE!"},
    }
    assert not set(kept["number"].to_pylist()) & set(found)


def test_both_ways_write_the_same_rows(
    dropping: ModelSpec, stores: Stores, spoil: Spoil, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil("frame.loc[[0, 7, 13, 89], 'amount'] = -1; frame.loc[20:21, ['site', 'number']] = ['east', 500]")
    night(dropping, stores)
    whole = [read(dataset, dropping, stores) for dataset in (Dataset.VALIDATED, Dataset.QUARANTINE)]
    monkeypatch.setattr(step, "MOST_ROWS", -1)
    monkeypatch.setattr(parquet, "ROW_GROUP_ROWS", 7)
    night(dropping, stores)
    assert [read(dataset, dropping, stores) for dataset in (Dataset.VALIDATED, Dataset.QUARANTINE)] == whole
    assert whole[1].num_rows == 6


def test_every_row_of_a_repeated_key_is_dropped(dropping: ModelSpec, stores: Stores, spoil: Spoil, size: str) -> None:
    spoil("frame.loc[[10, 11, 12], ['site', 'number']] = ['east', 11]")
    manifest = night(dropping, stores)
    assert (manifest.rows, manifest.rows_quarantined) == (87, 3)
    aside = read(Dataset.QUARANTINE, dropping, stores)
    assert aside["reasons"].to_pylist() == [["site, number: duplicate"]] * 3
    assert aside["offending"].to_pylist() == [["east and 11"]] * 3


def test_too_many_bad_rows_refuse_the_night_and_change_nothing(
    dropping: ModelSpec, stores: Stores, spoil: Spoil, size: str
) -> None:
    before = night(dropping, stores)
    spoil("frame.loc[:18, 'amount'] = -1")
    ingest(dropping, NIGHT, stores)
    with pytest.raises(ExpectationsFailed, match=r"19 of 90 rows would go to quarantine.* allows 20.00%"):
        validate(dropping, NIGHT, stores)
    assert stores.lake.require(dropping.key(Dataset.VALIDATED, NIGHT)) == before
    quarantine = stores.lake.require(dropping.key(Dataset.QUARANTINE, NIGHT))
    assert (quarantine.files, quarantine.sequence) == ((), 1)


def test_what_is_left_must_be_a_night(dropping: ModelSpec, change: Change, stores: Stores, spoil: Spoil) -> None:
    spoil("frame.loc[:5, 'amount'] = -1")
    with pytest.raises(ExpectationsFailed, match=r"leaves 84, fewer than night.min_rows 85"):
        night(change(dropping, night={"min_rows": 85}), stores)


def test_a_breach_that_refuses_wins_over_one_that_drops(
    dropping: ModelSpec, stores: Stores, spoil: Spoil, size: str
) -> None:
    spoil("frame.loc[3, 'amount'] = -5.0; frame.loc[4, 'items'] = 99")
    with pytest.raises(ExpectationsFailed) as error:
        night(dropping, stores)
    assert "items: expect_column_values_to_be_between" in str(error.value)
    assert "amount" not in error.value.message
    assert stores.lake.manifest(dropping.key(Dataset.VALIDATED, NIGHT)) is None


def test_a_quarantined_row_comes_back(dropping: ModelSpec, stores: Stores, spoil: Spoil, size: str) -> None:
    good = night(dropping, stores)
    spoil("frame.loc[[3, 40], 'amount'] = -5.0")
    assert night(dropping, stores).rows_quarantined == 2
    spoil("pass")
    mended = night(dropping, stores)
    assert (mended.rows, mended.rows_quarantined, mended.digest) == (90, 0, good.digest)
    assert read(Dataset.QUARANTINE, dropping, stores).num_rows == 0
    numbers = read(Dataset.VALIDATED, dropping, stores)["number"].to_pylist()
    assert sorted(numbers) == list(range(1, 91))


def test_a_run_that_dies_between_both_commits_is_mended_by_the_next(
    dropping: ModelSpec, stores: Stores, spoil: Spoil, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = night(dropping, stores)
    spoil("frame.loc[3, 'amount'] = -5.0")
    ingest(dropping, NIGHT, stores)
    real = type(stores.lake).commit

    def dies(lake: Any, draft: Any, *args: Any, **kwargs: Any) -> Any:
        if draft.key.dataset == Dataset.VALIDATED:
            raise LakeUnavailable("gone")
        return real(lake, draft, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(type(stores.lake), "commit", dies)
        with pytest.raises(LakeUnavailable):
            validate(dropping, NIGHT, stores)
    assert stores.lake.require(dropping.key(Dataset.VALIDATED, NIGHT)) == before
    validate(dropping, NIGHT, stores)
    after = stores.lake.require(dropping.key(Dataset.VALIDATED, NIGHT))
    assert (after.rows, after.rows_quarantined) == (89, 1)
    assert read(Dataset.QUARANTINE, dropping, stores).num_rows == 1


def test_labels_of_quarantined_rows_are_no_strangers(dropping: ModelSpec, stores: Stores, spoil: Spoil) -> None:
    spoil("frame.loc[[3, 40], 'amount'] = -5.0; frame.loc[50:51, ['site', 'number']] = ['east', 51]")
    night(dropping, stores)
    ingest_labels(dropping, NIGHT, stores)
    assert labelled(dropping, NIGHT, stores).num_rows == 86
    spoil("frame.loc[60, 'number'] = 777")
    ingest_labels(dropping, NIGHT, stores)
    # Row 51 of the night had another key, and row 60 has one now.
    assert join_night(dropping, NIGHT, stores).labels_without_row == 2


def test_the_report_warns_of_what_was_dropped(dropping: ModelSpec, stores: Stores, spoil: Spoil, size: str) -> None:
    spoil("frame.loc[3, 'amount'] = -5.0")
    night(dropping, stores)
    said = json.loads(stores.lake.objects.get(reports_of(dropping, NIGHT).json)[0])
    broken = [result["expectation_config"] for result in said["results"] if not result["success"]]
    assert [(one["type"], one["severity"]) for one in broken] == [("expect_column_values_to_be_between", "warning")]
    assert said["statistics"]["unsuccessful_expectations"] == 1


def test_two_columns_of_a_row(spec: ModelSpec, change: Change, stores: Stores, spoil: Spoil, size: str) -> None:
    compare = [{"left": "items", "relation": "<=", "right": "number", "on_breach": "drop"}]
    spoil("frame['number'] += 100; frame.loc[5, 'number'] = 3; frame.loc[5, 'items'] = 4")
    manifest = night(change(spec, night={"compare": compare, "max_quarantined_share": 0.5}), stores)
    assert manifest.rows_quarantined == 1
    (row,) = read(Dataset.QUARANTINE, spec, stores).to_pylist()
    assert (row["reasons"], row["offending"]) == (["items: not <= number"], ["4 and 3"])


@pytest.mark.parametrize("place", ["beside", "s3"])
def test_values_that_another_table_knows(
    spec: ModelSpec, change: Change, model_folder: Path, stores: Stores, spoil: Spoil, place: str, size: str
) -> None:
    if place == "beside":
        (model_folder / "sites.csv").write_text("code,name\neast,East\nnorth,North\n")
        file = "sites.csv"
    else:
        sites = pa.table({"code": ["east", "north", None]})
        stores.lake.publish(stores.lake.begin(PartitionKey(Dataset.RAW, "sites", "day", NIGHT)), sites, provenance={})
        (one,) = stores.lake.require(PartitionKey(Dataset.RAW, "sites", "day", NIGHT)).files
        file = f"{stores.lake.objects.uri}/{one.key}"
    reference = {"column": "site", "file": file, "key": "code", "on_breach": "drop"}
    manifest = night(change(spec, night={"references": [reference], "max_quarantined_share": 0.6}), stores)
    aside = read(Dataset.QUARANTINE, spec, stores)
    assert manifest.rows_quarantined == aside.num_rows > 0
    assert set(aside["site"].to_pylist()) == {"south"}
    assert {reason for reasons in aside["reasons"].to_pylist() for reason in reasons} == {"site: reference"}


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ({"column": "site", "file": "none.csv", "key": "code"}, "none.csv does not exist"),
        ({"column": "site", "file": "sites.csv", "key": "id"}, "sites.csv has no column id; it has code"),
        ({"column": "site", "file": "source.py", "key": "id"}, "source.py cannot be read"),
    ],
)
def test_a_reference_that_cannot_be_followed(
    spec: ModelSpec, change: Change, model_folder: Path, stores: Stores, reference: dict[str, str], said: str
) -> None:
    (model_folder / "sites.csv").write_text("code\neast\n")
    with pytest.raises(SpecError, match=said):
        night(change(spec, night={"references": [reference]}), stores)


def test_rows_beside_those_of_the_nights_before(
    spec: ModelSpec, change: Change, stores: Stores, spoil: Spoil, size: str
) -> None:
    watchful = change(spec, night={"history": {"nights": 3, "min_share": 0.9, "max_share": 1.1}})
    for partition in ("2024-01-01", "2024-01-02"):
        night(watchful, stores, partition)
    spoil("frame = frame.head(80)")
    with pytest.raises(
        ExpectationsFailed, match=r"row_count_to_be_between \(min_value 81, max_value 99\): observed 80"
    ):
        night(watchful, stores)
    spoil("frame = frame.head(82)")
    assert night(watchful, stores).rows == 82


def test_too_few_nights_before_say_nothing(spec: ModelSpec, change: Change, stores: Stores, spoil: Spoil) -> None:
    watchful = change(spec, night={"history": {"nights": 3, "min_share": 0.9}})
    night(watchful, stores, "2024-01-01")
    spoil("frame = frame.head(30)")
    assert night(watchful, stores).rows == 30


def test_expectations_in_their_own_words(
    spec: ModelSpec, change: Change, model_folder: Path, stores: Stores, size: str
) -> None:
    own = [{"type": "expect_column_mean_to_be_between", "kwargs": {"column": "weight", "max_value": 0.1}}]
    (model_folder / "own.json").write_text(json.dumps(own))
    with pytest.raises(ExpectationsFailed) as error:
        night(change(spec, night={"great_expectations": "own.json"}), stores)
    assert "1 of 18 expectations broken" in str(error.value)
    assert "weight: expect_column_mean_to_be_between (max_value 0.1): observed" in str(error.value)


@pytest.mark.parametrize(
    "text", ["{", "[1]", '[{"type": "expect_nothing"}]', '[{"type": "expect_column_mean_to_be_between", "kwargs": {}}]']
)
def test_own_words_that_are_not_understood(
    spec: ModelSpec, change: Change, model_folder: Path, stores: Stores, text: str
) -> None:
    (model_folder / "own.json").write_text(text)
    with pytest.raises(SpecError, match=r"own\.json: "):
        night(change(spec, night={"great_expectations": "own.json"}), stores)


def test_a_large_night_is_copied_inside_the_store(spec: ModelSpec, stores: Stores, size: str) -> None:
    manifest = night(spec, stores)
    raw = stores.lake.require(spec.key(Dataset.RAW, NIGHT))
    assert [file.sha256 for file in manifest.files] == [file.sha256 for file in raw.files]
    assert np.array_equal(read(Dataset.VALIDATED, spec, stores)["number"], stores.lake.read(raw)["number"])
