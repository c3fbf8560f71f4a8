"""Which nights are judged again with one."""

from dataclasses import replace

import pytest

from nightshift.contracts import Dataset
from nightshift.monitoring.drift import DriftResult, FeatureDrift
from nightshift.monitoring.later_drift import nights_held_against
from nightshift.monitoring.matters.ranking import Importance, rank, ranked_anew
from nightshift.monitoring.matters.record import Matters
from nightshift.partitions import following
from nightshift.spec import ModelSpec
from tests.conftest import SMALL
from tests.unit.steps.governed_lake import MemoryWorld

NIGHTS = following("2024-03-01", 40)


@pytest.fixture
def world():
    planned = [{"from": NIGHTS[5], "to": NIGHTS[6], "why": "the source moves"}]
    spec = ModelSpec.model_validate({"name": "orders", **SMALL, "drift": {**SMALL["drift"], "planned": planned}})
    world = MemoryWorld(spec)
    for night in NIGHTS:
        world.lake.nights[Dataset.MONITORING][night] = None
    return world


def test_they_are_the_28_after_it_that_are_not_planned(world):
    later = nights_held_against(world.spec, NIGHTS[2], world.stores)
    assert later == [*NIGHTS[3:5], *NIGHTS[7:33]]
    assert len(later) == 28


def test_a_planned_night_and_the_newest_are_held_against_none(world):
    for night in (NIGHTS[5], NIGHTS[-1]):
        assert nights_held_against(world.spec, night, world.stores) == []


def feature(name, ratio):
    return FeatureDrift(name, 0.1, 2.0, 8.0, ratio, False, True, 0.0, 0.1, 2, [1, 1], [1, 1], "numeric", [1.0], [])


def test_what_matters_is_ranked_by_the_drift_that_was_judged_anew():
    importances = [Importance(name=name, loss_added=0.5, error=0.1) for name in ("amount", "items")]
    drift = DriftResult(False, 2.0, 8.0, 0.5, "amount", 2, 0.01, 80, [feature("amount", 0.5), feature("items", 0.25)])
    anew = replace(drift, features=[feature("amount", 0.125), feature("items", 0.25)])
    matters = ranked_anew(Matters(features=rank(drift, importances, [])), anew)
    assert matters.features == rank(anew, importances, [])
    assert matters.features[0].feature == "items"
