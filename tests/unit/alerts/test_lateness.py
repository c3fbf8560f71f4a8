import datetime as dt

import pytest

from nightshift.alerts.lateness import deadline_of, due_at, newest_due
from nightshift.spec.night import Partition

NEW_YORK = Partition(column="day", timezone="America/New_York", schedule="0 2 * * *", start=dt.date(2024, 1, 1))


def utc(text):
    return dt.datetime.fromisoformat(f"{text}+00:00")


@pytest.mark.parametrize(
    ("night", "by", "due"),
    [
        ("2024-01-15", "06:00", "2024-01-15T11:00"),
        # The clock of New York goes forward at 02:00 on 10 March, and back on 3 November.
        ("2024-03-10", "06:00", "2024-03-10T10:00"),
        ("2024-11-03", "06:00", "2024-11-03T11:00"),
        # A time of day before that of the run is the next day's.
        ("2024-01-15", "01:30", "2024-01-16T06:30"),
    ],
)
def test_a_night_is_due_at_that_time_of_day_after_its_run(night, by, due):
    assert due_at(NEW_YORK, by, night) == utc(due)


def test_the_newest_night_that_is_due_changes_at_the_minute():
    assert newest_due(NEW_YORK, "06:00", utc("2024-01-15T10:59")) == "2024-01-14"
    assert newest_due(NEW_YORK, "06:00", utc("2024-01-15T11:00")) == "2024-01-15"
    assert newest_due(NEW_YORK, "06:00", utc("2023-12-31T23:00")) is None


def test_a_schedule_of_working_days_has_no_night_on_sunday():
    weekdays = NEW_YORK.model_copy(update={"schedule": "0 2 * * 1-5"})
    assert newest_due(weekdays, "06:00", utc("2024-01-14T20:00")) == "2024-01-12"


def test_a_backfill_of_old_nights_has_no_deadline_and_the_newest_has_one_though_it_begins_late():
    now = utc("2024-01-15T12:00")
    assert deadline_of(NEW_YORK, "06:00", "2024-01-10", now) is None
    assert deadline_of(NEW_YORK, "06:00", "2024-01-15", now) == utc("2024-01-15T11:00")
    assert deadline_of(NEW_YORK, "06:00", "2024-01-16", now) == utc("2024-01-16T11:00")


def test_a_schedule_in_airflow_s_own_word_has_a_time_when_a_night_is_due():
    quarterly = NEW_YORK.model_copy(update={"schedule": "@quarterly"})
    assert due_at(quarterly, "06:00", "2024-04-01") == utc("2024-04-01T10:00")
    assert newest_due(quarterly, "06:00", utc("2024-05-01T00:00")) == "2024-04-01"
