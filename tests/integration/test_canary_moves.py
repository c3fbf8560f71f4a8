"""A canary on a real S3 and a real MLflow: its nights take it back, or let it take over."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

import nightshift.steps.canary_verdict as judging
from nightshift.cli.main import app
from nightshift.contracts import CanaryVerdict, Dataset
from nightshift.errors import MissingPartition, ModelError, RegistryUnavailable, Superseded, TakenBack, UsageError
from nightshift.monitoring.canary.record import CanaryNight, GroupOfRows, RowSums, read_canary_night
from nightshift.partitions import following
from nightshift.spec import ModelSpec, load_spec
from nightshift.steps._beside import Place, enter, leave
from nightshift.steps._canary import TAKEN_BACK, was_canary
from nightshift.steps.ab import ab
from nightshift.steps.approve import approve
from nightshift.steps.canary import put_as_canary, stop_canary
from nightshift.steps.canary_verdict import canary_verdict
from nightshift.steps.ledger import story
from nightshift.steps.predict import predict
from nightshift.steps.promote import promote, promote_proven
from nightshift.steps.retract import retract
from nightshift.steps.rollback import rollback
from nightshift.steps.withdraw import withdraw
from nightshift.stores import Stores, layout, verdicts
from nightshift.stores.manifest import Manifest
from nightshift.stores.registry import CANARY, CHALLENGER, CHAMPION, SHADOW
from tests.champions import append_move, put_graph, register_version, seal_version, set_champion
from tests.integration.test_shadow import FEATURES, SEEN, World, put_night

pytestmark = pytest.mark.stack

Change = Callable[..., ModelSpec]
# What each version says of every row; about half of the rows are late.
SCORES = {"1": 0.45, "2": 0.5, "3": 0.9999}
NIGHTS = following("2024-01-02", 12)
DAYS = 10
NAMED_FROM = 10
CANARY_RULE = {"share": 0.5, "nights": 10}


@pytest.fixture(scope="module")
def loaded(
    make_project: Callable[..., Path],
    open_stores: Callable[..., Stores],
    small_rows: Callable[..., pa.Table],
    tmp_path_factory: pytest.TempPathFactory,
) -> World:
    # Its name is part of what draws the rows: with it the nights are the same in every run.
    folder = make_project(
        tmp_path_factory.mktemp("canary"),
        name="orders_canary_moves",
        columns=FEATURES,
        drift={"features": ["items"]},
        canary=CANARY_RULE,
    )
    spec, stores = load_spec(folder / "model.yaml"), open_stores(folder.parents[1])
    # Ten days of the source make a night: enough rows for two groups, and no row twice.
    days = following("2024-01-02", DAYS * len(NIGHTS))
    for night, first in zip(NIGHTS, days[::DAYS], strict=True):
        rows = small_rows(spec, first, DAYS).drop_columns([spec.partition.column])
        numbered = pa.array(np.arange(rows.num_rows), rows["number"].type)
        rows = rows.set_column(rows.schema.get_field_index("number"), "number", numbered)
        put_night(spec, stores, Dataset.VALIDATED, night, rows.drop_columns([spec.label.column]))
        put_night(spec, stores, Dataset.LABELS, night, rows.select([*spec.keys, spec.label.column]))
    stores.registry.client.create_registered_model(spec.name)
    world = World(spec, stores, NIGHTS, {})
    for version, score in SCORES.items():
        assert register_version(stores, spec.name) == version
        gate = "passed" if version == "1" else "failed"
        known = {**put_graph(stores, spec, score), "run_id": f"run-{version}", "trained_through": SEEN}
        seal_version(stores, spec.name, version, gate, **known)
        verdict = verdicts.keep(passed(world, version), stores)
        world.sealed[version] = seal_version(stores, spec.name, version, gate, **known, verdict_sha256=verdict)
    return world


@pytest.fixture
def world(loaded: World) -> World:
    """Version 1 is champion, and nobody stands beside it; what was published stays."""
    lake, model = loaded.stores.lake, loaded.spec.name
    for key in list(lake.objects.keys(layout.ledger(model))):
        lake.objects.delete(key)
    for alias in (CHALLENGER, SHADOW, CANARY):
        loaded.stores.registry.delete_alias(model, alias)
    set_champion(loaded.stores, model, "1", SEEN)
    for version in SCORES:
        loaded.stores.versions.write(loaded.sealed[version])
    return loaded


def passed(world: World, version: str, **of_verdict: Any) -> Any:
    return world.judged(version, **{"promote": True, "inconclusive": False, "reasons": ["passed"], **of_verdict})


def published(world: World, night: str) -> Manifest:
    return world.stores.lake.require(world.spec.key(Dataset.PREDICTIONS, night))


def standing(world: World, version: str) -> None:
    """The entries that a promotion makes, before any night is published."""
    assert append_move(world.stores, world.spec.name, version, CHALLENGER, night=SEEN)
    enter(world.spec, CANARY, version, SEEN, "passed", world.stores)


def scored(world: World, version: str) -> str:
    """All nights by both, with the entry that they were scored by; the last of them."""
    standing(world, version)
    for night in world.nights:
        manifest = world.stores.lake.published(world.spec.key(Dataset.PREDICTIONS, night))
        pin = manifest.canary_pin if manifest else None
        if pin is None or pin.pin.version != version:
            predict(world.spec, night, world.stores)
    return world.nights[-1]


def clean(world: World) -> None:
    lake, model = world.stores.lake, world.spec.name
    monitored = layout.served(Dataset.MONITORING, model)
    predicted = [place(Dataset.PREDICTIONS, model) for place in (layout.manifests, layout.served)]
    for prefix in (monitored, *predicted):
        for key in list(lake.objects.keys(prefix)):
            lake.objects.delete(key)


def test_who_would_take_over_scores_a_share_first_and_takes_over_after_its_nights(world: World) -> None:
    clean(world)
    promotion = promote(world.spec, passed(world, "2"), world.stores)
    assert (promotion.moved, promotion.reason) == (False, "passed; it stands as a canary")
    assert promote(world.spec, passed(world, "2"), world.stores).reason == promotion.reason
    assert [world.alias(alias) for alias in (CHAMPION, CHALLENGER, CANARY)] == [("1", "1"), ("2", "2"), ("2", "2")]
    for night in world.nights[:NAMED_FROM]:
        predict(world.spec, night, world.stores)
    told: list[CanaryVerdict | None] = []
    for night in world.nights[NAMED_FROM - 1 :]:
        predict(world.spec, night, world.stores)
        of_run = Stores(world.stores.settings, {"airflow_dag": "m.predict", "airflow_run": night}, None)
        told.append(canary_verdict(world.spec, night, of_run))
    outcomes = [verdict.outcome if verdict else None for verdict in told]
    assert outcomes == ["open", "held", None]
    assert [world.alias(alias) for alias in (CHAMPION, CANARY)] == [("2", "2"), (None, None)]
    of_run = Stores(world.stores.settings, {"airflow_dag": "m.predict", "airflow_run": world.nights[10]}, None)
    again = canary_verdict(world.spec, world.nights[10], of_run)
    assert told[1] is not None
    assert again is not None
    assert (again.moved, again.version, again.champion, again.reason) == (True, "2", "1", told[1].reason)
    *_, entry = story(world.spec, world.stores).entries
    assert (entry.what, entry.before, entry.after, entry.night) == ("promotion", "1", "2", world.nights[11])
    assert world.record("2").gate == "passed"
    first, last = (published(world, world.nights[place]) for place in (0, 11))
    assert sorted(first.rows_by_version or {}) == ["1", "2"]
    assert (last.pin.version, last.canary_pin) == ("2", None)


def held_night(night: str, number: int) -> CanaryNight:
    """One on which both lost about the same."""
    loss = RowSums(rows=100, total=60 + int(night[-2:]) % 3)
    return CanaryNight(
        model="m", night=night, version="2", champion="1", number=number, share=0.5, predictions="p", labels="l",
        metric="log_loss", of_champion=GroupOfRows(rows=100, figures={"loss": loss}),
        of_canary=GroupOfRows(rows=100, figures={"loss": RowSums(rows=100, total=61.0)}),
    )  # fmt: skip


def meanwhile(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Between what the nights said, and what follows."""
    evidence = judging.canary_evidence

    def slow(*of_what: Any) -> object:
        known = evidence(*of_what)
        happens()
        return known

    monkeypatch.setattr(judging, "canary_evidence", slow)


def test_who_was_stopped_meanwhile_does_not_take_over(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    last = scored(world, "2")
    meanwhile(monkeypatch, lambda: stop_canary(world.spec, "a person saw that it is bad", world.stores))
    with pytest.raises(Superseded, match="does not stand as a canary any more"):
        canary_verdict(world.spec, last, world.stores)
    assert world.alias(CHAMPION) == ("1", "1")


def test_who_had_passed_nothing_ends_after_its_nights(world: World) -> None:
    last = scored(world, "2")
    inconclusive = verdicts.keep(world.judged("2"), world.stores)
    world.stores.versions.write(world.record("2").model_copy(update={"verdict_sha256": inconclusive}))
    verdict = canary_verdict(world.spec, last, world.stores)
    assert verdict is not None
    assert (verdict.outcome, verdict.moved) == ("held", False)
    assert [world.alias(alias) for alias in (CHAMPION, CANARY)] == [("1", "1"), (None, None)]
    *_, entry = story(world.spec, world.stores).entries
    assert "nobody approved it: it does not take over" in entry.why


def test_a_night_that_is_taken_back_is_no_evidence_and_leaves_no_record(world: World) -> None:
    last = scored(world, "2")
    before = judging.canary_evidence(world.spec, last, world.stores)
    taken = world.nights[3]
    retract(world.spec, taken, world.stores, dataset=Dataset.PREDICTIONS)
    assert read_canary_night(world.spec.name, taken, world.stores) is None
    after = judging.canary_evidence(world.spec, last, world.stores)
    assert before is not None
    assert after is not None
    assert len(after.nights) == len(before.nights) - 1


def test_a_harmful_one_is_taken_back_by_itself_says_why_and_scores_no_night_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = scored(world, "3")
    settings = world.stores.settings
    monkeypatch.setenv("NIGHTSHIFT_PROJECT", str(settings.project))
    monkeypatch.setenv("NIGHTSHIFT_LAKE", settings.lake)
    told = CliRunner().invoke(app, ["canary", world.spec.name], catch_exceptions=False).output
    assert "harmful" in told
    readout = json.loads(CliRunner().invoke(app, ["ab", world.spec.name, "--json"], catch_exceptions=False).output)
    assert (readout["champion"], readout["canary"], readout["nights"]) == ("1", "3", len(NIGHTS))
    loss = readout["readings"][-1]
    assert loss["difference"]["low"] > loss["sequence"]["low"] > 0
    assert loss["champion"]["mean"] == pytest.approx(0.69, abs=0.03)
    shown = CliRunner().invoke(app, ["ab", world.spec.name], catch_exceptions=False).output
    assert "difference, for a look every night" in shown
    with pytest.raises(TakenBack, match=r"it surely loses more, and is taken back; the champion scores all rows again"):
        CliRunner().invoke(app, ["canary", world.spec.name, last], catch_exceptions=False)
    assert [world.alias(alias) for alias in (CHAMPION, CANARY)] == [("1", "1"), (None, None)]
    *_, entry = story(world.spec, world.stores).entries
    assert (entry.what, entry.before, entry.after) == ("canary", "3", None)
    assert "log_loss of a row +" in entry.why
    assert "it surely loses more" in world.record("3").reason
    assert canary_verdict(world.spec, last, world.stores) is None
    with pytest.raises(ModelError, match="has failed its gate"):
        put_as_canary(world.spec, "3", "once more", world.stores)
    predict(world.spec, last, world.stores)
    scored_again = published(world, last)
    assert (scored_again.pin.version, scored_again.canary_pin) == ("1", None)
    assert set(world.stores.lake.read(scored_again, ["model_version"])["model_version"].to_pylist()) == {"1"}


def test_a_verdict_of_harm_counts_for_the_entry_that_put_it_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = scored(world, "3")

    def again() -> None:
        stop_canary(world.spec, "look", world.stores)
        put_as_canary(world.spec, "3", "again", world.stores)

    meanwhile(monkeypatch, again)
    with pytest.raises(Superseded, match="does not stand as a canary any more"):
        canary_verdict(world.spec, last, world.stores)
    assert world.alias(CANARY) == ("3", "3")
    assert world.record("3").reason == "a test"
    monkeypatch.undo()
    begun = canary_verdict(world.spec, last, world.stores)
    assert begun is not None
    assert (begun.nights, begun.outcome) == (0, "open")


def of_run(world: World, run: str) -> Stores:
    """As a task of a run of Airflow has them."""
    return Stores(world.stores.settings, {"airflow_dag": "m.predict", "airflow_run": run}, None)


def test_a_try_that_died_after_it_took_one_back_is_not_the_last_that_is_heard_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = scored(world, "3")

    def away(*_: object) -> None:
        raise RegistryUnavailable("MLflow does not answer")

    with monkeypatch.context() as mlflow:
        mlflow.setattr("nightshift.stores.registry.Registry.tag", away)
        with pytest.raises(RegistryUnavailable):
            canary_verdict(world.spec, last, of_run(world, "one"))
    assert world.alias(CANARY) == (None, None)
    for _ in range(2):
        told = canary_verdict(world.spec, last, of_run(world, "one"))
        assert told is not None
        assert (told.outcome, told.version, told.champion, told.share) == ("harmful", "3", "1", 0.5)
        assert "it surely loses more" in told.reason
    assert "it surely loses more" in world.record("3").reason
    assert verdicts.read(world.spec.name, world.record("3").verdict_sha256, world.stores).table
    assert canary_verdict(world.spec, last, of_run(world, "another")) is None


def test_no_task_that_is_cleared_and_no_second_answer_lets_one_that_did_harm_score(
    world: World, change: Change
) -> None:
    careful = change(world.spec, gates={"approval": "always"})
    digest = promote(careful, passed(world, "3"), world.stores).waits_for
    assert approve(careful, digest, world.stores).stands == CANARY
    number = world.stores.aliases.ledger(world.spec.name).head().last[CANARY].number
    did_harm = {TAKEN_BACK: str(number)}
    leave(world.spec, CANARY, "it surely loses more", NIGHTS[1], world.stores, signed=did_harm)
    again = [
        lambda: promote(world.spec, passed(world, "3"), world.stores),
        lambda: approve(careful, digest, world.stores),
        lambda: put_as_canary(world.spec, "3", "by hand", world.stores),
    ]
    for attempt in again:
        world.stores.versions.write(world.sealed["3"])
        with pytest.raises(Superseded, match="was taken back as a canary, since it did harm"):
            attempt()
    assert [world.alias(alias) for alias in (CHAMPION, CANARY)] == [("1", "1"), (None, None)]


def test_whom_a_person_stopped_the_same_word_does_not_let_score_all_rows(world: World) -> None:
    assert promote(world.spec, passed(world, "2"), world.stores).stands == CANARY
    stop_canary(world.spec, "it looks odd", world.stores)
    with pytest.raises(Superseded, match="by this very word, and was stopped since"):
        promote(world.spec, passed(world, "2"), world.stores)
    assert world.alias(CHAMPION) == ("1", "1")


def test_that_another_version_is_withdrawn_lets_nobody_be_a_canary_twice(world: World) -> None:
    standing(world, "2")
    stop_canary(world.spec, "enough", world.stores)
    withdraw(world.spec, "3", world.stores, why="it saw the label")
    head = world.stores.aliases.ledger(world.spec.name).head()
    assert was_canary(world.spec, "2", head, world.stores)


def test_a_readout_of_the_last_nights_leaves_the_records_as_they_are(world: World) -> None:
    last = scored(world, "3")
    assert judging.canary_evidence(world.spec, last, world.stores)
    before = read_canary_night(world.spec.name, NIGHTS[5], world.stores)
    assert ab(world.spec, world.stores, NIGHTS[5]).first == NIGHTS[5]
    assert read_canary_night(world.spec.name, NIGHTS[5], world.stores) == before


def test_another_champion_ends_it_in_the_same_entry(world: World, change: Change) -> None:
    set_champion(world.stores, world.spec.name, "2", SEEN)
    standing(world, "3")
    entries = len(story(world.spec, world.stores).entries)
    rollback(world.spec, world.stores, to="1")
    assert [world.alias(alias) for alias in (CHAMPION, CANARY)] == [("1", "1"), (None, None)]
    assert len(story(world.spec, world.stores).entries) == entries + 1
    assert canary_verdict(world.spec, world.nights[0], world.stores) is None


def test_whom_a_person_approved_is_asked_about_once(world: World, change: Change) -> None:
    careful = change(world.spec, gates={"approval": "always"})
    waiting = promote(careful, passed(world, "2"), world.stores)
    assert (waiting.moved, world.alias(CANARY)) == (False, (None, None))
    approved = approve(careful, waiting.waits_for, world.stores)
    assert (approved.moved, world.alias(CANARY)) == (False, ("2", "2"))
    evidence = judging.canary_evidence(careful, world.nights[-1], world.stores)
    assert evidence is not None
    nights = [held_night(night, evidence.canary.number) for night in following("2024-02-01", 10)]
    done = judging._CanaryDecision(careful, "2024-02-11", replace(evidence, nights=nights), world.stores).carry_out()
    assert (done.moved, done.waits_for, world.alias(CHAMPION)) == (True, "", ("2", "2"))


def test_who_proves_better_in_the_shadow_goes_on_to_a_share_by_one_entry(world: World, change: Change) -> None:
    both = change(world.spec, shadow={})
    assert promote(both, world.judged("2"), world.stores).stands == SHADOW
    number = world.stores.aliases.ledger(world.spec.name).head().last[SHADOW].number
    proven = promote_proven(both, passed(world, "2"), Place(SHADOW, number), world.stores)
    assert (proven.moved, proven.stands) == (False, CANARY)
    assert [world.alias(alias) for alias in (SHADOW, CANARY)] == [(None, None), ("2", "2")]
    *_, entry = story(world.spec, world.stores).entries
    assert (entry.what, entry.number) == ("canary", number + 1)
    with pytest.raises(Superseded, match="does not stand in the shadow any more"):
        promote_proven(both, passed(world, "2"), Place(SHADOW, number), world.stores)


def test_by_hand_it_is_a_judged_version_with_a_share_that_leaves_the_champion_the_most(
    world: World, change: Change
) -> None:
    by_hand = change(world.spec, canary={"enters": "by_hand"})
    put_as_canary(by_hand, "2", "let us see", world.stores, share=0.25)
    number = world.stores.aliases.ledger(world.spec.name).head().last[CANARY].number
    assert world.stores.aliases.ledger(world.spec.name).entry(number).share == 0.25
    with pytest.raises(ModelError, match="version 2 stands as a canary, and there is room for one"):
        put_as_canary(by_hand, "3", "me too", world.stores)
    with pytest.raises(UsageError, match=r"scores no share of 0\.6"):
        put_as_canary(by_hand, "2", "more", world.stores, share=0.6)
    stop_canary(by_hand, "enough", world.stores)
    with pytest.raises(ModelError, match="version 1 is the champion"):
        put_as_canary(by_hand, "1", "why not", world.stores)
    assert promote(by_hand, passed(world, "3"), world.stores).moved
    bare = world.spec.model_copy(update={"canary": None})
    with pytest.raises(UsageError, match="has no canary, so nobody scores a share of its rows"):
        put_as_canary(bare, "2", "let us see", world.stores)


def test_a_readout_of_nights_without_a_canary_says_so(world: World) -> None:
    with pytest.raises(MissingPartition, match="no published night from 2030-01-01 to the last had a canary"):
        ab(world.spec, world.stores, "2030-01-01")
    with pytest.raises(UsageError, match="is after"):
        ab(world.spec, world.stores, "2030-01-02", "2030-01-01")
