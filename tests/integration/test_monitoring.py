import json
from dataclasses import asdict, replace

import numpy as np
import pyarrow as pa
import pytest

from nightshift.contracts import Dataset, Pin
from nightshift.errors import (
    DataError,
    LaterRecord,
    MissingPartition,
    ModelError,
    RegistryUnavailable,
    Superseded,
    UnsealedRecord,
)
from nightshift.monitoring.accuracy import read_record
from nightshift.monitoring.history import read_history
from nightshift.monitoring.night_record import read_night_record
from nightshift.monitoring.verdicts import watch_drift
from nightshift.partitions import following
from nightshift.profiles.profile import build, load_profile
from nightshift.steps import _later_nights, _night_files
from nightshift.steps import govern as governor
from nightshift.steps._moving import new_move
from nightshift.steps.acknowledge import acknowledge
from nightshift.steps.conclude import conclude
from nightshift.steps.episodes import episodes
from nightshift.steps.govern import DecisionRecord, govern, started_retrains
from nightshift.steps.monitor import monitor
from nightshift.steps.retract import retract
from nightshift.steps.seal import seal, to_seal
from nightshift.stores import Stores, layout

pytestmark = pytest.mark.stack

WINDOW = [f"2024-01-{day:02d}" for day in range(1, 32)]
NIGHTS = [f"2024-02-{day:02d}" for day in range(1, 11)]
ROWS = 80


def night(key, shift=0.0, wrong=False):
    """Rows, scores and outcomes of a night; ``wrong`` scores say the opposite of what happens."""
    rng = np.random.default_rng(int(key.replace("-", "")))
    amount = rng.normal(50 + shift, 10, ROWS)
    chance = 1 / (1 + np.exp(-(amount - 55 - shift) / 5))
    rows = {
        "site": ["north"] * ROWS,
        "number": pa.array(range(ROWS), pa.int32()),
        "kind": rng.choice(["book", "shoe"], ROWS),
        "amount": pa.array(amount, pa.float32()),
        "items": pa.array(rng.integers(1, 13, ROWS), pa.int16()),
    }
    late = (rng.random(ROWS) < chance).astype("float32")
    score = pa.array(np.where(wrong, 1 - np.where(late, 0.99, 0.01), chance), pa.float32())
    return pa.table(rows), score, late


class World:
    """A lake with a champion's profile, to which nights are added."""

    def __init__(self, spec, stores):
        self.spec, self.stores = spec, stores
        self.pin = Pin(spec.name, "1", "r1", "ab" * 32, "k", "5f.dir", WINDOW[-1])
        parts = [night(key) for key in WINDOW]
        scores = np.concatenate([np.asarray(p[1]) if i >= 17 else np.full(ROWS, np.nan) for i, p in enumerate(parts)])
        profile = build(
            spec, pa.concat_tables([p[0] for p in parts]), np.repeat(WINDOW, ROWS), scores,
            np.concatenate([p[2] for p in parts]),
        )  # fmt: skip
        stores.lake.objects.put(layout.profile(spec.name, self.pin.sha256), profile.to_json())

    def publish(self, dataset, key, table, **provenance):
        draft = self.stores.lake.begin(self.spec.key(dataset, key))
        return self.stores.lake.publish(draft, table, provenance=provenance)

    def add(self, key, pin=None, labelled=True, empty=False, **changes):
        rows, score, late = night(key, **changes)
        if empty:
            rows, score, labelled = rows.slice(0, 0), score.slice(0, 0), False
        digest = self.publish("validated", key, rows).digest
        keys = rows.select(["site", "number"])
        scored = keys.append_column("score", score).append_column("prediction", pa.array(np.asarray(score) >= 0.5))
        self.publish("predictions", key, scored, pin=asdict(pin or self.pin), input=digest)
        if labelled:
            self.label(key, keys, late)

    def label(self, key, keys, late):
        outcome = pa.array([None, *late[1:]], pa.float32())
        self.publish("labels", key, keys.append_column("late", outcome))

    def correct(self, key, flipped=True):
        """Its labels come, or come once more: the other way round, or as they were."""
        rows, _, late = night(key)
        self.label(key, rows.select(["site", "number"]), 1 - late if flipped else late)

    def accuracy(self, key):
        return read_record(self.spec.name, key, self.stores)

    def run(self, key):
        return monitor(self.spec, key, self.stores)


@pytest.fixture
def world(spec, stores):
    return World(spec, stores)


def test_a_quiet_night_is_measured_and_reported(world):
    world.add(NIGHTS[0])
    world.add(NIGHTS[1])
    report = world.run(NIGHTS[1])
    assert (report.drifted, report.lost_accuracy, report.version) == (False, False, "1")
    assert report.accuracy_nights == [NIGHTS[0]]
    html = world.stores.lake.objects.get(report.report_key)[0].decode()
    assert f"Night {NIGHTS[1]}: quiet" in html
    manifest = world.stores.lake.require(world.spec.key(Dataset.MONITORING, NIGHTS[1]))
    table = world.stores.lake.read(manifest)
    assert sorted(table["feature"].to_pylist()) == ["amount", "items", "kind", "score"]
    assert manifest.provenance["pin"] == asdict(world.pin)


def test_a_shifted_night_drifts_and_wrong_ones_lose_accuracy(world):
    for key in NIGHTS[:4]:
        world.add(key, wrong=True)
    world.add(NIGHTS[4], shift=30.0)
    report = world.run(NIGHTS[4])
    assert report.drifted
    assert report.worst == "amount"
    assert report.statistic > report.threshold
    assert report.lost_accuracy
    records = [world.accuracy(key) for key in NIGHTS[:4]]
    assert [record.lost for record in records] == [False, False, True, True]
    record = records[3]
    assert (record.rows, record.labelled, record.without_label) == (80, 79, 1)
    assert record.pooled.nights == tuple(NIGHTS[:4])
    assert record.pooled.evidence > record.pooled.needed == 100
    assert record.skill.rank == 0 == record.metrics["roc_auc"]
    html = world.stores.lake.objects.get(report.report_key)[0].decode()
    assert f"lost accuracy on {NIGHTS[2]} and 1 more night" in html


def test_lost_accuracy_is_told_once_though_its_labels_are_corrected(world):
    for key in NIGHTS[:3]:
        world.add(key, wrong=True)
    for key in NIGHTS[3:5]:
        world.add(key, labelled=False)
    opened = world.run(NIGHTS[3])
    assert [change.change for change in opened.episodes] == ["opened"]
    rows, _, late = night(NIGHTS[2], wrong=True)
    late[-1] = 1 - late[-1]
    world.label(NIGHTS[2], rows.select(["site", "number"]), late)
    again = world.run(NIGHTS[4])
    assert (again.lost_accuracy, again.accuracy_nights, again.episodes) == (True, [NIGHTS[2]], [])
    assert world.run(NIGHTS[4]) == again


def test_a_profile_of_before_keeps_the_limit_of_one_night(world):
    key = layout.profile(world.spec.name, world.pin.sha256)
    profile = json.loads(world.stores.lake.objects.get(key)[0])
    del profile["check"]
    for judged in profile["holdout"]:
        del judged["skill"]
    world.stores.lake.objects.put(key, json.dumps(profile).encode())
    world.add(NIGHTS[0], wrong=True)
    world.add(NIGHTS[1])
    world.add(NIGHTS[2])
    assert world.run(NIGHTS[2]).lost_accuracy
    verdicts = [(world.accuracy(key).lost, world.accuracy(key).pooled) for key in NIGHTS[:2]]
    assert verdicts == [(True, None), (False, None)]


LATE = [f"2024-02-{day:02d}" for day in (1, 20, 21, 22)]


def test_labels_that_come_or_change_three_weeks_later_are_measured_anew(world):
    """A19: nights older than a fortnight never were."""
    world.add(LATE[0], labelled=False)
    for key in LATE[1:]:
        world.add(key)
    assert world.run(LATE[2]).accuracy_nights == [LATE[1]]
    world.correct(LATE[0], flipped=False)
    came = world.run(LATE[2])
    assert came.accuracy_nights == LATE[:2]
    assert world.accuracy(LATE[1]).pooled.nights == tuple(LATE[:2])
    assert world.run(LATE[2]) == came
    before = world.accuracy(LATE[0])
    world.correct(LATE[0])
    assert world.run(LATE[3]).accuracy_nights == LATE[:3]
    after = world.accuracy(LATE[0])
    assert after.metrics["roc_auc"] == pytest.approx(1 - before.metrics["roc_auc"], abs=0.01)
    assert world.accuracy(LATE[1]).pooled.evidence > 1


def test_verdicts_are_those_of_the_nights_whatever_the_order_in_which_labels_came(world):
    keys = NIGHTS[:4]
    for key in keys:
        world.add(key, wrong=True, labelled=False)
    world.add(NIGHTS[4])
    for key in (keys[2], keys[0], keys[3], keys[1]):
        rows, _, late = night(key, wrong=True)
        world.label(key, rows.select(["site", "number"]), late)
        world.run(NIGHTS[4])
    assert [world.accuracy(key).pooled.nights for key in keys] == [tuple(keys[: n + 1]) for n in range(4)]
    assert [world.accuracy(key).lost for key in keys] == [False, False, True, True]


def test_a_night_is_judged_with_those_that_the_same_version_scored_before_it(world):
    for key in NIGHTS[:4]:
        world.add(key)
    for key in NIGHTS[:3]:
        world.run(key)
    history = read_history(world.spec, NIGHTS[3], world.pin, world.stores)
    assert [one.partition for one in history] == NIGHTS[:3]
    rows, score, _ = night(NIGHTS[1])
    columns = {**{name: rows[name] for name in rows.column_names}, "score": score}
    profile = load_profile(world.pin, world.stores.lake)
    assert {n: list(c) for n, c in history[1].counts.items()} == {
        n: c.tolist() for n, c in profile.count(columns).items()
    }
    assert history[1].moments == profile.moments(columns)
    other = replace(world.pin, sha256="cd" * 32)
    assert read_history(world.spec, NIGHTS[3], other, world.stores) == []
    assert read_night_record(world.spec, NIGHTS[2], world.stores).drift.detectors == {"night": False, "nights": False}


def test_a_night_that_is_mended_judges_the_nights_after_it_anew_from_their_records(world):
    """After three broken nights the mean of a week alarms on good ones too; after two it does not."""
    for key in NIGHTS[:5]:
        world.add(key, shift=30.0 if key < NIGHTS[3] else 0.0)
        govern(world.spec, world.run(key), world.stores)
    after = NIGHTS[3:5]
    before = [read_night_record(world.spec, key, world.stores) for key in after]
    assert [record.drift.detectors for record in before] == [{"night": False, "nights": True}] * 2
    world.add(NIGHTS[2])
    mended = world.run(NIGHTS[2])
    assert mended.judged_again == after
    assert [note.split(",")[0] for note in mended.notes] == [f"{key} is quiet" for key in after]
    anew = [read_night_record(world.spec, key, world.stores) for key in after]
    assert [record.accuracy for record in anew] == [record.accuracy for record in before]
    drift = [[change.change for change in record.episodes if change.detector == "drift"] for record in anew]
    assert drift == [[], ["closed"]]
    govern(world.spec, mended, world.stores)
    decision = world.stores.lake.objects.get_record(decision_key(world, after[1]), DecisionRecord)
    assert not any(decision.evidence.drifted.values())
    for key, record in zip(after, anew, strict=True):
        manifest = world.stores.lake.require(world.spec.key(Dataset.MONITORING, key))
        assert not any(world.stores.lake.read(manifest)["drifted"].to_pylist())
        page = layout.drift_report(world.spec.key(Dataset.MONITORING, key))
        assert f"Night {key}: quiet" in world.stores.lake.objects.get(page)[0].decode()
        world.run(key)
        assert read_night_record(world.spec, key, world.stores).drift == record.drift
        assert world.stores.lake.require(world.spec.key(Dataset.MONITORING, key)) == manifest


def test_a_night_that_is_taken_back_judges_those_after_it_without_it(world):
    """Of three broken nights two are left: the second night after them is quiet by that."""
    for key in NIGHTS[:5]:
        world.add(key, shift=30.0 if key < NIGHTS[3] else 0.0)
        world.run(key)
    after = NIGHTS[3:5]
    before = [read_night_record(world.spec, key, world.stores).drift.drifted for key in after]
    assert before == [True, True]
    retract(world.spec, NIGHTS[2], world.stores, dataset=Dataset.PREDICTIONS, why="wrong prices")
    anew = [read_night_record(world.spec, key, world.stores).drift for key in after]
    assert [drift.drifted for drift in anew] == [True, False]
    for key, drift in zip(after, anew, strict=True):
        world.run(key)
        assert read_night_record(world.spec, key, world.stores).drift == drift


def test_nights_of_which_nothing_is_known_end_an_episode_for_everybody(world):
    """The governor looked back fourteen of them; who listed the episodes saw it open for ever."""
    nights = following(NIGHTS[0], 16)
    for key in nights:
        world.add(key, shift=30.0, empty=key != nights[0])
        world.run(key)
    watch = watch_drift(world.spec, "1", world.stores)
    assert [watch.read(key) for key in nights[:3]] == [True, None, None]
    assert [watch.open_episode(key) is not None for key in nights[12:]] == [True, True, False, False]
    (episode,) = [facts for facts in episodes(world.spec, world.stores) if facts.detector == "drift"]
    assert episode.state == f"closed {nights[14]}"
    changes = read_night_record(world.spec, nights[14], world.stores).episodes
    assert [change.change for change in changes if change.detector == "drift"] == ["closed"]


def test_what_a_later_version_wrote_of_a_night_is_not_overwritten(world):
    for key in NIGHTS[:2]:
        world.add(key)
        world.run(key)
    objects = world.stores.lake.objects
    of_accuracy = layout.accuracy(world.spec.name, NIGHTS[0])
    of_night = layout.drift(world.spec.key(Dataset.MONITORING, NIGHTS[1]))
    for key in (of_accuracy, of_night):
        content = {**json.loads(objects.get(key)[0]), "format": 99}
        objects.put(key, json.dumps(content).encode())
    with pytest.raises(LaterRecord, match="record of a monitored night"):
        world.run(NIGHTS[1])
    world.add(NIGHTS[2])
    world.run(NIGHTS[2])
    for key in (of_accuracy, of_night):
        assert json.loads(objects.get(key)[0])["format"] == 99


def test_a_night_that_is_judged_again_is_not_put_over_its_own_newer_run(world, monkeypatch):
    for key in [*NIGHTS[:2], NIGHTS[3]]:
        world.add(key, shift=30.0 if key < NIGHTS[2] else 0.0)
        world.run(key)
    world.add(NIGHTS[2], shift=30.0)
    real = _later_nights.changes_by

    def its_own_run_comes_in_between(*args):
        monkeypatch.setattr(_later_nights, "changes_by", real)
        world.add(NIGHTS[3], shift=1.0)
        world.run(NIGHTS[3])
        return real(*args)

    monkeypatch.setattr(_later_nights, "changes_by", its_own_run_comes_in_between)
    report = world.run(NIGHTS[2])
    predictions = world.stores.lake.require(world.spec.key("predictions", NIGHTS[3]))
    record = read_night_record(world.spec, NIGHTS[3], world.stores)
    assert record.generation == predictions.generation
    assert record.drift.detectors["nights"]
    assert (report.judged_again, report.notes) == ([NIGHTS[3]], [])


def test_a_repeated_run_gives_the_same_bytes_and_points(world):
    for key in NIGHTS[:3]:
        world.add(key)
    first, kept = world.run(NIGHTS[2]), read_night_record(world.spec, NIGHTS[2], world.stores)
    manifest = world.stores.lake.require(world.spec.key(Dataset.MONITORING, NIGHTS[2]))
    again = world.run(NIGHTS[2])
    assert again == first
    assert first.accuracy_nights == NIGHTS[:2]
    assert read_night_record(world.spec, NIGHTS[2], world.stores) == kept
    assert world.stores.lake.require(world.spec.key(Dataset.MONITORING, NIGHTS[2])) == manifest


def test_mlflow_has_one_run_per_version_and_one_point_per_night(world):
    for key in NIGHTS[:3]:
        world.add(key)
    for key in [*NIGHTS[:3], NIGHTS[2]]:
        world.run(key)
    client = world.stores.registry.client
    experiment = client.get_experiment_by_name(f"{world.spec.name}.monitoring").experiment_id
    (run,) = client.search_runs([experiment])
    assert run.data.tags["nightshift.version"] == "1"
    history = client.get_metric_history(run.info.run_id, "drift.feature.amount")
    assert [point.step for point in history] == [19754, 19755, 19756]
    losses = client.get_metric_history(run.info.run_id, "accuracy.log_loss")
    assert [point.step for point in losses] == [19754, 19755]


def test_the_numbers_are_kept_while_mlflow_is_down(world, stores):
    world.add(NIGHTS[0])
    down = Stores(stores.settings.model_copy(update={"mlflow_uri": "http://127.0.0.1:9"}), stores.origin)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        with pytest.raises(RegistryUnavailable):
            monitor(world.spec, NIGHTS[0], down)
    assert read_night_record(world.spec, NIGHTS[0], stores).drift.drifted is False
    assert world.run(NIGHTS[0]).report_key


def test_a_night_scored_again_is_measured_again(world):
    world.add(NIGHTS[0])
    world.add(NIGHTS[1])
    world.run(NIGHTS[1])
    world.add(NIGHTS[0], wrong=True)
    world.add(NIGHTS[2])
    report = world.run(NIGHTS[2])
    assert report.accuracy_nights == NIGHTS[:2]
    assert world.accuracy(NIGHTS[0]).metrics["roc_auc"] == 0
    assert world.accuracy(NIGHTS[1]).pooled.values["rank"] < 0.5


def test_what_cannot_be_monitored_is_said_and_nothing_is_published(world):
    with pytest.raises(MissingPartition, match=f"validated has no night {NIGHTS[0]}"):
        world.run(NIGHTS[0])
    world.add(NIGHTS[0], pin=replace(world.pin, sha256="cd" * 32, version="2"))
    with pytest.raises(ModelError, match="version 2 has no profile"):
        world.run(NIGHTS[0])
    world.add(NIGHTS[1])
    world.publish("validated", NIGHTS[1], night(NIGHTS[1], shift=1.0)[0])
    with pytest.raises(DataError, match="scored from other rows"):
        world.run(NIGHTS[1])
    assert world.stores.lake.partitions(Dataset.MONITORING, world.spec.name) == []


def second_version(world):
    """A version with the same profile, which scores as well."""
    other = replace(world.pin, version="2", sha256="cd" * 32)
    objects = world.stores.lake.objects
    body, _ = objects.get(layout.profile(world.spec.name, world.pin.sha256))
    objects.put(layout.profile(world.spec.name, other.sha256), body)
    return other


def stormy(world, first=NIGHTS[7]):
    """Nights of which those from ``first`` on drift; the reports of these."""
    for key in NIGHTS:
        world.add(key, shift=0.0 if key < first else 30.0)
    return {key: world.run(key) for key in NIGHTS if key >= NIGHTS[6]}


def started(world):
    """The nights that the ledger says started a retrain, in its order."""
    return [record.partition for record in started_retrains(world.spec.name, world.stores).entries()]


def decision_key(world, night):
    return layout.decision(world.spec.name, night)


def test_two_drifted_nights_start_one_retrain(world):
    decisions = {}
    for key in NIGHTS:
        world.add(key, shift=0.0 if key < NIGHTS[7] else 30.0)
        decisions[key] = govern(world.spec, world.run(key), world.stores)
    assert [key for key, decision in decisions.items() if decision.retrain] == [NIGHTS[8]]
    assert decisions[NIGHTS[8]].run_id == f"retrain__{world.spec.name}-1-drift-{NIGHTS[7]}"
    assert "within the cooldown" in decisions[NIGHTS[9]].reason
    assert govern(world.spec, world.run(NIGHTS[8]), world.stores) == decisions[NIGHTS[8]]
    body = json.loads(world.stores.lake.objects.get(f"monitoring/{world.spec.name}/_decisions/{NIGHTS[8]}.json")[0])
    assert body["evidence"]["drifted"] == {NIGHTS[6]: False, NIGHTS[7]: True, NIGHTS[8]: True}
    assert body["evidence"]["new_nights"] == 8
    assert body["policy"] == world.spec.retrain.model_dump()


def test_an_episode_is_told_at_its_opening_and_its_retrain_s_end_is_written_back(world):
    reports = stormy(world)
    opened, updated, _ = (reports[key].episodes[0] for key in NIGHTS[7:])
    assert (opened.change, opened.first_night, opened.silenced) == ("opened", NIGHTS[7], "")
    assert (updated.change, updated.episode, updated.nights) == ("updated", opened.episode, 2)
    assert read_night_record(world.spec, NIGHTS[7], world.stores).episodes == (opened,)
    assert [facts.episode for facts in episodes(world.spec, world.stores)] == [opened.episode]
    decision = govern(world.spec, reports[NIGHTS[8]], world.stores)
    assert decision.run_id == f"retrain__{opened.episode}"
    run = Stores(world.stores.settings, {"airflow_run": decision.run_id})
    moves = run.aliases.ledger(world.spec.name)
    head = moves.head()
    moves.append(head, new_move(world.spec, "challenger", head, "2", "worse", run))
    assert conclude(world.spec, decision.run_id, run).outcome == "not_promoted"
    assert started_retrains(world.spec.name, world.stores).head().run(decision.run_id).outcome == "not_promoted"
    acknowledge(world.spec, opened.episode, world.stores, why="a new shop")
    later = govern(world.spec, reports[NIGHTS[9]], world.stores)
    assert f"has had its retrain, {decision.run_id}" in later.reason
    assert later.reason.endswith(": a new shop")
    assert world.run(NIGHTS[9]).episodes[0].silenced.endswith(": a new shop")
    assert to_seal(world.spec, world.stores) == []


def test_verdicts_on_another_version_do_not_count(world):
    for key in NIGHTS[:8]:
        world.add(key)
    other = second_version(world)
    world.add(NIGHTS[8], shift=30.0)
    world.run(NIGHTS[8])
    world.add(NIGHTS[9], pin=other, shift=30.0)
    decision = govern(world.spec, world.run(NIGHTS[9]), world.stores)
    assert not decision.retrain
    assert "1 of the last 3 nights drifted (2024-02-10), 2 not known" in decision.reason


def test_a_cooldown_is_not_forgotten_when_the_night_is_scored_by_another_version(world):
    """A8: the night's decision became a no, and the next night started a second retrain within the cooldown."""
    reports = stormy(world)
    first = govern(world.spec, reports[NIGHTS[8]], world.stores)
    assert first.retrain
    world.add(NIGHTS[8], pin=second_version(world), shift=30.0, wrong=True)
    again = govern(world.spec, world.run(NIGHTS[8]), world.stores)
    assert not again.retrain
    assert not world.stores.lake.objects.get_record(decision_key(world, NIGHTS[8]), DecisionRecord).retrain
    world.add(NIGHTS[8], shift=30.0)
    world.run(NIGHTS[8])
    later = govern(world.spec, reports[NIGHTS[9]], world.stores)
    assert not later.retrain
    assert f"{NIGHTS[8]} started a retrain, within the cooldown" in later.reason
    assert started(world) == [NIGHTS[8]]


def test_a_damaged_decision_costs_its_own_night_and_forgets_no_retrain(world):
    reports = stormy(world)
    assert not govern(world.spec, reports[NIGHTS[7]], world.stores).retrain
    assert govern(world.spec, reports[NIGHTS[8]], world.stores).retrain
    for key in NIGHTS[7:9]:
        world.stores.lake.objects.put(decision_key(world, key), b"{")
    later = govern(world.spec, reports[NIGHTS[9]], world.stores)
    assert f"{NIGHTS[8]} started a retrain, within the cooldown" in later.reason
    assert started(world) == [NIGHTS[8]]


def test_a_night_that_started_a_retrain_starts_no_second_for_another_version(world):
    reports = stormy(world)
    assert govern(world.spec, reports[NIGHTS[8]], world.stores).retrain
    other = second_version(world)
    for key in NIGHTS[6:9]:
        world.add(key, pin=other, shift=30.0, wrong=True)
        report = world.run(key)
    decision = govern(world.spec, report, world.stores)
    assert not decision.retrain
    assert f"suppressed: {NIGHTS[8]} started a retrain, within the cooldown" in decision.reason
    assert started(world) == [NIGHTS[8]]


def test_a_yes_stays_the_same_though_its_evidence_changed(world):
    reports = stormy(world)
    first = govern(world.spec, reports[NIGHTS[8]], world.stores)
    kept = world.stores.lake.objects.get(decision_key(world, NIGHTS[8]))[0]
    for key in (NIGHTS[7], NIGHTS[8]):
        world.stores.lake.objects.delete(layout.drift(world.spec.key(Dataset.PREDICTIONS, key)))
    again = govern(world.spec, reports[NIGHTS[8]], world.stores)
    assert again == first
    assert world.stores.lake.objects.get(decision_key(world, NIGHTS[8]))[0] == kept
    assert started(world) == [NIGHTS[8]]


def test_a_worker_lost_after_the_retrain_was_written_down_says_the_same_yes_again(world, monkeypatch):
    reports = stormy(world)
    with monkeypatch.context() as patch:
        patch.setattr(world.stores.lake.objects, "put_record", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            govern(world.spec, reports[NIGHTS[8]], world.stores)
    assert not govern(world.spec, reports[NIGHTS[9]], world.stores).retrain
    again = govern(world.spec, reports[NIGHTS[8]], world.stores)
    assert (again.retrain, again.run_id) == (True, f"retrain__{world.spec.name}-1-drift-{NIGHTS[7]}")
    assert started(world) == [NIGHTS[8]]


@pytest.mark.parametrize(("mine", "hers"), [(NIGHTS[8], NIGHTS[9]), (NIGHTS[9], NIGHTS[8])])
def test_of_two_live_governors_of_neighbouring_nights_one_starts_a_retrain(world, monkeypatch, mine, hers):
    """Both had looked before either had written: a task that runs one at a time is no lock."""
    reports = stormy(world)
    decide, others = governor.decide, []

    def paused(spec, evidence):
        decision = decide(spec, evidence)
        if evidence.partition == mine and not others:
            others.append(govern(spec, reports[hers], Stores(world.stores.settings)))
        return decision

    monkeypatch.setattr(governor, "decide", paused)
    decision = govern(world.spec, reports[mine], world.stores)
    assert (others[0].retrain, decision.retrain) == (True, False)
    assert f"suppressed: {hers} started a retrain, within the cooldown" in decision.reason
    assert started(world) == [hers]


def forget_what_was_started(world):
    objects = world.stores.lake.objects
    for key in list(objects.keys(layout.retrains(world.spec.name))):
        objects.delete(key)


def test_what_was_started_before_there_was_a_ledger_counts_once_a_person_says_so(world):
    """A run seals nothing: whoever writes to the lake may have written the record."""
    reports = stormy(world)
    assert govern(world.spec, reports[NIGHTS[8]], world.stores).retrain
    forget_what_was_started(world)
    with pytest.raises(UnsealedRecord, match=f"says that {NIGHTS[8]} started a retrain") as error:
        govern(world.spec, reports[NIGHTS[8]], world.stores)
    assert f"nightshift seal {world.spec.name}" in str(error.value.fix)
    assert started(world) == []
    seal(world.spec, world.stores)
    assert started(world) == [NIGHTS[8]]
    assert not govern(world.spec, reports[NIGHTS[9]], world.stores).retrain
    world.add(NIGHTS[8], pin=second_version(world), shift=30.0, wrong=True)
    assert not govern(world.spec, world.run(NIGHTS[8]), world.stores).retrain
    assert started(world) == [NIGHTS[8]]


def test_a_decision_that_nobody_with_the_key_wrote_keeps_no_retrain_from_starting(world, caplog):
    reports = stormy(world)
    assert govern(world.spec, reports[NIGHTS[8]], world.stores).retrain
    forget_what_was_started(world)
    assert govern(world.spec, reports[NIGHTS[9]], world.stores).retrain
    assert f"that {NIGHTS[8]} started a retrain is not sealed" in caplog.text
    assert f"nightshift seal {world.spec.name}" in caplog.text
    assert started(world) == [NIGHTS[9]]


def test_a_damaged_record_of_accuracy_is_measured_anew_and_stops_no_night(world):
    for night_key in NIGHTS[:2]:
        world.add(night_key)
        world.run(night_key)
    key = layout.accuracy(world.spec.name, NIGHTS[0])
    measured = world.accuracy(NIGHTS[0])
    world.stores.lake.objects.put(key, b"{")
    world.add(NIGHTS[2])
    world.run(NIGHTS[2])
    assert world.accuracy(NIGHTS[0]).metrics == measured.metrics


def test_a_damaged_decision_is_written_anew(world):
    reports = stormy(world)
    world.stores.lake.objects.put(decision_key(world, NIGHTS[7]), b"{")
    govern(world.spec, reports[NIGHTS[7]], world.stores)
    assert world.stores.lake.objects.get_record(decision_key(world, NIGHTS[7]), DecisionRecord)


def test_a_monitor_that_slept_does_not_put_its_record_over_a_newer_one(world, monkeypatch):
    night_key = NIGHTS[0]
    world.add(night_key)
    real = _night_files.render

    def another_comes_in_between(*args):
        monkeypatch.setattr(_night_files, "render", real)
        world.add(night_key, shift=1.0)
        world.run(night_key)
        return real(*args)

    monkeypatch.setattr(_night_files, "render", another_comes_in_between)
    with pytest.raises(Superseded, match="was written by another monitor"):
        world.run(night_key)
    predictions = world.stores.lake.require(world.spec.key("predictions", night_key))
    record = read_night_record(world.spec, night_key, world.stores)
    assert record.generation == predictions.generation
    world.run(night_key)
