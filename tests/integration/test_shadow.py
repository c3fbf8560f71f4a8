"""A challenger in shadow, on a real S3 and a real MLflow: it scores unread, until its nights decide."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from nightshift.cli.main import app
from nightshift.contracts import (
    Candidate,
    Dataset,
    GraphRef,
    PartitionRef,
    Searched,
    ShadowVerdict,
    SnapshotRef,
    Trained,
    Verdict,
)
from nightshift.errors import ModelError, UnsafeGraph, UsageError
from nightshift.monitoring.shadow.record import ShadowNight, read_shadow_night
from nightshift.partitions import following
from nightshift.spec import ModelSpec, load_spec
from nightshift.steps.approve import approve
from nightshift.steps.ledger import story
from nightshift.steps.predict import predict
from nightshift.steps.promote import promote, put_before_person
from nightshift.steps.retract import retract
from nightshift.steps.rollback import rollback
from nightshift.steps.shadow import put_in_shadow, shadow, stop_shadow
from nightshift.steps.shadow_verdict import shadow_verdict
from nightshift.stores import Stores, layout, verdicts
from nightshift.stores.registry import CHALLENGER, CHAMPION, SHADOW
from nightshift.stores.verdicts import read as read_verdict
from nightshift.stores.versions import VersionRecord
from tests.champions import put_graph, register_version, seal_version, set_champion

pytestmark = pytest.mark.stack

FEATURES = {"kind": {"feature": False}, "amount": {"feature": False}}
NIGHTS = following("2024-01-02", 14)
EARLY = 9
SEEN = "2024-01-01"
# What each version says of every row; about half of the rows are late.
SCORES = {"1": 0.1, "2": 0.4, "3": 0.02, "4": 0.1001}
Change = Callable[..., ModelSpec]


class World(NamedTuple):
    """Validated nights with labels, and versions that were sealed."""

    spec: ModelSpec
    stores: Stores
    nights: list[str]
    sealed: dict[str, VersionRecord]

    def alias(self, alias: str) -> tuple[str | None, str | None]:
        """By the ledger, and as MLflow shows it."""
        shown = self.stores.registry.alias(self.spec.name, alias)
        return self.stores.aliases.version(self.spec.name, alias), shown

    def record(self, version: str) -> VersionRecord:
        record = self.stores.versions.record(self.spec.name, version)
        assert record is not None
        return record

    def judged(self, version: str, **of_verdict: Any) -> Verdict:
        """What a gate says of a version; by default that its nights did not say enough."""
        record = self.record(version)
        snapshot = SnapshotRef(self.spec.name, "bb.dir", SEEN, "", SEEN, 10, 900, [])
        trained = Trained(self.spec.name, "run", "models:/m-1", snapshot, {})
        graph = GraphRef(record.onnx_sha256, record.onnx_key, 1000, 0.0, 0, 400, "fp32")
        inconclusive = Verdict(Candidate(self.spec.name, version, trained, graph), False, ["inconclusive"], "1")
        return replace(inconclusive, **{"inconclusive": True, **of_verdict})

    def searched(self, version: str) -> Verdict:
        """The same of a version whose recipe a search chose, and whose threshold was learnt."""
        judged = self.judged(version)
        won = Searched(self.spec.name, "search", "ab" * 32, "ridge", {}, 1, 2, "less")
        trained = replace(judged.candidate.trained, sha256="cd" * 32, threshold_rule="costs 1 to 4", searched=won)
        return replace(judged, candidate=replace(judged.candidate, trained=trained))

    def beside(self, night: str) -> PartitionRef | None:
        """Scored by both."""
        predict(self.spec, night, self.stores)
        return shadow(self.spec, night, self.stores)

    def night(self, night: str) -> ShadowVerdict | None:
        """What the Dag does of a night that is validated."""
        self.beside(night)
        return shadow_verdict(self.spec, night, self.stores)

    def live(self) -> list[ShadowVerdict | None]:
        """All nights, one after the other; of the first of them nobody asks."""
        for night in self.nights[:EARLY]:
            self.beside(night)
        return [self.night(night) for night in self.nights[EARLY:]]

    def ready(self) -> str:
        """All nights scored by both, and nobody asked yet; the last of them."""
        for night in self.nights:
            self.beside(night)
        return self.nights[-1]

    def enter(self, version: str = "2") -> None:
        promote(self.spec, self.judged(version), self.stores)

    def shadow_record(self, night: str) -> ShadowNight:
        record = read_shadow_night(self.spec.name, night, self.stores)
        assert record is not None
        return record


def put_night(spec: ModelSpec, stores: Stores, dataset: Dataset, night: str, rows: pa.Table) -> None:
    draft = stores.lake.begin(spec.key(dataset, night))
    stores.lake.publish(draft, rows, provenance={"by": "tests"})


@pytest.fixture(scope="module")
def loaded(
    make_project: Callable[..., Path],
    open_stores: Callable[..., Stores],
    small_rows: Callable[..., pa.Table],
    tmp_path_factory: pytest.TempPathFactory,
) -> World:
    folder = make_project(
        tmp_path_factory.mktemp("shadow"),
        columns=FEATURES,
        drift={"features": ["items"]},
        shadow={"enters": "inconclusive"},
    )
    spec, stores = load_spec(folder / "model.yaml"), open_stores(folder.parents[1])
    for night in NIGHTS:
        rows = small_rows(spec, night, 1).drop_columns([spec.partition.column])
        put_night(spec, stores, Dataset.VALIDATED, night, rows.drop_columns([spec.label.column]))
        put_night(spec, stores, Dataset.LABELS, night, rows.select([*spec.keys, spec.label.column]))
    stores.registry.client.create_registered_model(spec.name)
    world = World(spec, stores, NIGHTS, {})
    for version, score in SCORES.items():
        assert register_version(stores, spec.name) == version
        graph = put_graph(stores, spec, score)
        gate = "passed" if version == "1" else "failed"
        known = {**graph, "run_id": f"run-{version}", "trained_through": SEEN}
        seal_version(stores, spec.name, version, gate, **known)
        verdict = verdicts.keep(world.judged(version), stores)
        world.sealed[version] = seal_version(stores, spec.name, version, gate, **known, verdict_sha256=verdict)
    return world


@pytest.fixture
def world(loaded: World) -> World:
    """The same, with version 1 as the champion that scored no night yet, and nobody in its shadow."""
    lake, model = loaded.stores.lake, loaded.spec.name
    scored = (Dataset.SHADOW, Dataset.PREDICTIONS)
    gone = [place(dataset, model) for dataset in scored for place in (layout.manifests, layout.served)]
    for prefix in (layout.ledger(model), layout.served(Dataset.MONITORING, model), *gone):
        for key in list(lake.objects.keys(prefix)):
            lake.objects.delete(key)
    for alias in (CHALLENGER, SHADOW):
        loaded.stores.registry.delete_alias(model, alias)
    set_champion(loaded.stores, model, "1", SEEN)
    for version in SCORES:
        loaded.stores.versions.write(loaded.sealed[version])
    return loaded


def test_who_is_inconclusive_stands_in_the_shadow_and_scores_where_nobody_reads_it(world: World) -> None:
    promotion = promote(world.spec, world.judged("2"), world.stores)
    assert promotion.reason == "inconclusive; it stands in the shadow"
    assert [world.alias(alias) for alias in (CHAMPION, CHALLENGER, SHADOW)] == [("1", "1"), ("2", "2"), ("2", "2")]
    night = world.nights[0]
    predict(world.spec, night, world.stores)
    before = world.stores.lake.require(world.spec.key(Dataset.PREDICTIONS, night))
    scored = shadow(world.spec, night, world.stores)
    assert scored is not None
    lake = world.stores.lake
    published = lake.require(world.spec.key(Dataset.PREDICTIONS, night))
    assert (published, published.pin.version) == (before, "1")
    beside = lake.require(world.spec.key(Dataset.SHADOW, night))
    assert (beside.pin.version, beside.rows, beside.provenance["champion"]) == ("2", published.rows, "1")
    assert all(file.key.startswith("generations/shadow/") for file in beside.files)
    keys = list(lake.objects.keys(layout.served(Dataset.SHADOW, world.spec.name)))
    assert keys == [layout.served_file(beside.key, 0)]
    apart = world.shadow_record(night).disagreement
    assert apart is not None
    assert (apart.same, apart.average, apart.at_most) == (1.0, pytest.approx(0.3), pytest.approx(0.3))
    page, _ = lake.objects.get(layout.shadow_night(world.spec.name, night, ".html")) or (b"", "")
    assert b"version 2 predicts otherwise in 0.0% of the rows" in page


def test_a_better_one_takes_over_after_ten_labelled_nights_and_not_before(world: World) -> None:
    promote(world.spec, world.searched("2"), world.stores)
    before = world.record("2")
    verdicts = world.live()
    outcomes = [verdict.outcome if verdict else None for verdict in verdicts]
    last = outcomes.index("better")
    assert set(outcomes[:last]) == {"open"}
    assert set(outcomes[last + 1 :]) <= {None}
    taken = verdicts[last]
    assert taken is not None
    assert (taken.moved, taken.version, taken.champion) == (True, "2", "1")
    assert taken.nights >= 10
    assert [world.alias(alias) for alias in (CHAMPION, SHADOW)] == [("2", "2"), (None, None)]
    after = world.record("2")
    assert after.gate == "passed"
    changed = {name for name in type(after).model_fields if getattr(after, name) != getattr(before, name)}
    assert changed == {"gate", "reason", "verdict_sha256"}, "it is the version that its gate judged"
    kept = read_verdict(world.spec.name, after.verdict_sha256, world.stores).candidate.trained
    assert (kept.model_uri, kept.sha256) == ("models:/m-1", "cd" * 32)
    *_, entry = story(world.spec, world.stores).entries
    assert (entry.what, entry.before, entry.after) == ("promotion", "1", "2")
    assert entry.night is not None
    assert entry.night > world.nights[EARLY + last]
    assert "in its shadow" in entry.why


def test_a_worse_one_is_stopped(world: World) -> None:
    promote(world.spec, world.judged("3"), world.stores)
    outcomes = [verdict.outcome for verdict in world.live() if verdict]
    assert outcomes[-1] == "worse"
    assert [world.alias(alias) for alias in (CHAMPION, CHALLENGER, SHADOW)] == [("1", "1"), ("3", "3"), (None, None)]
    assert world.record("3").gate == "failed"
    *_, entry = story(world.spec, world.stores).entries
    assert (entry.what, entry.after) == ("shadow", None)


def test_one_that_surely_gains_next_to_nothing_is_stopped(world: World, change: Change) -> None:
    """Version 2 gains a quarter of the champion's loss: who asks for half of it does not wait for more nights."""
    demanding = world._replace(spec=change(world.spec, shadow={"gain": 2.0, "confidence": 0.99}))
    promote(demanding.spec, world.judged("2"), world.stores)
    outcomes = [verdict.outcome for verdict in demanding.live() if verdict]
    assert outcomes[-1] == "futile"
    *_, entry = story(world.spec, world.stores).entries
    assert "surely no gain of 2" in entry.why


def test_where_a_person_decides_it_asks(world: World, change: Change) -> None:
    spec = change(world.spec, gates={"approval": "always"})
    asking = world._replace(spec=spec)
    assert put_before_person(spec, world.judged("2"), world.stores) is None
    promote(spec, world.judged("2"), world.stores)
    verdicts = [verdict for verdict in asking.live() if verdict]
    assert (verdicts[-1].outcome, verdicts[-1].moved) == ("better", False)
    assert [world.alias(alias) for alias in (CHAMPION, SHADOW)] == [("1", "1"), (None, None)]
    assert approve(spec, verdicts[-1].waits_for, world.stores).champion == "2"
    assert world.alias(CHAMPION) == ("2", "2")


def test_undecided_after_its_nights_it_ends_or_asks(world: World, change: Change) -> None:
    impatient = {"nights": 10, "confidence": 0.999999999, "gain": 0.0}
    spec = change(world.spec, shadow=impatient, gates={"approval": "on_inconclusive"})
    undecided = world._replace(spec=spec)
    promote(spec, world.judged("2"), world.stores)
    verdicts = [verdict for verdict in undecided.live() if verdict]
    assert verdicts[-1].outcome == "ended"
    assert approve(spec, verdicts[-1].waits_for, world.stores).champion == "2"


def test_one_that_passed_waits_in_the_shadow_only_where_the_spec_says_so(world: World, change: Change) -> None:
    passed = world.judged("2", promote=True, inconclusive=False)
    careful = change(world.spec, shadow={"enters": "passed"})
    assert not promote(careful, passed, world.stores).moved
    assert world.alias(SHADOW) == ("2", "2")
    assert promote(world.spec, passed, world.stores).moved
    assert world.alias(SHADOW) == (None, None)


def test_another_champion_ends_the_shadow_of_the_one_before(world: World) -> None:
    set_champion(world.stores, world.spec.name, "4", world.nights[0])
    promote(world.spec, world.judged("2", champion="4"), world.stores)
    rollback(world.spec, world.stores, to="1")
    assert world.alias(SHADOW) == (None, None)
    assert shadow(world.spec, world.nights[0], world.stores) is None
    assert shadow_verdict(world.spec, world.nights[0], world.stores) is None


def test_a_person_says_who_stands_there_and_nights_that_were_seen_are_no_evidence(world: World) -> None:
    predict(world.spec, world.nights[-1], world.stores)
    put_in_shadow(world.spec, "2", "let us see", world.stores)
    *_, entry = story(world.spec, world.stores).entries
    assert (entry.what, entry.after, entry.night) == ("shadow", "2", "2024-01-16")
    assert world.beside(world.nights[-1]) is None
    with pytest.raises(ModelError, match="version 2 stands in the shadow, and there is room for one"):
        put_in_shadow(world.spec, "3", "me too", world.stores)
    with pytest.raises(ModelError, match="version 1 is the champion"):
        put_in_shadow(world.spec, "1", "why not", world.stores)
    stop_shadow(world.spec, "enough", world.stores)
    put_in_shadow(world.spec, "3", "now", world.stores)
    assert world.alias(SHADOW) == ("3", "3")
    head = world.stores.aliases.ledger(world.spec.name).head()
    assert head.shadows == 2


def test_without_shadow_in_the_spec_nobody_stands_there(world: World, change: Change) -> None:
    bare = world.spec.model_copy(update={"shadow": None})
    promote(bare, world.judged("2"), world.stores)
    assert world.alias(SHADOW) == (None, None)
    with pytest.raises(UsageError, match="has no shadow, so nobody is scored there"):
        put_in_shadow(bare, "2", "let us see", world.stores)


def test_a_graph_that_was_replaced_costs_the_shadow_and_not_the_night(world: World) -> None:
    promote(world.spec, world.judged("4"), world.stores)
    key = world.record("4").onnx_key
    body, _ = world.stores.lake.objects.get(key) or (b"", "")
    world.stores.lake.objects.put(key, b"another")
    try:
        published = predict(world.spec, world.nights[0], world.stores)
        assert published.rows
        with pytest.raises(UnsafeGraph):
            shadow(world.spec, world.nights[0], world.stores)
    finally:
        world.stores.lake.objects.put(key, body)
    key_of_night = world.spec.key(Dataset.PREDICTIONS, world.nights[0])
    assert world.stores.lake.require(key_of_night).ref == published


def test_a_night_that_is_taken_back_is_no_evidence_and_leaves_no_record(world: World) -> None:
    promote(world.spec, world.judged("2"), world.stores)
    for night in world.nights[:4]:
        world.night(night)
    taken = world.nights[1]
    before = shadow_verdict(world.spec, world.nights[3], world.stores)
    retract(world.spec, taken, world.stores, dataset=Dataset.PREDICTIONS)
    assert read_shadow_night(world.spec.name, taken, world.stores) is None
    after = shadow_verdict(world.spec, world.nights[3], world.stores)
    assert before is not None
    assert after is not None
    assert after.nights == before.nights - 1


def test_the_command_line_tells_of_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = world.stores.settings
    monkeypatch.setenv("NIGHTSHIFT_PROJECT", str(settings.project))
    monkeypatch.setenv("NIGHTSHIFT_LAKE", settings.lake)
    name, night = world.spec.name, world.nights[0]
    put_in_shadow(world.spec, "2", "let us see", world.stores)

    def run(*words: str) -> str:
        return CliRunner().invoke(app, words, catch_exceptions=False).output

    assert "0 of 10 labelled nights against version 1" in run("shadow", name)
    predict(world.spec, night, world.stores)
    stop_shadow(world.spec, "enough", world.stores)
    assert "nobody stands in the shadow" in run("shadow", name)
    assert "next: nightshift predict" in run("shadow", f"{name}@2")
    assert "nobody stands in the shadow on" in run("shadow", name, night)
    assert "0 of 10 labelled nights against version 1" in run("shadow", name)
    assert "enough" in run("shadow", name, "--stop", "--why", "enough")
