"""Real nights: quiet ones stay quiet, a stuck sensor is told once, a drifting month starts one retrain."""

import numpy as np
import pytest

from nightshift.monitoring.night_record import read_night_record
from nightshift.monitoring.report import out_of_reach
from nightshift.partitions import between
from nightshift.spec import find_spec
from nightshift.steps.episodes import episodes
from nightshift.steps.govern import govern
from nightshift.steps.monitor import monitor
from tests.flights import Flights, flights

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
def world(repository, open_stores, tmp_path_factory):
    """The example's own model.yaml, and nights as they came; of each what was said about it."""
    spec = find_spec(repository / "models", "flight_delays")
    flights_of = Flights(spec, open_stores(repository, home=tmp_path_factory.mktemp("wake")))
    reports = {}
    decisions = {}
    for night in (*QUIET, *STUCK, *WELL, *DRIFTING):
        flights_of.add(night, stuck if night in STUCK else lambda rows: rows)
        reports[night] = monitor(spec, night, flights_of.stores)
        decisions[night] = govern(spec, reports[night], flights_of.stores)
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
