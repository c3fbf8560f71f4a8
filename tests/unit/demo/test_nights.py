"""The nights of the demo, and that Airflow's own timetable makes the same of the bounds we send it."""

import datetime as dt
from pathlib import Path

import pytest

from nightshift.demo.airflow_api import backfill_window
from nightshift.demo.nights import BACKFILL, CHAMPION_AS_OF, MODEL, REPLAY_AT_MOST, REPLAY_FROM
from nightshift.partitions import between, following
from nightshift.spec import find_spec

MODELS = Path(__file__).parents[3] / "models"


def test_the_story_is_in_order_and_within_the_data():
    assert between(*BACKFILL)[0] >= CHAMPION_AS_OF
    assert BACKFILL[1] < REPLAY_FROM
    assert following(REPLAY_FROM, REPLAY_AT_MOST)[-1] <= "2013-12-31"


@pytest.mark.parametrize(
    ("first", "last"),
    [BACKFILL, ("2013-03-08", "2013-03-12"), ("2013-11-01", "2013-11-05"), ("2013-03-10", "2013-03-10")],
    ids=["demo", "spring forward", "fall back", "the night without 02:00"],
)
def test_a_backfill_makes_exactly_the_nights_of_its_range(first, last):
    trigger = pytest.importorskip("airflow.timetables.trigger")
    partition = find_spec(MODELS, MODEL).partition
    timetable = trigger.CronPartitionTimetable(partition.schedule, timezone=partition.timezone, key_format="%Y-%m-%d")
    window = [dt.datetime.fromisoformat(bound) for bound in backfill_window(first, last).values()]
    infos = timetable.iter_partition_dagrun_infos(earliest=window[0], latest=window[1])
    assert [info.partition_key for info in infos] == between(first, last)
