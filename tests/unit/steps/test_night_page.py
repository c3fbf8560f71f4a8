"""The page of a night says what the governor decided, also where that changed afterwards or a run was cut short."""

import pytest

from nightshift.contracts import Dataset
from nightshift.errors import MissingPartition
from nightshift.steps.govern import govern
from nightshift.stores import layout
from tests.unit.steps.governed_lake import MemoryWorld

NIGHTS = ["2024-03-01", "2024-03-02", "2024-03-03"]


def page(world, night):
    stored = world.objects.get(layout.drift_report(world.spec.key(Dataset.MONITORING, night)))
    return stored[0].decode() if stored else ""


def governed(spec, nights=NIGHTS):
    world = MemoryWorld(spec)
    for night in nights:
        world.score(night, "1")
        govern(spec, world.monitor(night, drifted=True), world.stores)
    return world


def test_each_page_has_its_own_nights_decision(spec):
    world = governed(spec)
    for night in NIGHTS:
        assert "has not decided yet" not in page(world, night)
    assert "1 of the last" in page(world, NIGHTS[0])
    assert "2 of the last" in page(world, NIGHTS[1])


def test_a_later_night_that_is_decided_anew_says_so_on_its_page(spec):
    world = governed(spec, NIGHTS[1:])
    assert "2 of the last" in page(world, NIGHTS[2])
    world.score(NIGHTS[0], "1")
    govern(spec, world.monitor(NIGHTS[0], drifted=True), world.stores)
    assert "3 of the last" in page(world, NIGHTS[2])


def test_a_run_that_is_repeated_writes_the_page_that_was_not_written(spec):
    world = governed(spec)
    key = layout.drift_report(world.spec.key(Dataset.MONITORING, NIGHTS[2]))
    world.objects.delete(key)
    govern(spec, world.monitor(NIGHTS[2], drifted=True), world.stores)
    assert "of the last" in page(world, NIGHTS[2])


def test_a_night_that_was_taken_back_gets_no_page(spec):
    world = governed(spec, NIGHTS[:1])
    report = world.monitor(NIGHTS[0], drifted=True)
    world.objects.delete(layout.drift_report(world.spec.key(Dataset.MONITORING, NIGHTS[0])))
    world.objects.delete(layout.drift(world.spec.key(Dataset.MONITORING, NIGHTS[0])))
    with pytest.raises(MissingPartition, match="no monitoring record"):
        govern(spec, report, world.stores)
    assert not page(world, NIGHTS[0])
