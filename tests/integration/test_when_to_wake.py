"""Real nights: quiet ones stay quiet, a stuck sensor is told once, a drifting month starts one retrain.

What people get is heard by a webhook on this machine, the nights' monitoring run twice as a cleared task's would.
"""

import numpy as np
import pytest

from nightshift.alerts.desk import Desk
from nightshift.monitoring.night_record import read_night_record
from nightshift.monitoring.report import out_of_reach
from nightshift.partitions import between
from nightshift.spec import find_spec
from nightshift.steps._alarms import tell_alarms
from nightshift.steps.episodes import episodes
from nightshift.steps.govern import govern
from nightshift.steps.monitor import monitor
from nightshift.stores import Stores
from tests.flights import Flights, flights
from tests.receivers import hook

pytestmark = pytest.mark.stack

QUIET = between("2013-04-01", "2013-04-14")
STUCK = between("2013-04-15", "2013-04-19")
WELL = between("2013-04-20", "2013-04-22")
# Summer has destinations that winter had not.
DRIFTING = between("2013-06-20", "2013-06-27")


def stuck(rows):
    """The wind that was measured before the station fell silent, again and again."""
    last = flights(QUIET[-1])["wind_max"].median()
    return rows.assign(wind_max=np.float32(last))


@pytest.fixture(scope="module")
def receiver():
    with hook() as told, pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTSHIFT_ALERT_ONCALL", told.url)
        yield told


@pytest.fixture(scope="module")
def world(repository, open_stores, tmp_path_factory, receiver):
    """The example's own model.yaml, and nights as they came; of each what was said about it."""
    spec = find_spec(repository / "models", "flight_delays")
    flights_of = Flights(spec, open_stores(repository, home=tmp_path_factory.mktemp("wake")))
    folder = tmp_path_factory.mktemp("alerts")
    (folder / "alerts.toml").write_text('format = 1\n[channels.oncall]\nkind = "webhook"\n')
    of_alerts = Stores(flights_of.stores.settings.model_copy(update={"project": folder}))
    reports = {}
    decisions = {}
    for night in (*QUIET, *STUCK, *WELL, *DRIFTING):
        flights_of.add(night, stuck if night in STUCK else lambda rows: rows)
        reports[night] = monitor(spec, night, flights_of.stores)
        decisions[night] = govern(spec, reports[night], flights_of.stores)
        for _ in range(2):
            tell_alarms(spec, night, Desk(of_alerts), of_alerts)
    return spec, flights_of.stores, reports, decisions


def changes(reports, nights):
    """What these nights did to episodes, in their order."""
    return [(change.change, change.detector) for night in nights for change in reports[night].episodes]


def test_a_quiet_fortnight_stays_quiet(world):
    _, _, reports, decisions = world
    assert changes(reports, QUIET) == []
    assert not any(decisions[night].retrain for night in QUIET)


def test_a_stuck_sensor_opens_one_episode_and_its_recovery_closes_it(world):
    spec, stores, reports, _ = world
    told = [change for change, _ in changes(reports, [*STUCK, *WELL])]
    assert (told[0], told[-1], set(told[1:-1])) == ("opened", "closed", {"updated"})
    first, *_ = episodes(spec, stores)
    assert first.first_night in STUCK
    assert first.last_night == STUCK[-1]
    assert first.closed in WELL
    assert reports[STUCK[-1]].worst == "wind_max"


def test_a_drifting_month_starts_exactly_one_retrain(world):
    _, _, reports, decisions = world
    started = {decisions[night].run_id for night in DRIFTING if decisions[night].retrain}
    assert len(started) == 1
    assert changes(reports, DRIFTING).count(("opened", "drift")) == 1


@pytest.mark.parametrize("night", [QUIET[0], QUIET[-1], WELL[-1]])
def test_no_watched_feature_of_the_example_has_a_line_out_of_reach(world, night):
    spec, stores, _, _ = world
    record = read_night_record(spec, night, stores)
    features = {feature.feature: feature for feature in record.drift.features}
    assert set(features) == {*spec.drift.features, spec.predict.score}
    assert all(feature.calibrated for feature in features.values())
    # The score has no more than 28 judged nights: by itself a night hardly alarms by it, several together do.
    assert set(out_of_reach(record.drift.features)) <= {spec.predict.score}
    series = {name for name, feature in features.items() if feature.is_by_night}
    assert series == {"wind_max", "visib_min", "precip_6h", "late_3d"}
    assert record.drift.detectors["nights"] is False


def told_through(receiver, first, last):
    return [said for said in receiver.said if any(first <= night <= last for night in said["nights"]["flight_delays"])]


def test_a_stuck_sensor_is_one_alert_that_names_all_and_its_recovery_another(world, receiver):
    spec, stores, reports, _ = world
    opened, recovered, *_ = receiver.said
    first = next(change for night in STUCK for change in reports[night].episodes)
    assert (opened["event"], opened["kind"], opened["severity"]) == ("opened", "drift", "page")
    assert opened["night"] == opened["nights"][spec.name][0] == first.night
    assert opened["models"] == [spec.name]
    assert opened["owners"] == [spec.owner]
    assert reports[first.night].worst in opened["title"]
    assert first.episode in opened["evidence"]
    assert opened["next_command"] == f"nightshift acknowledge {spec.name} {first.episode} --why TEXT"
    assert opened["runbook"] == "docs/runbook.md#alert-an-alarm-of-monitoring"
    assert stores.lake.objects.get(opened["links"]["report"].removeprefix(f"{stores.lake.objects.uri}/")) is not None
    assert (recovered["event"], recovered["id"]) == ("recovered", opened["id"])
    assert recovered["severity"] == "notice"
    assert len(told_through(receiver, QUIET[0], WELL[-1])) == 2


def test_a_drifting_month_is_one_alert_for_each_alarm_that_it_opens(world, receiver):
    _, _, reports, _ = world
    opened = [said["kind"] for said in told_through(receiver, DRIFTING[0], DRIFTING[-1]) if said["event"] == "opened"]
    assert sorted(opened) == sorted(detector for change, detector in changes(reports, DRIFTING) if change == "opened")
