"""A lake that an earlier version wrote is read, gone on with and kept in order by this one, on real services."""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mlflow import MlflowClient

from nightshift.contracts import Dataset, PartitionRef, Pin
from nightshift.errors import ModelError, UnsealedRecord
from nightshift.pages.overview import overview
from nightshift.steps.backtest import backtest
from nightshift.steps.checkout import checkout
from nightshift.steps.explain import explain
from nightshift.steps.govern import govern
from nightshift.steps.maintain import sweep
from nightshift.steps.monitor import monitor
from nightshift.steps.plan import plan
from nightshift.steps.publish import publish
from nightshift.steps.rollback import rollback
from nightshift.steps.score import score
from nightshift.steps.seal import seal, to_seal
from nightshift.steps.snapshot import snapshot
from nightshift.stores import Stores
from tests.old_lake import MODEL, OldLake, Recorded, expected, restore_lake, restore_registry

pytestmark = pytest.mark.stack

EPOCH = dt.date(1970, 1, 1)
NOW, HOUR = dt.timedelta(0), dt.timedelta(hours=1)
PUBLISHED = sorted(expected()["published"])
PENDING = expected()["pending"]
# Another processor may round the last bit of a score differently.
ROUNDING = 1e-6


@pytest.fixture(scope="module")
def registry(stack: Any) -> None:
    """The recorded versions, once for all tests here: MLflow's names have no prefix."""
    restore_registry(MlflowClient(stack.env()["MLFLOW_TRACKING_URI"]), stack.home / "mlflow" / "mlflow.db")


@pytest.fixture
def unsealed(registry: None, tmp_path: Path, open_stores: Callable[[Path], Stores]) -> OldLake:
    """The recorded lake, for one test alone: MLflow's tags say what its versions are."""
    return restore_lake(tmp_path / "project", open_stores)


@pytest.fixture
def old(unsealed: OldLake) -> OldLake:
    """The same, once a person has vouched for it."""
    assert to_seal(unsealed.spec, unsealed.stores)
    seal(unsealed.spec, unsealed.stores)
    return unsealed


def predict(old: OldLake, night: str) -> PartitionRef:
    decided = plan(old.spec, night, old.stores)
    results = [score(old.spec, decided, shard, old.stores) for shard in decided.shards]
    return publish(old.spec, decided, results, old.stores)


def read(old: OldLake, night: str) -> pa.Table:
    lake = old.stores.lake
    return lake.read(lake.require(old.spec.key(Dataset.PREDICTIONS, night)))


def plain(old: OldLake, night: str) -> pa.Table:
    """What a reader of the plain prefix sees."""
    objects = old.stores.lake.objects
    keys = objects.keys(f"predictions/{MODEL}/day={night}/part-")
    return pa.concat_tables([pq.ParquetFile(objects.open(key)).read() for key in keys])


def assert_rows(table: pa.Table, rows: list[list[Any]]) -> None:
    """The recorded rows, ``[site, number, score, prediction]``, in their order, by the recorded champion."""
    sites, numbers, scores, predictions = (list(values) for values in zip(*rows, strict=True))
    assert table["site"].to_pylist() == sites
    assert table["number"].to_pylist() == numbers
    assert table["score"].to_pylist() == pytest.approx(scores, abs=ROUNDING)
    assert table["prediction"].to_pylist() == predictions
    assert set(table["model_version"].to_pylist()) == {expected()["pin"]["version"]}
    assert set(table["run_id"].to_pylist()) == {expected()["pin"]["run_id"]}


def named_by_manifests(old: OldLake) -> set[str]:
    lake = old.stores.lake
    keys = [old.spec.key(dataset, night) for dataset in Dataset for night in lake.partitions(dataset, MODEL)]
    manifests = [lake.require(key) for key in keys]
    return {file.key for manifest in manifests for file in manifest.files}


def comparable(old: OldLake, facts: Recorded) -> Recorded:
    """Addresses as the recorded lake had them, and no links into MLflow."""
    text = json.dumps(facts).replace(old.stores.settings.lake, "s3://lake")
    return dict(json.loads(text, object_hook=lambda part: {k: v for k, v in part.items() if k != "mlflow_url"}))


def test_before_a_person_vouched_for_it_nothing_scores(unsealed: OldLake) -> None:
    with pytest.raises(UnsealedRecord, match=r"ledger/orders/000003\.json is not sealed") as error:
        plan(unsealed.spec, PENDING, unsealed.stores)
    assert f"nightshift seal {MODEL}" in str(error.value.fix)
    page = overview(unsealed.spec, unsealed.stores)
    assert (page.champion, "is not sealed" in page.unsealed) == ("", True)


def test_what_a_person_vouches_for_is_named_and_sealed_once(unsealed: OldLake) -> None:
    spec, stores = unsealed
    assert set(to_seal(spec, stores)) == {
        "the moves of its aliases, by which version 2 is champion",
        "version 1, which was champion, as MLflow's tags describe it",
        "version 2, which was champion, as MLflow's tags describe it",
        "that 2024-01-14 started a retrain, as its record says",
    }
    done = seal(spec, stores)
    assert (done.champion, sorted(done.versions), done.left_out) == ("2", ["1", "2"], {})
    assert to_seal(spec, stores) == []
    assert seal(spec, stores).versions == []


def test_a_version_whose_graph_is_another_is_not_sealed(unsealed: OldLake) -> None:
    spec, stores = unsealed
    facts, _ = stores.registry.facts(MODEL, "2")
    stores.lake.objects.put(facts["onnx_key"], b"foreign")
    assert "has not the sha256" in seal(spec, stores).left_out["2"]
    with pytest.raises(ModelError, match="has no sealed record"):
        plan(spec, PENDING, stores)


def test_the_recorded_champion_scores(old: OldLake) -> None:
    pin, number = old.stores.aliases.champion(MODEL)
    assert (replace(pin, profile_sha256=""), number) == (Pin(**expected()["pin"]), 2)
    assert old.stores.lake.objects.head(pin.key)


# Of before there were shadows.
@pytest.mark.parametrize("dataset", sorted(set(Dataset) - {Dataset.SHADOW}))
def test_every_manifest_and_its_files_are_read(old: OldLake, dataset: Dataset) -> None:
    lake = old.stores.lake
    nights = lake.partitions(dataset, MODEL)
    assert nights
    for night in nights:
        manifest = lake.require(old.spec.key(dataset, night))
        table = lake.read(manifest)
        assert table.num_rows == manifest.rows
        assert table.schema.names == list(manifest.columns)


@pytest.mark.parametrize("night", PUBLISHED)
def test_a_published_night_is_whole(old: OldLake, night: str) -> None:
    assert_rows(read(old, night), expected()["published"][night]["rows"])
    assert plain(old, night).equals(read(old, night))
    manifest = old.stores.lake.require(old.spec.key(Dataset.PREDICTIONS, night))
    assert manifest.digest == expected()["published"][night]["digest"]
    assert Pin(**manifest.provenance["pin"]) == Pin(**expected()["pin"])


def test_a_night_that_was_never_published_gets_the_recorded_scores(old: OldLake) -> None:
    ref = predict(old, PENDING)
    assert ref.rows == len(expected()["pending_rows"])
    assert_rows(read(old, PENDING), expected()["pending_rows"])
    assert plain(old, PENDING).equals(read(old, PENDING))


@pytest.mark.parametrize("night", PUBLISHED)
def test_a_published_night_again_has_the_same_rows(old: OldLake, night: str) -> None:
    predict(old, night)
    assert_rows(read(old, night), expected()["published"][night]["rows"])
    assert plain(old, night).equals(read(old, night))


@pytest.mark.parametrize("night", PUBLISHED)
def test_a_night_again_is_reported_and_decided_as_it_was(old: OldLake, night: str) -> None:
    report = monitor(old.spec, night, old.stores)
    known, measured = dict(expected()["reports"][night]), asdict(report)
    for name in ("statistic", "threshold"):
        assert measured.pop(name) == pytest.approx(known.pop(name))
    # What it did not say yet.
    assert measured.pop("notes") == []
    measured.pop("episodes")
    measured.pop("judged_again")
    assert measured == known
    assert asdict(govern(old.spec, report, old.stores)) == expected()["decisions"][night]


def test_recorded_nights_are_judged_again_as_they_were(old: OldLake) -> None:
    judged = backtest(old.spec, PUBLISHED[0], PUBLISHED[-1], old.stores)
    assert [night.night for night in judged.nights] == PUBLISHED
    assert [night.why_not for night in judged.nights] == [""] * len(PUBLISHED)
    assert not any(night.differs for night in judged.nights)


def test_the_next_night_is_watched_beside_the_recorded_ones(old: OldLake) -> None:
    predict(old, PENDING)
    report = monitor(old.spec, PENDING, old.stores)
    assert (report.version, report.drifted, report.worst) == (expected()["pin"]["version"], True, "amount")
    assert report.accuracy_nights == [PUBLISHED[-1]]
    decision = govern(old.spec, report, old.stores)
    assert not decision.retrain
    assert f"3 of the last 3 nights drifted ({', '.join([*PUBLISHED[1:], PENDING])})" in decision.reason
    assert f"{PUBLISHED[-1]} started a retrain, within the cooldown" in decision.reason


def test_the_next_night_goes_on_in_the_recorded_mlflow_run(old: OldLake) -> None:
    predict(old, PENDING)
    monitor(old.spec, PENDING, old.stores)
    client = old.stores.registry.client
    experiment = client.get_experiment_by_name(f"{MODEL}.monitoring").experiment_id
    (run,) = client.search_runs([experiment])
    steps = [point.step for point in client.get_metric_history(run.info.run_id, "drift.statistic")]
    assert steps == [(dt.date.fromisoformat(night) - EPOCH).days for night in [*PUBLISHED, PENDING]]
    # Features have a part of their own since; what was written under the names of before stays.
    before = client.get_metric_history(run.info.run_id, "drift.amount")
    since = client.get_metric_history(run.info.run_id, "drift.feature.amount")
    assert [point.step for point in before] == steps[:-1]
    assert since[-1].step == steps[-1]


@pytest.mark.parametrize("night", PUBLISHED)
def test_explain_says_where_a_night_came_from(old: OldLake, night: str) -> None:
    facts = comparable(old, explain(old.spec, night, old.stores))
    # What its manifest did not say yet.
    unwritten = ("threshold", "model_yaml_sha256", "unseen", "rows_by_version")
    since = {name: facts["predictions"].pop(name) for name in unwritten}
    since |= {name: facts["version"].pop(name) for name in ("champion", "ledger", "withdrawn")}
    since["canary"] = facts.pop("canary")
    assert since == dict.fromkeys(since)
    assert facts["training"].pop("trained_without") is None
    # Said since, of a report that is as old as the night.
    result = facts["input"]["validation"].pop("result_json")
    assert old.stores.lake.objects.head(result.removeprefix("s3://lake/"))
    assert facts == comparable(old, expected()["explained"][night])
    assert facts["code_commit"] == facts["training"]["code_commit"] == expected()["commit"]


def test_explain_says_why_a_row_was_dropped(old: OldLake) -> None:
    known = expected()["explained_row"]
    row = explain(old.spec, known["night"], old.stores, tuple(known["key"]))["row"]
    # Nobody scored it, so there is nobody whose reasons could be given.
    assert (row.pop("reasons"), row.pop("scored_by")) == (None, None)
    assert row == known["row"]


def test_the_pages_show_the_recorded_nights(old: OldLake) -> None:
    # A page reads a few nights at a time; nothing of these was read before.
    pages = [overview(old.spec, old.stores) for _ in range(5)]
    model = pages[-1]
    shown = {row.partition: row for row in model.nights}
    assert model.champion == "2"
    assert [night for night, row in shown.items() if row.state == "published"] == sorted(PUBLISHED, reverse=True)
    for night in PUBLISHED:
        rows = len(expected()["published"][night]["rows"])
        assert (shown[night].rows, shown[night].version) == (rows, expected()["pin"]["version"])
        assert shown[night].verdict == ("drift" if expected()["reports"][night]["drifted"] else "quiet")
    assert (shown["2024-01-04"].state, shown["2024-01-04"].quarantined) == ("validated", 2)


def test_plain_files_behind_their_manifests_are_healed(old: OldLake) -> None:
    sweep(old.spec, old.stores, HOUR)
    assert [key for key in expected()["behind"] if not is_served(old, key)] == []


def is_served(old: OldLake, key: str) -> bool:
    """Whether a plain file is of the generation that its night's manifest names."""
    dataset, _, folder, _ = key.split("/")
    head = old.stores.lake.objects.head(key)
    manifest = old.stores.lake.require(old.spec.key(Dataset(dataset), folder.removeprefix("day=")))
    return head is not None and head.metadata.get("generation") == manifest.generation


def test_plain_files_of_nights_that_were_never_published_go(old: OldLake) -> None:
    sweep(old.spec, old.stores, HOUR)
    assert [key for key in expected()["strays"] if old.stores.lake.objects.head(key)] == []


def test_what_no_manifest_names_goes_when_it_is_old(old: OldLake) -> None:
    objects, loose = old.stores.lake.objects, set(expected()["orphans"])
    sweep(old.spec, old.stores, HOUR)
    assert loose <= set(objects.keys("generations/"))
    sweep(old.spec, old.stores, NOW)
    assert loose & set(objects.keys("generations/")) == set()


def test_what_manifests_name_stays(old: OldLake) -> None:
    named = named_by_manifests(old)
    sweep(old.spec, old.stores, NOW)
    assert named_by_manifests(old) == named
    assert named <= set(old.stores.lake.objects.keys("generations/"))


@pytest.mark.parametrize("remembered", [True, False])
def test_a_snapshot_of_the_same_window_is_the_recorded_one(old: OldLake, remembered: bool) -> None:
    if not remembered:
        old.stores.lake.objects.delete(f"snapshots/{MODEL}/nights.json")
    later = {"retracted": [], "unreadable": [], "labels_without_row": {}, "other_clock": []}
    assert asdict(snapshot(old.spec, expected()["as_of"], old.stores)) == expected()["snapshot"] | later


def test_what_the_champion_learnt_from_is_checked_out(old: OldLake, tmp_path: Path) -> None:
    done = checkout(f"{MODEL}@champion", tmp_path / "data", old.stores)
    known = expected()["snapshot"]
    assert (done.md5, done.nights, done.rows) == (known["md5"], known["nights"], known["rows"])


def test_rollback_goes_by_the_recorded_ledger(old: OldLake) -> None:
    moves = old.stores.aliases.ledger(MODEL).entries()
    assert [[move.alias, move.before, move.after] for move in moves] == expected()["moves"]
    try:
        assert rollback(old.spec, old.stores).champion == "1"
        predict(old, PENDING)
        assert set(read(old, PENDING)["model_version"].to_pylist()) == {"1"}
    finally:
        old.stores.registry.set_alias(MODEL, "champion", expected()["pin"]["version"])
