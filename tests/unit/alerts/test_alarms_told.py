"""Episodes as people hear of them, on a lake in memory: each night is told twice, as a cleared task's would be."""

import pytest

from nightshift.alerts.desk import Desk
from nightshift.contracts import CanaryVerdict, Dataset
from nightshift.monitoring.changes import changes_by
from nightshift.monitoring.night_record import read_night_record
from nightshift.monitoring.replay.record import ReplayNight, VersionReplay
from nightshift.partitions import following
from nightshift.spec import ModelSpec
from nightshift.steps._alarms import tell_alarms
from nightshift.steps._skew_told import tell_skew
from nightshift.steps.acknowledge import acknowledge
from nightshift.steps.mute import mute
from nightshift.steps.tell import tell_taken_back
from nightshift.stores import layout
from tests.conftest import SMALL
from tests.unit.alerts.conftest import ALERTS
from tests.unit.steps.governed_lake import MemoryWorld

NIGHTS = following("2024-03-01", 20)
VERDICTS = {"A": True, "q": False, "_": None}


@pytest.fixture
def lake(tmp_path, oncall, monkeypatch):
    monkeypatch.setattr("nightshift.s3.trust.require", lambda _: None)
    monkeypatch.setenv("NIGHTSHIFT_ALERT_ONCALL", oncall.url)
    (tmp_path / "alerts.toml").write_text(ALERTS)
    planned = {"planned": [{"from": NIGHTS[18], "to": NIGHTS[19], "why": "the source moves"}]}
    spec = ModelSpec.model_validate({"name": "orders", **SMALL, "drift": {**SMALL["drift"], **planned}})
    world = MemoryWorld(spec)
    changes = {"project": tmp_path, "home": tmp_path / "home"}
    world.stores.settings = world.stores.settings.model_copy(update=changes)
    return world


def live(world, story, first=0, version="1"):
    """What the nights of a story did to episodes, recorded and told."""
    for night, word in zip(NIGHTS[first:], story, strict=False):
        world.score(night, version)
        world.monitor(night, VERDICTS[word])
        changes = []
        if world.spec.drift.why_planned(night) is None:
            changes = changes_by(world.spec, night, version, VERDICTS[word], [], world.stores)
        record = read_night_record(world.spec, night, world.stores)
        key = layout.drift(world.spec.key(Dataset.MONITORING, night))
        world.objects.put_record(key, record.model_copy(update={"episodes": tuple(changes)}))
        for _ in range(2):
            tell_alarms(world.spec, night, Desk(world.stores), world.stores)


def heard(oncall):
    return [(said["event"], said["night"][8:]) for said in oncall.said]


def test_an_alarm_of_a_week_is_told_once_and_its_end_once(lake, oncall):
    live(lake, "qAAAAAAAqqq")
    assert heard(oncall) == [("opened", "02"), ("recovered", "02")]
    assert oncall.said[1]["nights"]["orders"] == NIGHTS[1:8]
    assert oncall.said[1]["evidence"] == f"the alarm closed on {NIGHTS[10]}"


def test_the_next_alarm_is_told_again(lake, oncall):
    live(lake, "AqqqqAqqq")
    assert heard(oncall) == [("opened", "01"), ("recovered", "01"), ("opened", "06"), ("recovered", "06")]
    assert len({said["id"] for said in oncall.said}) == 2


def test_a_night_that_came_late_and_moves_the_first_night_is_no_second_alarm(lake, oncall):
    live(lake, "_AA", first=1)
    live(lake, "A", first=0)
    live(lake, "A", first=4)
    assert heard(oncall) == [("opened", "03")]


def test_a_backfill_that_finds_old_alarms_wakes_nobody(lake, oncall):
    live(lake, "q", first=15)
    live(lake, "AAA")
    assert heard(oncall) == []


def test_who_acknowledged_or_muted_is_not_woken_and_is_once_the_mute_is_over(lake, oncall):
    live(lake, "q")
    mute(lake.spec, NIGHTS[2], lake.stores, why="the source moves")
    live(lake, "AA", first=1)
    assert heard(oncall) == []
    live(lake, "A", first=3)
    assert heard(oncall) == [("opened", "04")]


def test_an_acknowledged_alarm_that_nobody_was_told_of_stays_untold(lake, oncall):
    live(lake, "q")
    mute(lake.spec, NIGHTS[1], lake.stores, why="the source moves")
    live(lake, "A", first=1)
    acknowledge(lake.spec, f"orders-1-drift-{NIGHTS[1]}", lake.stores, why="the new shop")
    live(lake, "AAqqq", first=2)
    assert heard(oncall) == []


def test_a_planned_night_wakes_nobody(lake, oncall):
    live(lake, "AA", first=18)
    assert heard(oncall) == []


def test_an_alarm_about_a_version_that_scores_no_more_is_over(lake, oncall):
    live(lake, "AA")
    live(lake, "q", first=2, version="2")
    assert heard(oncall) == [("opened", "01"), ("recovered", "01")]
    assert oncall.said[1]["evidence"] == f"version 2 scores since {NIGHTS[2]}"


def taken_back():
    reason = "version 2 as a canary beside version 1: it surely loses more, and is taken back"
    return CanaryVerdict("orders", "2", "1", 0.1, NIGHTS[0], 12, "harmful", reason)


def test_a_canary_that_was_taken_back_is_told_once_until_a_night_goes_without_it(lake, oncall, make_project, tmp_path):
    make_project(tmp_path, name="orders")
    lake.score(NIGHTS[3], "1")
    lake.monitor(NIGHTS[3], False)
    for _ in range(2):
        tell_taken_back(taken_back(), NIGHTS[3], lake.stores)
    tell_alarms(lake.spec, NIGHTS[3], Desk(lake.stores), lake.stores)
    assert heard(oncall) == [("opened", "04")]
    (said,) = oncall.said
    assert (said["kind"], said["severity"], said["next_command"]) == ("canary", "page", "nightshift ab orders")
    assert said["runbook"] == "docs/runbook.md#alert-a-canary-taken-back"
    assert "it surely loses more" in said["evidence"]
    live(lake, "_", first=4)
    assert heard(oncall) == [("opened", "04"), ("recovered", "04")]


def replayed(world, night, **skewed):
    """The record of a replay, by version how many of ten rows have other bits; told twice."""
    versions = {
        version.removeprefix("v"): VersionReplay(rows=10, skew_rows=rows, largest=1e-7 if rows else None)
        for version, rows in skewed.items()
    }
    record = ReplayNight(model="orders", night=night, files=(), versions=versions)
    world.objects.put_record(layout.replayed("orders", night), record)
    for _ in range(2):
        tell_skew(world.spec, Desk(world.stores), world.stores)


def test_answers_by_day_that_differ_at_night_are_told_once_for_a_version_until_they_agree(lake, oncall):
    tell_skew(lake.spec, Desk(lake.stores), lake.stores)
    replayed(lake, NIGHTS[0], v1=0)
    assert heard(oncall) == []
    replayed(lake, NIGHTS[1], v1=3)
    replayed(lake, NIGHTS[2], v1=1)
    assert heard(oncall) == [("opened", "02")]
    (said,) = oncall.said
    assert (said["kind"], said["severity"]) == ("skew", "notice")
    assert said["runbook"] == "docs/runbook.md#alert-an-answer-that-differs-at-night"
    assert said["evidence"].startswith("3 of 10 rows differ, by up to 1e-07")
    replayed(lake, NIGHTS[3], v1=0)
    assert heard(oncall) == [("opened", "02"), ("recovered", "02")]
    assert oncall.said[1]["evidence"] == f"10 rows that {NIGHTS[3]} replayed have the bits that they had by day"
    replayed(lake, NIGHTS[4], v2=2)
    replayed(lake, NIGHTS[5], v3=0)
    assert heard(oncall)[2:] == [("opened", "05"), ("recovered", "05")]
    assert "answered by version 2" in oncall.said[-1]["evidence"]
