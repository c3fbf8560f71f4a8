"""A canary on a real S3 and a real MLflow: a share of a night's rows is another version's, and all say so."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from nightshift.contracts import Dataset, Plan, ShardResult
from nightshift.errors import LostRows, Superseded, UnsafeGraph
from nightshift.monitoring.accuracy_record import read_record
from nightshift.monitoring.history import read_canary_history, read_history
from nightshift.monitoring.night_record import read_night_record
from nightshift.pages.overview import overview
from nightshift.releases.scored_nights import CANARY as OTHER_CANARY
from nightshift.releases.scored_nights import Today, scored_nights
from nightshift.scoring.canary import canary_rows
from nightshift.scoring.shards import shard_file
from nightshift.spec import ModelSpec
from nightshift.steps.explain import explain
from nightshift.steps.monitor import monitor
from nightshift.steps.plan import plan
from nightshift.steps.publish import publish
from nightshift.steps.rescore import rescore
from nightshift.steps.retract import retract
from nightshift.steps.rollback import rollback
from nightshift.steps.score import score
from nightshift.steps.withdraw import withdraw
from nightshift.stores import Stores, layout
from nightshift.stores.canaries import standing_canary
from nightshift.stores.manifest import CHAMPION_MOVE
from nightshift.stores.registry import CANARY, CHAMPION, SHADOW
from tests.canary_world import NIGHTS, SCORES, SHARE, CanaryWorld, make_world

pytestmark = pytest.mark.stack
NIGHT = NIGHTS[0]
Change = Callable[..., ModelSpec]


@pytest.fixture(scope="module")
def loaded(
    make_project: Callable[..., Path],
    open_stores: Callable[..., Stores],
    small_rows: Callable[..., pa.Table],
    tmp_path_factory: pytest.TempPathFactory,
) -> CanaryWorld:
    return make_world(make_project, open_stores, small_rows, tmp_path_factory.mktemp("canary"))


@pytest.fixture
def world(loaded: CanaryWorld) -> CanaryWorld:
    loaded.reset()
    return loaded


def carried_out(world: CanaryWorld, planned: Plan) -> list[ShardResult]:
    return [score(world.spec, planned, shard, world.stores) for shard in planned.shards]


def test_each_row_of_a_night_says_who_scored_it_and_the_manifest_counts_them(world: CanaryWorld) -> None:
    number = world.enter("2")
    assert world.stores.registry.alias(world.spec.name, CANARY) == "2"
    night = world.scored(NIGHT)
    rows = world.rows(NIGHT)
    versions = rows["model_version"].to_pylist()
    assert night.rows_by_version == {version: versions.count(version) for version in "12"}
    assert abs(versions.count("2") - 90 * SHARE) <= 4 * (90 * SHARE * (1 - SHARE)) ** 0.5
    told = {version: set() for version in "12"}
    for row in rows.to_pylist():
        told[row["model_version"]].add((round(row["score"], 6), row["run_id"]))
    assert told == {version: {(SCORES[version], f"run-{version}")} for version in "12"}
    assert (night.pin.version, night.provenance["champion"], night.inputs[CHAMPION_MOVE]) == ("1", "1", number)
    pinned = night.canary_pin
    assert pinned is not None
    assert (pinned.pin.version, pinned.share, pinned.number) == ("2", SHARE, number)
    (keys,) = rows.select(list(world.spec.keys)).combine_chunks().to_batches()
    assert np.array_equal(canary_rows(pinned, keys), np.array(versions) == "2")
    assert night.canary is not None
    assert (night.rows, night.champion_rows + night.canary.rows, night.rows_in) == (90, 90, 90)
    for counts, of_version in ((night.counts, "1"), (night.canary.counts, "2")):
        assert {sum(bins) for bins in counts.values()} == {versions.count(of_version)}


def test_a_night_without_a_canary_is_field_for_field_what_it_was(world: CanaryWorld, change: Change) -> None:
    """Before there was one, while one stands from a later night on, and where model.yaml wants none any more."""
    before = world.scored(NIGHT)
    assert not {"rows_by_version", "canary"} & set(json.loads(before.to_json()))
    assert CANARY not in before.provenance
    world.enter("2", since=NIGHTS[1])
    later = world.scored(NIGHT)
    unwanted = plan(change(world.spec, canary=None), NIGHTS[1], world.stores)
    assert unwanted.canary is None
    assert (later.digest, later.files[0].sha256) == (before.digest, before.files[0].sha256)
    assert later.provenance["shards"] == before.provenance["shards"]
    same = {"format", "rows", "schema", "counts", "moments", "rows_in"}
    assert {name: json.loads(later.to_json())[name] for name in same} == {
        name: json.loads(before.to_json())[name] for name in same
    }


def test_what_is_wrong_with_a_canarys_record_keeps_no_night_from_being_scored(world: CanaryWorld) -> None:
    world.enter("9")
    night = world.scored(NIGHT)
    assert (night.pin.version, night.canary_pin, night.rows) == ("1", None, 90)


def test_the_rows_of_a_night_are_the_same_however_it_is_cut(world: CanaryWorld, change: Change) -> None:
    world.enter("2")
    assert len(plan(world.spec, NIGHT, world.stores).shards) == 2
    cut = world.scored(NIGHT)
    rows = world.rows(NIGHT)
    whole = world._replace(spec=change(world.spec, predict={"shard_rows": 1_000}))
    assert len(plan(whole.spec, NIGHT, world.stores).shards) == 1
    uncut = whole.scored(NIGHT)
    assert whole.rows(NIGHT).equals(rows)
    assert (cut.rows_by_version, cut.canary, cut.counts) == (uncut.rows_by_version, uncut.canary, uncut.counts)


def test_a_canary_stands_for_no_night_that_is_not_its_own(world: CanaryWorld) -> None:
    number = world.enter("2", since=NIGHTS[3])
    pinned = {night: plan(world.spec, night, world.stores).canary for night in NIGHTS[1:5]}
    assert [night for night, canary in pinned.items() if canary] == NIGHTS[3:5]
    standing = standing_canary(world.spec.name, world.stores)
    assert standing is not None
    assert (standing.version, standing.champion, standing.since) == ("2", "1", NIGHTS[3])
    assert (standing.share, standing.number) == (SHARE, number)


def test_a_night_of_an_earlier_champion_has_no_canary_of_the_later_one(world: CanaryWorld) -> None:
    world.move(CHAMPION, "3", NIGHTS[2])
    world.enter("2", since=NIGHTS[0])
    pinned = {night: plan(world.spec, night, world.stores) for night in (NIGHTS[1], NIGHTS[2])}
    assert [(one.pin.version, one.canary is not None) for one in pinned.values()] == [("1", False), ("3", True)]


def test_neither_scores_a_night_that_it_was_trained_on(world: CanaryWorld, change: Change) -> None:
    of_before = world.stores.versions.record(world.spec.name, "2")
    assert of_before is not None
    try:
        world.stores.versions.write(of_before.model_copy(update={"trained_through": NIGHTS[1]}))
        world.enter("2")
        free = change(world.spec, predict={"allow_future_model": True})
        assert [plan(free, night, world.stores).canary is None for night in NIGHTS[:3]] == [True, True, False]
    finally:
        world.stores.versions.write(of_before)


def test_one_that_failed_its_gate_or_was_withdrawn_scores_nothing(
    world: CanaryWorld, caplog: pytest.LogCaptureFixture
) -> None:
    record = world.stores.versions.record(world.spec.name, "3")
    assert record is not None
    world.enter("3")
    try:
        world.stores.versions.write(record.model_copy(update={"gate": "failed", "reason": "worse"}))
        assert plan(world.spec, NIGHT, world.stores).canary is None
        assert "version 3 has failed its gate" in caplog.text
    finally:
        world.stores.versions.write(record)
    assert plan(world.spec, NIGHT, world.stores).canary is not None
    withdraw(world.spec, "3", world.stores, why="wrong")
    assert plan(world.spec, NIGHT, world.stores).canary is None
    assert world.stores.registry.alias(world.spec.name, CANARY) is None


def test_the_keys_of_shards_differ_so_no_result_of_another_plan_counts(world: CanaryWorld) -> None:
    without = plan(world.spec, NIGHT, world.stores)
    of_without = carried_out(world, without)
    world.enter("2")
    planned = plan(world.spec, NIGHT, world.stores)
    keys = {shard_file(world.spec, one, shard).key for one in (without, planned) for shard in one.shards}
    assert len(keys) == 4
    with pytest.raises(LostRows, match="other plans"):
        publish(world.spec, planned, of_without, world.stores)
    publish(world.spec, planned, [*of_without, *carried_out(world, planned)], world.stores)
    assert set(world.published(NIGHT).rows_by_version or {}) == {"1", "2"}


def test_of_two_live_runs_the_one_that_knows_the_later_entry_stands(world: CanaryWorld) -> None:
    """Whichever is last to publish: the night before the canary, with it, and after it was taken back."""
    plans = [plan(world.spec, NIGHT, world.stores)]
    world.enter("2")
    plans.append(plan(world.spec, NIGHT, world.stores))
    world.move(CANARY, None, NIGHTS[1])
    plans.append(plan(world.spec, NIGHT, world.stores))
    assert [one.canary is not None for one in plans] == [False, True, False]
    results = [carried_out(world, one) for one in plans]
    publish(world.spec, plans[1], results[1], world.stores)
    assert world.published(NIGHT).canary is not None
    with pytest.raises(Superseded):
        publish(world.spec, plans[0], results[0], world.stores)
    publish(world.spec, plans[2], results[2], world.stores)
    assert world.published(NIGHT).canary is None
    with pytest.raises(Superseded):
        publish(world.spec, plans[1], results[1], world.stores)
    assert set(world.rows(NIGHT)["model_version"].to_pylist()) == {"1"}


def test_a_canary_that_ends_between_plan_and_publish_leaves_the_plan_as_it_is(world: CanaryWorld) -> None:
    number = world.enter("2")
    planned = plan(world.spec, NIGHT, world.stores)
    world.move(CANARY, None, NIGHTS[1])
    publish(world.spec, planned, carried_out(world, planned), world.stores)
    night = world.published(NIGHT)
    assert (set(night.rows_by_version or {}), night.inputs[CHAMPION_MOVE]) == ({"1", "2"}, number)


def test_what_a_canary_scored_that_was_taken_back_is_the_champion_s_once_it_is_scored_again(world: CanaryWorld) -> None:
    world.enter("3")
    for night in NIGHTS[:2]:
        assert world.scored(night).canary is not None
    world.move(CANARY, None, NIGHTS[2])
    rescore(world.spec, 2, world.stores)
    for night in NIGHTS[:2]:
        assert set(world.rows(night)["model_version"].to_pylist()) == {"1"}
        assert world.published(night).inputs[CHAMPION_MOVE] == world.number


def test_a_rollback_ends_the_canary(world: CanaryWorld) -> None:
    world.move(CHAMPION, "3", NIGHTS[0])
    world.enter("2")
    assert world.scored(NIGHTS[1]).canary is not None
    rollback(world.spec, world.stores)
    assert standing_canary(world.spec.name, world.stores) is None
    assert world.stores.registry.alias(world.spec.name, CANARY) is None
    rescored = world.scored(NIGHTS[1])
    assert (rescored.pin.version, rescored.canary) == ("1", None)


def test_who_stands_in_the_shadow_scores_no_share_until_it_leaves_by_the_entry_that_makes_it_one(
    world: CanaryWorld,
) -> None:
    world.move(SHADOW, "2", NIGHTS[0])
    assert plan(world.spec, NIGHT, world.stores).canary is None
    world.enter("2")
    assert world.stores.aliases.version(world.spec.name, SHADOW) is None
    assert plan(world.spec, NIGHT, world.stores).canary is not None


@pytest.mark.parametrize("what", ["rows of the other version", "another count", "no count"])
def test_a_night_in_which_a_row_is_not_whose_it_should_be_is_not_published(world: CanaryWorld, what: str) -> None:
    night = NIGHTS[5]
    world.enter("2")
    planned = plan(world.spec, night, world.stores)
    results = carried_out(world, planned)
    counted = results[0].canary
    assert counted is not None
    assert planned.canary is not None
    if what == "rows of the other version":
        # As by a worker whose hash draws other rows.
        planned = replace(planned, canary=replace(planned.canary, share=0.5))
        keys = [shard_file(world.spec, planned, shard).key for shard in planned.shards]
        for key, result in zip(keys, results, strict=True):
            world.stores.lake.objects.copy(result.key, key, {})
        results = [replace(result, key=key) for key, result in zip(keys, results, strict=True)]
    else:
        wrong = replace(counted, rows=counted.rows + 1) if what == "another count" else None
        results[0] = replace(results[0], canary=wrong)
    with pytest.raises(LostRows):
        publish(world.spec, planned, results, world.stores)
    assert world.stores.lake.published(world.spec.key(Dataset.PREDICTIONS, night)) is None


def test_a_canary_that_cannot_score_says_how_to_go_on_without_it(world: CanaryWorld) -> None:
    world.enter("2")
    planned = plan(world.spec, NIGHT, world.stores)
    assert planned.canary is not None
    wrong = replace(planned.canary, pin=replace(planned.canary.pin, sha256="0" * 64))
    with pytest.raises(UnsafeGraph, match="version 2 cannot score as a canary") as refused:
        score(world.spec, replace(planned, canary=wrong), planned.shards[0], world.stores)
    assert refused.value.fix.startswith(f"nightshift canary {world.spec.name} --stop")


def test_a_finished_shard_of_a_canary_is_taken_up_with_its_counts(world: CanaryWorld) -> None:
    world.enter("2")
    planned = plan(world.spec, NIGHT, world.stores)
    first = carried_out(world, planned)
    key = layout.shard_result(first[0].key)
    body, _ = world.stores.lake.objects.get(key) or (b"", "")
    assert json.loads(body)["canary"] == asdict(first[0])["canary"]
    assert carried_out(world, planned) == first
    without = replace(planned, canary=None)
    of_champion = score(world.spec, without, planned.shards[0], world.stores)
    body, _ = world.stores.lake.objects.get(layout.shard_result(of_champion.key)) or (b"", "")
    assert "canary" not in json.loads(body)


def test_each_version_is_held_against_its_own_profile_and_outcomes_and_the_canary_alarms_nobody(
    world: CanaryWorld,
) -> None:
    """The night after, by whose run the labels of the first one have arrived."""
    world.enter("2")
    night = world.scored(NIGHT)
    world.scored(NIGHTS[1])
    assert night.canary is not None
    assert night.rows_by_version is not None
    report = monitor(world.spec, NIGHT, world.stores)
    record = read_night_record(world.spec, NIGHT, world.stores)
    assert record is not None
    assert record.canary is not None
    own, of_canary = record.drift, record.canary.drift
    assert (record.version, record.canary.version, record.canary.share) == ("1", "2", SHARE)
    assert (own.rows, of_canary.rows) == (night.champion_rows, night.canary.rows)
    for drift, counts in ((own, night.counts), (of_canary, night.canary.counts)):
        assert {feature.feature: feature.counts for feature in drift.features} == counts
    assert {change.episode.split("-")[1] for change in report.episodes} <= {"1"}
    table = world.stores.lake.read(world.stores.lake.require(world.spec.key(Dataset.MONITORING, NIGHT)))
    assert set(table["model_version"].to_pylist()) == {"1", "2"}
    later = monitor(world.spec, NIGHTS[1], world.stores)
    assert NIGHT in later.accuracy_nights
    accuracy = read_record(world.spec.name, NIGHT, world.stores)
    assert accuracy is not None
    assert accuracy.canary is not None
    assert (accuracy.version, accuracy.canary.version) == ("1", "2")
    assert (accuracy.rows, accuracy.canary.rows) == (night.champion_rows, night.canary.rows)
    assert accuracy.labels_unscored == 0
    for version, part in (("1", accuracy), ("2", accuracy.canary)):
        assert part.metrics["brier"] == pytest.approx(brier_of(world, version))
    page, _ = world.stores.lake.objects.get(report.report_key) or (b"", "")
    assert f"Of these rows {night.canary.rows} are by version 2, the canary".encode() in page
    history = read_canary_history(world.spec, NIGHTS[1], record.canary.pin, world.stores)
    assert [(one.partition, one.rows) for one in history] == [(NIGHT, night.canary.rows)]
    assert read_history(world.spec, NIGHTS[1], record.canary.pin, world.stores) == []


def brier_of(world: CanaryWorld, version: str) -> float:
    """By hand, of one version's rows."""
    labels = world.stores.lake.read(world.stores.lake.require(world.spec.key(Dataset.LABELS, NIGHT)))
    keys = list(world.spec.keys)
    outcomes = {tuple(row[key] for key in keys): row[world.spec.label.column] for row in labels.to_pylist()}
    errors = []
    for row in world.rows(NIGHT).to_pylist():
        outcome = outcomes[tuple(row[key] for key in keys)]
        if row["model_version"] == version and outcome is not None:
            errors.append((row["score"] - outcome) ** 2)
    return float(np.mean(errors))


def test_a_night_without_a_canary_is_monitored_into_records_that_name_none(world: CanaryWorld) -> None:
    for night in NIGHTS[:2]:
        world.scored(night)
        monitor(world.spec, night, world.stores)
    keys = [layout.drift(world.spec.key(Dataset.MONITORING, NIGHT)), layout.accuracy(world.spec.name, NIGHT)]
    for key in keys:
        body, _ = world.stores.lake.objects.get(key) or (b"", "")
        assert "canary" not in json.loads(body)


def test_explain_tells_the_rows_of_each_version_and_why_one_scored_a_row(world: CanaryWorld) -> None:
    number = world.enter("2")
    night = world.scored(NIGHT)
    facts = explain(world.spec, NIGHT, world.stores)
    assert facts["predictions"]["rows_by_version"] == night.rows_by_version
    assert (facts["version"]["number"], facts["version"]["ledger"]) == ("1", number)
    canary = facts["canary"]
    assert (canary["number"], canary["share"], canary["ledger"]) == ("2", SHARE, number)
    because = {}
    for row in world.rows(NIGHT).to_pylist():
        if row["model_version"] not in because:
            key = tuple(f"{name}={row[name]}" for name in world.spec.keys)
            told = explain(world.spec, NIGHT, world.stores, key)["row"]["scored_by"]
            because[told["version"]] = told["why"]
    assert because == {
        "1": "the hash of its key is outside the canary's share of 0.3",
        "2": f"the hash of its key falls into the share of 0.3 that entry {number} of the ledger gives a canary",
    }
    withdraw(world.spec, "2", world.stores, why="wrong")
    assert explain(world.spec, NIGHT, world.stores)["canary"]["withdrawn"]["nights"] == [NIGHT]
    world.reset()
    world.scored(NIGHT)
    assert explain(world.spec, NIGHT, world.stores)["canary"] is None


def test_what_would_be_scored_again_knows_who_stands_as_a_canary(world: CanaryWorld) -> None:
    def because() -> dict[str, int]:
        today = Today(world.spec, world.stores, lambda _: "")
        seen = scored_nights(world.spec, today, world.stores)
        return {why: count.nights for why, count in seen.because.items()}

    world.scored(NIGHT)
    assert because() == {}
    world.enter("2")
    assert because() == {OTHER_CANARY: 1}
    world.scored(NIGHT)
    assert because() == {}
    world.move(CANARY, None, NIGHTS[1])
    assert because() == {OTHER_CANARY: 1}


def test_the_page_of_nights_names_the_canary(world: CanaryWorld) -> None:
    world.enter("2")
    night = world.scored(NIGHTS[-1])
    assert night.canary is not None
    (row,) = [row for row in overview(world.spec, world.stores).nights if row.partition == NIGHTS[-1]]
    assert (row.version, row.canary) == ("1", f"{night.canary.rows} rows by version 2 as a canary")


def test_a_retraction_is_of_a_plan_with_a_canary_too(world: CanaryWorld) -> None:
    """A run that was planned with the canary does not bring the night back."""
    world.scored(NIGHT)
    world.enter("2")
    planned = plan(world.spec, NIGHT, world.stores)
    results = carried_out(world, planned)
    retract(world.spec, NIGHT, world.stores, dataset=Dataset.PREDICTIONS, why="wrong")
    with pytest.raises(Superseded):
        publish(world.spec, planned, results, world.stores)
