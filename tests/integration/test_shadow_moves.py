"""What a challenger in shadow proved counts for the entry that put it there, and leaves its record whole."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

import nightshift.steps.shadow_verdict as judging
from nightshift.contracts import Dataset, Evidence, Searched
from nightshift.errors import ModelError, Superseded
from nightshift.monitoring.shadow.record import read_shadow_night
from nightshift.partitions import shifted
from nightshift.spec import ModelSpec
from nightshift.steps.predict import predict
from nightshift.steps.promote import promote
from nightshift.steps.shadow import put_in_shadow, shadow, stop_shadow
from nightshift.steps.shadow_verdict import shadow_verdict
from nightshift.stores import Stores
from nightshift.stores.ledger import Ledger
from nightshift.stores.registry import CHAMPION, SHADOW
from tests.champions import set_champion
from tests.integration.test_shadow import SEEN, World, loaded, put_night, world

__all__ = ["loaded", "world"]
pytestmark = pytest.mark.stack

Change = Callable[..., ModelSpec]
BY_THE_VERDICT = {"gate", "reason", "verdict_sha256", "origin"}
SEARCHED = Searched("m", "run", "dd", "hist_gradient_boosting", {"max_iter": 77}, 3, 9, "it lost least")


def test_its_record_says_what_it_said_before_its_nights_did(world: World, change: Change) -> None:
    costs = {"costs": {"false_alarm": 1.0, "miss": 4.0}, "learn_threshold": True, "threshold": None}
    learnt = world._replace(spec=change(world.spec, predict=costs))
    rule = learnt.spec.predict.learnt_by
    by_rule = {"threshold": 0.2, "threshold_rule": rule}
    world.stores.versions.write(world.record("1").model_copy(update=by_rule))
    judged = world.judged("2")
    trained = replace(judged.candidate.trained, searched=SEARCHED, recipe_sha256="cc", **by_rule)
    twin = Evidence("k", "s", "", SEEN, 3, twin_key="t", twin_sha256="tt", twin_fitted_through=SEEN)
    candidate = replace(judged.candidate, trained=trained, evidence=twin)
    promote(learnt.spec, replace(judged, candidate=candidate), world.stores)
    before = world.record("2")
    outcomes = [verdict.outcome for verdict in learnt.live() if verdict]
    assert (outcomes[-1], world.alias(CHAMPION)) == ("better", ("2", "2"))
    after = world.record("2")
    assert (before.search_sha256, before.rule) == ("dd", rule)
    assert after.model_dump(exclude=BY_THE_VERDICT) == before.model_dump(exclude=BY_THE_VERDICT)
    assert (before.gate, after.gate) == ("failed", "passed")
    night = shifted(world.nights[-1], 1)
    rows = world.stores.lake.read(world.stores.lake.require(world.spec.key(Dataset.VALIDATED, world.nights[-1])))
    put_night(world.spec, world.stores, Dataset.VALIDATED, night, rows)
    assert predict(learnt.spec, night, world.stores).rows


def meanwhile(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Between what the nights said, and what follows."""
    evidence = judging.shadow_evidence

    def slow(*of_what: Any) -> object:
        known = evidence(*of_what)
        happens()
        return known

    monkeypatch.setattr(judging, "shadow_evidence", slow)


@pytest.mark.parametrize("approval", ["never", "always"])
def test_who_was_stopped_meanwhile_neither_takes_over_nor_waits(
    world: World, change: Change, monkeypatch: pytest.MonkeyPatch, approval: str
) -> None:
    world.enter()
    last = world.ready()
    meanwhile(monkeypatch, lambda: stop_shadow(world.spec, "a person saw that it is bad", world.stores))
    spec = change(world.spec, gates={"approval": approval})
    with pytest.raises(Superseded, match="does not stand in the shadow any more"):
        shadow_verdict(spec, last, world.stores)
    assert world.alias(CHAMPION) == ("1", "1")
    assert world.record("2").gate == "failed"


def test_nights_beside_a_champion_that_came_back_meanwhile_count_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of the champion is the same, and it may have scored otherwise in between."""

    def there_and_back() -> None:
        set_champion(world.stores, world.spec.name, "4", SEEN)
        set_champion(world.stores, world.spec.name, "1", SEEN)
        put_in_shadow(world.spec, "2", "again", world.stores)

    world.enter()
    last = world.ready()
    meanwhile(monkeypatch, there_and_back)
    with pytest.raises(Superseded, match="does not stand in the shadow any more"):
        shadow_verdict(world.spec, last, world.stores)
    assert [world.alias(alias) for alias in (CHAMPION, SHADOW)] == [("1", "1"), ("2", "2")]


def test_who_loses_the_race_for_the_champion_has_not_passed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.enter()
    last = world.ready()
    append = Ledger.append
    moved = []

    def raced(ledger: Ledger[Any, Any], head: Any, move: Any) -> bool:
        if not moved and getattr(move, "alias", "") == CHAMPION and move.after == "2":
            moved.append(move)
            set_champion(world.stores, world.spec.name, "4", SEEN)
        return append(ledger, head, move)

    monkeypatch.setattr(Ledger, "append", raced)
    with pytest.raises(Superseded, match="the champion is now version 4"):
        shadow_verdict(world.spec, last, world.stores)
    assert world.alias(CHAMPION) == ("4", "4")
    assert world.record("2").gate == "failed"


def test_a_verdict_that_moved_says_so_again(world: World) -> None:
    """So that a task that died after its move still tells who waits for the champion."""
    world.enter()
    last = world.ready()
    of_run = Stores(world.stores.settings, {"airflow_dag": "m.predict", "airflow_run": "r1"}, None)
    first = shadow_verdict(world.spec, last, of_run)
    again = shadow_verdict(world.spec, last, of_run)
    assert first is not None
    assert again is not None
    assert (again.moved, again.version, again.champion, again.reason) == (True, "2", "1", first.reason)
    assert shadow_verdict(world.spec, last, world.stores) is None


def test_nights_that_were_published_before_a_gate_in_vain_are_no_evidence(world: World) -> None:
    for night in world.nights:
        predict(world.spec, night, world.stores)
    world.enter()
    assert [shadow(world.spec, night, world.stores) for night in world.nights[-2:]] == [None, None]
    verdict = shadow_verdict(world.spec, world.nights[-1], world.stores)
    assert verdict is not None
    assert (verdict.since, verdict.nights) == (shifted(world.nights[-1], 1), 0)


def test_who_missed_a_floor_stands_in_no_shadow(world: World) -> None:
    missed = world.judged("2", inconclusive=False, reasons=["roc_auc 0.5 misses its floor 0.99"])
    promote(world.spec, missed, world.stores)
    with pytest.raises(ModelError, match=r"roc_auc 0\.5 misses its floor 0\.99"):
        put_in_shadow(world.spec, "2", "let us see", world.stores)
    assert world.alias(SHADOW) == (None, None)


def test_a_night_of_other_rows_is_left_out_and_stops_no_other(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.enter()
    for night in world.nights[:3]:
        world.beside(night)
    # Labels come a night later.
    run_of = world.nights[3]
    key = world.spec.key(Dataset.LABELS, world.nights[1])
    labels = world.stores.lake.read(world.stores.lake.require(key))
    twice = pa.concat_tables([labels, labels.slice(0, 1)])
    put_night(world.spec, world.stores, Dataset.LABELS, world.nights[1], twice)
    try:
        verdict = shadow_verdict(world.spec, run_of, world.stores)
    finally:
        put_night(world.spec, world.stores, Dataset.LABELS, world.nights[1], labels)
    assert verdict is not None
    assert verdict.nights == 2
    assert f"{world.nights[1]} is no evidence for version 2 in shadow" in caplog.text
    assert read_shadow_night(world.spec.name, world.nights[2], world.stores) is not None
