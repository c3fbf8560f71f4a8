"""Rollback, withdrawal and point in time, on a real S3 and a real MLflow: who scores which night, and what it says."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

from benchmarks.requests import counted
from nightshift.cli.main import app
from nightshift.contracts import Candidate, Dataset, GraphRef, SnapshotRef, Trained, Verdict
from nightshift.errors import FromTheFuture, ModelError, NoChampion, Superseded, UnsafeGraph, UsageError
from nightshift.spec import ModelSpec, load_spec
from nightshift.steps.explain import explain
from nightshift.steps.ledger import story
from nightshift.steps.load import load
from nightshift.steps.maintain import maintain
from nightshift.steps.plan import plan
from nightshift.steps.predict import predict
from nightshift.steps.promote import promote
from nightshift.steps.rescore import rescore
from nightshift.steps.rollback import rollback
from nightshift.steps.seal import to_seal
from nightshift.steps.withdraw import withdraw
from nightshift.stores import Stores, layout
from nightshift.stores.registry import CHALLENGER, CHAMPION
from tests.champions import append_move, put_graph, register_version, seal_version, set_champion

pytestmark = pytest.mark.stack

FEATURES = {"kind": {"feature": False}, "amount": {"feature": False}}
FIRST, LAST = "2024-01-02", "2024-01-13"
# Since when each stands, and what it has seen the day before.
SINCE = {"1": "2024-01-04", "2": "2024-01-07", "3": "2024-01-10"}
SEEN = {"1": "2024-01-03", "2": "2024-01-06", "3": "2024-01-09", "4": "2024-01-12"}


class World(NamedTuple):
    """Validated nights, and four versions with a graph each; 1, 2 and 3 became champion, each for a later night."""

    spec: ModelSpec
    stores: Stores

    def scorer(self, night: str) -> str:
        """Who scores a night now."""
        predict(self.spec, night, self.stores)
        manifest = self.stores.lake.require(self.spec.key(Dataset.PREDICTIONS, night))
        return manifest.pin.version

    @property
    def champion(self) -> str | None:
        return self.stores.aliases.version(self.spec.name, CHAMPION)

    @property
    def shown(self) -> str | None:
        return self.stores.registry.alias(self.spec.name, CHAMPION)

    @property
    def entries(self) -> int:
        return self.stores.aliases.ledger(self.spec.name).head().number


@pytest.fixture(scope="module")
def loaded(
    make_project: Callable[..., Path], open_stores: Callable[..., Stores], tmp_path_factory: pytest.TempPathFactory
) -> World:
    folder = make_project(tmp_path_factory.mktemp("decisions"), columns=FEATURES, drift={"features": ["items"]})
    world = World(load_spec(folder / "model.yaml"), open_stores(folder.parents[1]))
    load(world.spec, FIRST, LAST, world.stores)
    world.stores.registry.client.create_registered_model(world.spec.name)
    for version, seen in SEEN.items():
        assert register_version(world.stores, world.spec.name) == version
        graph = put_graph(world.stores, world.spec, int(version) / 10)
        seal_version(world.stores, world.spec.name, version, **graph, run_id=f"run-{version}", trained_through=seen)
    return world


@pytest.fixture
def world(loaded: World) -> World:
    """The same, before anything was scored."""
    objects, model = loaded.stores.lake.objects, loaded.spec.name
    predictions = layout.manifests(Dataset.PREDICTIONS, model), layout.served(Dataset.PREDICTIONS, model)
    for prefix in (layout.ledger(model), *predictions):
        for key in list(objects.keys(prefix)):
            objects.delete(key)
    for version, since in SINCE.items():
        set_champion(loaded.stores, model, version, since)
    return loaded


def test_a_backfilled_night_has_the_champion_that_should_have_stood_then(world: World) -> None:
    nights = ["2024-01-05", "2024-01-07", "2024-01-09", "2024-01-10", "2024-01-13"]
    assert [world.scorer(night) for night in nights] == ["1", "2", "2", "3", "3"]


def test_a_manifest_names_who_scored_and_who_was_champion_by_which_entry(world: World) -> None:
    predict(world.spec, "2024-01-05", world.stores)
    night = world.stores.lake.require(world.spec.key(Dataset.PREDICTIONS, "2024-01-05"))
    assert (night.pin.version, night.provenance["champion"], night.inputs["champion"]) == ("1", "3", 3)
    facts = explain(world.spec, "2024-01-05", world.stores)["version"]
    assert [facts[name] for name in ("number", "champion", "ledger", "withdrawn")] == ["1", "3", 3, None]


def test_a_night_before_all_is_refused_unless_asked_for_which_changes_nothing_about_who_scores(world: World) -> None:
    with pytest.raises(FromTheFuture, match="version 1 was trained on nights through 2024-01-03"):
        plan(world.spec, "2024-01-03", world.stores)
    assert plan(world.spec, "2024-01-03", world.stores, allow_future_model=True).pin.version == "1"
    assert plan(world.spec, "2024-01-08", world.stores, allow_future_model=True).pin.version == "2"


def test_moves_of_before_count_from_the_night_after_those_that_their_version_has_seen(world: World) -> None:
    objects, model = world.stores.lake.objects, world.spec.name
    for key in list(objects.keys(layout.ledger(model))):
        objects.delete(key)
    for version in "123":
        set_champion(world.stores, model, version)
    assert [world.scorer(night) for night in ("2024-01-06", "2024-01-09", "2024-01-10")] == ["1", "2", "3"]


def test_the_champion_s_own_nights_cost_no_request_more(world: World) -> None:
    aliases, model = world.stores.aliases, world.spec.name
    with counted(world.stores.lake) as now:
        aliases.champion(model)
    with counted(world.stores.lake) as tonight:
        assert aliases.champion_of(model, LAST).pin.version == "3"
    assert tonight == now


def test_a_withdrawn_champion_has_the_one_before_in_its_place_for_all_nights(world: World) -> None:
    nights = ["2024-01-11", "2024-01-12"]
    assert [world.scorer(night) for night in nights] == ["3", "3"]
    done = withdraw(world.spec, "3", world.stores, why="it saw the label")
    assert (done.champion, done.number, done.why, done.nights) == ("2", 4, "withdrawn: it saw the label", nights)
    assert (world.champion, world.shown) == ("2", "2")
    facts = explain(world.spec, "2024-01-11", world.stores)["version"]["withdrawn"]
    assert (facts["why"], facts["nights"]) == ("withdrawn: it saw the label", nights)
    assert facts["score_again"] == [f"nightshift predict {world.spec.name} {night}" for night in nights]
    assert [world.scorer(night) for night in (*nights, "2024-01-13")] == ["2", "2", "2"]
    assert explain(world.spec, "2024-01-11", world.stores)["version"]["withdrawn"] is None
    assert withdraw(world.spec, "3", world.stores, why="again").nights == []


def test_a_withdrawn_version_of_before_is_skipped_by_its_nights_and_by_rollback(world: World) -> None:
    assert world.scorer("2024-01-08") == "2"
    assert withdraw(world.spec, "2", world.stores, why="a leak").champion == "3"
    assert world.scorer("2024-01-08") == "1"
    with pytest.raises(ModelError, match="version 2 was withdrawn, by entry 4 of its ledger"):
        rollback(world.spec, world.stores, to="2")
    assert rollback(world.spec, world.stores).champion == "1"
    assert world.scorer("2024-01-12") == "1"


def test_to_withdraw_twice_or_at_once_writes_one_entry_and_keeps_the_first_reason(world: World) -> None:
    def copy(why: str) -> str:
        return withdraw(world.spec, "3", Stores(world.stores.settings, {"by": why}), why=why).why

    with ThreadPoolExecutor(2) as pool:
        reasons = set(pool.map(copy, ["one", "two"]))
    assert len(reasons) == 1
    assert withdraw(world.spec, "3", world.stores, why="three").why in reasons
    assert (world.entries, world.champion) == (4, "2")


class WorkerLost(BaseException):
    """What a killed worker does not catch."""


@pytest.mark.parametrize("heal", ["plan", "maintain", "again"])
def test_a_withdrawal_that_died_before_mlflow_heard_of_it_is_done(
    world: World, monkeypatch: pytest.MonkeyPatch, heal: str
) -> None:
    mine = Stores(world.stores.settings)

    def lost(*_: Any) -> None:
        raise WorkerLost

    monkeypatch.setattr(mine.registry, "set_alias", lost)
    with pytest.raises(WorkerLost):
        withdraw(world.spec, "3", mine, why="bad")
    assert (world.champion, world.shown) == ("2", "3")
    healers: dict[str, Callable[[], object]] = {
        "plan": lambda: plan(world.spec, LAST, world.stores),
        "maintain": lambda: maintain(world.spec, world.stores),
        "again": lambda: withdraw(world.spec, "3", world.stores, why="bad"),
    }
    healers[heal]()
    assert (world.champion, world.shown, world.entries) == ("2", "2", 4)


def test_when_the_last_is_withdrawn_nothing_scores_until_another_is_named_or_trained(world: World) -> None:
    for version in "321":
        done = withdraw(world.spec, version, world.stores, why="all of them saw the label")
    assert done.champion.startswith("none")
    assert (world.champion, world.shown) == (None, None)
    with pytest.raises(NoChampion, match="has no champion left"):
        world.stores.aliases.champion(world.spec.name)
    with pytest.raises(ModelError, match="has no champion left") as error:
        plan(world.spec, LAST, world.stores)
    assert not isinstance(error.value, NoChampion)
    world.stores.registry.set_alias(world.spec.name, CHAMPION, "3")
    assert to_seal(world.spec, world.stores) == []
    assert maintain(world.spec, world.stores).aliases == 1
    assert world.shown is None
    assert rollback(world.spec, world.stores, to="4").champion == "4"
    assert world.scorer("2024-01-13") == "4"


def verdict(spec: ModelSpec, version: str, against: str | None, as_of: str) -> Verdict:
    trained = Trained("m", "run", "models:/m-1", SnapshotRef("m", "ab.dir", as_of, "", "2024-01-12", 10, 900, []), {})
    return Verdict(Candidate(spec.name, version, trained, GraphRef("aa", "k", 1, 0.0, 0, 4, "fp32")), True, [], against)


def test_a_candidate_that_was_withdrawn_after_its_gate_is_not_promoted(world: World) -> None:
    withdraw(world.spec, "4", world.stores, why="it saw the label")
    with pytest.raises(Superseded, match="version 4 was withdrawn since its gate"):
        promote(world.spec, verdict(world.spec, "4", "3", LAST), world.stores)
    assert (world.champion, world.entries) == ("3", 4)


def test_a_promotion_is_of_the_night_that_the_version_was_trained_as_of(world: World) -> None:
    version = register_version(world.stores, world.spec.name)
    promote(world.spec, verdict(world.spec, version, "3", "2024-01-13"), world.stores)
    last = story(world.spec, world.stores).entries[-1]
    assert (last.night, last.what, last.after) == ("2024-01-13", "promotion", version)
    assert world.scorer("2024-01-12") == "3"


def test_a_withdrawn_challenger_loses_its_alias(world: World) -> None:
    append_move(world.stores, world.spec.name, "4", CHALLENGER)
    world.stores.aliases.project(world.spec.name)
    withdraw(world.spec, "4", world.stores, why="bad")
    assert world.stores.registry.alias(world.spec.name, CHALLENGER) is None


@pytest.mark.parametrize(("version", "why"), [("9", "a typo"), ("x", "a typo"), ("3", " ")])
def test_what_is_no_version_and_what_has_no_reason_withdraws_nothing(world: World, version: str, why: str) -> None:
    with pytest.raises((ModelError, UsageError)):
        withdraw(world.spec, version, world.stores, why=why)
    assert world.entries == 3


def test_a_rollback_takes_less_than_a_minute_and_scores_the_last_nights_again(world: World) -> None:
    for night in ("2024-01-09", "2024-01-10", "2024-01-11", "2024-01-12"):
        world.scorer(night)
    began = time.monotonic()
    assert rollback(world.spec, world.stores, nights=2).champion == "2"
    assert [ref.partition for ref in rescore(world.spec, 2, world.stores)] == ["2024-01-12", "2024-01-11"]
    assert time.monotonic() - began < 60
    explained = [explain(world.spec, night, world.stores) for night in ("2024-01-10", "2024-01-11", "2024-01-12")]
    assert [facts["version"]["number"] for facts in explained] == ["3", "2", "2"]
    assert [world.scorer(night) for night in ("2024-01-10", "2024-01-09")] == ["2", "2"]


def test_a_rollback_to_a_graph_that_is_another_or_gone_moves_nothing(world: World) -> None:
    objects = world.stores.lake.objects
    pin = world.stores.versions.pin(world.spec.name, "2")
    body, _ = objects.get(pin.key) or (b"", "")
    try:
        objects.put(pin.key, body + b" ")
        with pytest.raises(UnsafeGraph, match=r"cannot score now, and nothing has moved: .* pinned is") as error:
            rollback(world.spec, world.stores)
        assert f"rollback {world.spec.name} --to VERSION" in str(error.value.fix)
    finally:
        objects.put(pin.key, body)
    assert (world.champion, world.entries) == ("3", 3)


def test_a_rollback_to_a_version_that_does_not_take_the_columns_of_today_moves_nothing(
    world: World, change: Callable[..., ModelSpec]
) -> None:
    other = change(world.spec, columns={"weight": {"feature": False}})
    with pytest.raises(ModelError, match="the graph was trained on"):
        rollback(other, world.stores)
    assert (world.champion, world.entries) == ("3", 3)


def test_the_ledger_tells_the_story(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for verbs in ("decisions", "model"):
        monkeypatch.setattr(f"nightshift.cli.{verbs}.open_model", lambda _: (world.spec, world.stores))
    append_move(world.stores, world.spec.name, "4", CHALLENGER, night=LAST)
    name, runner = world.spec.name, CliRunner()
    assert runner.invoke(app, ["rollback", name, "--why", "late trains"]).exit_code == 0
    done = runner.invoke(app, ["withdraw", f"{name}@2", "--why", "it saw the label"])
    assert (done.exit_code, "champion" in done.output) == (0, True)
    assert runner.invoke(app, ["withdraw", name, "2", "--why", "again"]).exit_code == 0
    told = json.loads(runner.invoke(app, ["ledger", name, "--json"]).output)
    assert (told["champion"], told["withdrawn"], told["looks"]) == ("1", {"2": 6}, 0)
    assert [(entry["number"], entry["what"], entry["night"], entry["after"]) for entry in told["entries"]] == [
        (1, "promotion", "2024-01-04", "1"), (2, "promotion", "2024-01-07", "2"), (3, "promotion", "2024-01-10", "3"),
        (4, "challenger", LAST, "4"), (5, "rollback", "2024-01-10", "2"), (6, "withdrawal", "2024-01-07", "1"),
    ]  # fmt: skip
    assert (told["entries"][5]["version"], told["entries"][5]["who"]) == ("2", "tests")
    page = runner.invoke(app, ["ledger", name]).output
    assert "3 > 2" in page
    assert "2 > 1, withdrawn 2" in page
    assert "withdrawn: it saw the label" in page


def test_a_challenger_counts_as_a_look_until_another_takes_over(world: World) -> None:
    append_move(world.stores, world.spec.name, "4", CHALLENGER)
    assert story(world.spec, world.stores).looks == 1
