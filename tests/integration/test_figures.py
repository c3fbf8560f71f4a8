"""The figures of a real lake: right, bounded in requests, and still there when the lake or a model is not."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any, NamedTuple

import pyarrow as pa
import pytest

from benchmarks.requests import counted
from nightshift.contracts import Dataset, Pin
from nightshift.errors import LakeUnavailable
from nightshift.figures import catalogue
from nightshift.figures.emf import line
from nightshift.figures.look import LakeLook
from nightshift.figures.model import MOST_REQUESTS
from nightshift.figures.prometheus import exposition, serve
from nightshift.monitoring.accuracy_record import Accuracy
from nightshift.monitoring.drift import DriftResult
from nightshift.monitoring.night_record import NightCounts, NightRecord
from nightshift.monitoring.retrains import Causes, DecisionRecord, started_retrains
from nightshift.monitoring.shadow.record import ShadowNight
from nightshift.monitoring.silences import Silence, silences
from nightshift.monitoring.skill import PooledSkill
from nightshift.partitions import following
from nightshift.spec import ModelSpec, load_spec
from nightshift.steps.retract import retract
from nightshift.stores import Stores, layout
from nightshift.stores.lake import Lake
from nightshift.stores.manifest import Manifest
from nightshift.stores.objects import Objects
from nightshift.stores.registry import SHADOW
from tests.champions import append_move, seal_version

pytestmark = pytest.mark.stack

TABLE = pa.table({"n": pa.array(range(50), pa.int32())})
GRAPH = "ab" * 32
NIGHTS = following("2024-01-03", 8)
DRIFTED = NIGHTS[-3:]
TOKEN = "a-token-of-this-test"
NOW = 1_704_900_000.0
Values = dict[tuple[str, ...], float]


class World(NamedTuple):
    """A model with a champion, a challenger in shadow, drift, and lost accuracy."""

    spec: ModelSpec
    stores: Stores

    @property
    def lake(self) -> Lake:
        return self.stores.lake

    def look(self) -> LakeLook:
        """One that was taken."""
        look = LakeLook(self.stores, lambda: NOW)
        look.take()
        return look

    def publish(self, night: str, rows: int = 40) -> Manifest:
        pin = asdict(Pin(self.spec.name, "2", "run", GRAPH, "k", "5f.dir", "2024-01-01"))
        provenance: dict[str, Any] = {"pin": pin, "seconds": 12.5}
        self._commit(Dataset.VALIDATED, night, rows, 10, {})
        self._commit(Dataset.PREDICTIONS, night, rows, 0, provenance)
        self._commit(Dataset.LABELS, night, rows, 0, {})
        return self.lake.require(self.spec.key(Dataset.PREDICTIONS, night))

    def monitored(self, predictions: Manifest, *, drifted: bool, lost: bool) -> None:
        night = predictions.partition
        drift = DriftResult(drifted, 9.0, 8.0, 1.5 if drifted else 0.5, "amount", 3, 0.01, 89, [])
        record = NightRecord(
            model=self.spec.name, partition=night, version="2", pin=predictions.pin, drift=drift, accuracy=(),
            counts=NightCounts(50, 10, 40, 0), generation=predictions.generation,
        )  # fmt: skip
        self.lake.objects.put_record(layout.drift(predictions.key), record)
        pooled = PooledSkill(
            nights=(night,), evidence=30.0, needed=100.0, worst="skill",
            values={"skill": 0.1, "rank": 0.7, "bias": -0.01, "other": 9.0}, usual={"skill": 0.2, "rank": 0.75},
        )  # fmt: skip
        accuracy = Accuracy(
            model=self.spec.name, night=night, version="2", measured_by=night, predictions=predictions.digest,
            labels="l", rows=40, labelled=40, without_label=0, labels_unscored=0, metrics={}, limit=None, lost=lost,
            pooled=pooled,
        )  # fmt: skip
        self.lake.objects.put_record(layout.accuracy(self.spec.name, night), accuracy)

    def in_shadow(self, night: str) -> None:
        record = ShadowNight(
            model=self.spec.name, night=night, version="3", champion="2", predictions="p", shadow="s", rows=40,
            disagreement=None, metric="log_loss", labelled=40, difference=-int(night[-2:]) / 10, champion_loss=20.0,
        )  # fmt: skip
        self.lake.objects.put_record(layout.shadow_night(self.spec.name, night), record)

    def _commit(self, dataset: Dataset, night: str, rows: int, quarantined: int, provenance: dict[str, Any]) -> None:
        draft = self.lake.begin(self.spec.key(dataset, night))
        self.lake.publish(draft, TABLE.slice(0, rows), rows_quarantined=quarantined, provenance=provenance)


@pytest.fixture(scope="module")
def world(
    open_stores: Callable[..., Stores], make_project: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> World:
    root = tmp_path_factory.mktemp("figures")
    folder = make_project(
        root, training={"max_age_days": 9}, retrain={"per_month": 2}, shadow={"min_nights": 10, "nights": 20}
    )
    world = World(load_spec(folder / "model.yaml"), open_stores(root))
    model = world.spec.name
    for version in ("1", "2", "3"):
        seal_version(world.stores, model, version, trained_through="2024-01-02", onnx_sha256=GRAPH)
    append_move(world.stores, model, "1", night=NIGHTS[0])
    append_move(world.stores, model, "2", night=NIGHTS[0])
    append_move(world.stores, model, "3", SHADOW, night=NIGHTS[0])
    for night in NIGHTS:
        world.monitored(world.publish(night), drifted=night in DRIFTED, lost=False)
        world.in_shadow(night)
    evidence = Causes(NIGHTS[-1], "2", {}, {}, [], "2024-01-02", 0)
    decision = DecisionRecord(
        model=model, partition=NIGHTS[-1], retrain=True, reason="drift", run_id="r", evidence=evidence, policy={}
    )
    retrains = started_retrains(model, world.stores)
    assert retrains.append(retrains.head(), decision)
    return world


def values(look: LakeLook) -> Values:
    return {(sample.figure.name, *sample.labels): sample.value for sample in look.samples()}


def at(night: str) -> float:
    return pa.scalar(night).cast(pa.timestamp("s")).value


def test_every_figure_of_the_catalogue_is_there_and_says_what_the_lake_has(world: World) -> None:
    name = world.spec.name
    told = values(world.look())
    expected = {
        ("up",): 1,
        ("last_success_timestamp_seconds",): NOW,
        ("model_up", name): 1,
        ("model_last_success_timestamp_seconds", name): NOW,
        ("last_night_timestamp_seconds", name, "predictions"): at(NIGHTS[-1]),
        ("last_night_timestamp_seconds", name, "labels"): at(NIGHTS[-1]),
        # The schedule is 0 2 * * * in UTC.
        ("next_night_timestamp_seconds", name): at("2024-01-11") + 2 * 3600,
        ("night_rows", name): 40,
        ("night_rows_in", name): 50,
        ("night_rows_quarantined", name): 10,
        ("night_duration_seconds", name): 12.5,
        ("drift_ratio", name): 1.5,
        ("drift_alarm", name): 1,
        ("episode_open", name, "drift"): 1,
        ("episode_nights", name, "drift"): 3,
        ("episode_silenced", name, "drift"): 0,
        ("episode_open", name, "accuracy"): 0,
        ("accuracy_value", name, "skill"): 0.1,
        ("accuracy_usual", name, "rank"): 0.75,
        ("accuracy_ratio", name): 0.3,
        ("accuracy_lost", name): 0,
        ("champion_info", name, "2", GRAPH): 1,
        ("champion_trained_through_timestamp_seconds", name): at("2024-01-02"),
        ("champion_age_seconds", name): 8 * 86_400,
        ("champion_max_age_seconds", name): 9 * 86_400,
        ("retrains_of_month", name): 1,
        ("retrain_budget", name): 2,
        ("retrains_rejected", name): 0,
        ("retrains_rejected_limit", name): 5,
        ("shadow_info", name, "3", GRAPH): 1,
        ("shadow_nights", name): 8,
        ("shadow_nights_limit", name): 20,
    }
    wanted = {(f"nightshift_{figure}", *labels): value for (figure, *labels), value in expected.items()}
    assert {key: told.get(key) for key in wanted} == wanted
    assert ("nightshift_accuracy_value", name, "other") not in told
    # With so few nights in shadow nothing is known of their difference.
    # Nor has a night replayed anything: nobody asked by day.
    later = {name for name in catalogue_names() if re.search("loss_difference|replay|skew", name)}
    assert {name for name, *_ in told} == {figure.name for figure in catalogue.FIGURES} - later


def catalogue_names() -> set[str]:
    return {figure.name for figure in catalogue.FIGURES}


def test_ten_nights_in_shadow_have_a_difference(world: World) -> None:
    more = ["2024-01-11", "2024-01-12"]
    for night in more:
        world.in_shadow(night)
    told = values(world.look())
    for night in more:
        world.lake.objects.delete(layout.shadow_night(world.spec.name, night))
    name = world.spec.name
    low, mean, high = (told[f"nightshift_shadow_loss_difference{end}", name] for end in ("_low", "", "_high"))
    assert mean == pytest.approx(-0.75 / 40)
    assert low <= mean <= high


def test_a_look_makes_a_bounded_number_of_requests_and_few_where_nothing_changed(world: World) -> None:
    look = LakeLook(world.stores)
    with counted(world.lake) as cold:
        look.take()
    with counted(world.lake) as warm:
        look.take()
    assert cold.total() <= MOST_REQUESTS
    assert warm.total() <= 13
    assert set(warm) <= {"ListObjectsV2", "GetObject"}


def test_what_a_look_may_not_read_any_more_the_next_one_reads(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = values(world.look())
    monkeypatch.setattr("nightshift.figures.model.MOST_REQUESTS", 24)
    look = LakeLook(world.stores, lambda: NOW)
    told: list[Values] = []
    while not told or not told[-1]["nightshift_model_up", world.spec.name]:
        with counted(world.lake) as requests:
            look.take()
        assert requests.total() <= 24
        told.append(values(look))
        assert len(told) < 10
    assert len(told) > 1
    took = ("nightshift_look_duration_seconds",)
    assert told[-1] | {took: 0} == whole | {took: 0}


def test_an_acknowledged_episode_is_told_to_be(world: World) -> None:
    log = silences(world.spec.name, world.stores)
    head = log.head()
    mute = Silence(model=world.spec.name, by="tests", why="known", origin={}, since=NIGHTS[-1], until=NIGHTS[-1])
    log.append(head, mute)
    name = world.spec.name
    assert values(world.look())["nightshift_episode_silenced", name, "drift"] == 1
    log.append(log.head(), mute.model_copy(update={"until": NIGHTS[0]}))
    assert values(world.look())["nightshift_episode_silenced", name, "drift"] == 0


def test_a_night_that_was_taken_back_or_made_anew_is_seen_by_the_next_look(
    open_stores: Callable[..., Stores], spec: ModelSpec, project: Any
) -> None:
    world = World(spec, open_stores(project))
    look = world.look()
    assert values(look)["nightshift_model_up", spec.name] == 1
    for night in NIGHTS[:2]:
        world.publish(night)
    look.take()
    rows = ("nightshift_night_rows", spec.name)
    newest = ("nightshift_last_night_timestamp_seconds", spec.name, "predictions")
    assert (values(look)[rows], values(look)[newest]) == (40, at(NIGHTS[1]))
    world.publish(NIGHTS[1], 30)
    look.take()
    assert values(look)[rows] == 30
    retract(spec, NIGHTS[1], world.stores, dataset=Dataset.VALIDATED, why="a test")
    look.take()
    assert (values(look)[rows], values(look)[newest]) == (40, at(NIGHTS[0]))


def test_a_lake_that_is_gone_leaves_the_figures_and_their_age(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = [NOW]
    look = LakeLook(world.stores, lambda: moment[0])
    look.take()
    moment[0] += 60

    def gone(*_: object, **__: object) -> None:
        raise LakeUnavailable("S3 does not answer")

    monkeypatch.setattr(Objects, "listing", gone)
    before = values(look)
    look.take()
    after = values(look)
    name = world.spec.name
    assert (after["nightshift_up",], after["nightshift_model_up", name]) == (0, 0)
    assert after["nightshift_last_success_timestamp_seconds",] == NOW
    assert after["nightshift_model_last_success_timestamp_seconds", name] == NOW
    assert after["nightshift_night_rows", name] == 40
    monkeypatch.undo()
    look.take()
    changed = {"nightshift_last_success_timestamp_seconds", "nightshift_look_duration_seconds"}
    changed.add("nightshift_model_last_success_timestamp_seconds")
    now = values(look)
    assert {key: now[key] for key in now if key[0] not in changed} == {
        key: before[key] for key in before if key[0] not in changed
    }


@pytest.mark.parametrize("damage", ["ledger", "manifest", "model.yaml"])
def test_a_model_that_cannot_be_read_hides_no_other(world: World, damage: str, request: pytest.FixtureRequest) -> None:
    folder = world.stores.settings.models / "broken"
    folder.mkdir(exist_ok=True)
    request.addfinalizer(lambda: [file.unlink() for file in folder.iterdir()])
    text = (world.stores.settings.models / world.spec.name / "model.yaml").read_text()
    (folder / "source.py").write_text("")
    (folder / "model.yaml").write_text(
        "no: spec\n" if damage == "model.yaml" else text.replace(world.spec.name, "broken")
    )
    objects = world.lake.objects
    if damage == "ledger":
        objects.put(layout.ledger_entry(layout.ledger("broken"), 1), b"{")
    if damage == "manifest":
        objects.put(f"{layout.manifests_of_column(Dataset.PREDICTIONS, 'broken', 'day')}2024-01-05.json", b"{")
    told = values(world.look())
    for key in [*objects.keys("ledger/broken/"), *objects.keys("manifests/predictions/broken/")]:
        objects.delete(key)
    assert told["nightshift_up",] == 1
    assert told["nightshift_model_up", "broken"] == 0
    assert told["nightshift_model_up", world.spec.name] == 1
    assert told["nightshift_night_rows", world.spec.name] == 40


def test_who_knows_the_token_gets_the_figures_and_nobody_else_gets_a_byte(world: World) -> None:
    look = world.look()
    server = serve(look.samples, "127.0.0.1", 0, TOKEN)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(server.serve_forever)
        url = f"http://127.0.0.1:{server.server_port}/metrics"
        asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {TOKEN}"})
        with urllib.request.urlopen(asked) as answer:
            text = answer.read().decode()
            assert answer.headers["Content-Type"].startswith("text/plain")
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic YTpi"}):
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(urllib.request.Request(url, headers=headers))
            assert refused.value.code == 401
            assert refused.value.read() == b""
        server.shutdown()
    server.server_close()
    assert f'nightshift_night_rows{{model="{world.spec.name}"}} 40.0\n' in text
    body, kind = exposition(look.samples, "application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


def test_a_line_for_cloudwatch_has_the_night_and_a_metric_for_each_figure(world: World) -> None:
    figures = world.look().models[world.spec.name].figures
    document = json.loads(line(figures, NOW))
    assert (document["model"], document["night"], document["version"]) == (world.spec.name, NIGHTS[-1], "2")
    (directive,) = document["_aws"]["CloudWatchMetrics"]
    names = [metric["Name"] for metric in directive["Metrics"]]
    assert {"night_rows", "episode_open_drift", "accuracy_value_skill"} <= set(names)
    assert len(names) == len(set(names))
    assert {document[name] for name in names} <= {sample.value for sample in figures.samples}
