"""When a night is due follows from the schedule and its time zone, and from no clock."""

import datetime as dt

import pytest

from nightshift.spec.night import Partition


@pytest.mark.parametrize(
    ("schedule", "timezone", "night", "begins"),
    [
        ("0 2 * * *", "UTC", "2024-01-10", "2024-01-11T02:00:00+00:00"),
        ("0 2 * * *", "America/New_York", "2024-01-10", "2024-01-11T02:00:00-05:00"),
        # The schedule of a night may begin at midnight itself.
        ("0 0 * * *", "UTC", "2024-01-10", "2024-01-11T00:00:00+00:00"),
        # From Friday to Monday.
        ("30 5 * * 1-5", "UTC", "2024-01-12", "2024-01-15T05:30:00+00:00"),
        # Several runs a day are one night.
        ("0 */6 * * *", "UTC", "2024-01-10", "2024-01-11T00:00:00+00:00"),
        ("@quarterly", "UTC", "2024-01-01", "2024-04-01T00:00:00+00:00"),
    ],
)
def test_the_night_after_one_begins_at_the_first_run_of_another_day(
    schedule: str, timezone: str, night: str, begins: str
) -> None:
    partition = Partition(column="day", timezone=timezone, schedule=schedule, start=dt.date(2024, 1, 1))
    assert partition.next_run(night) == dt.datetime.fromisoformat(begins)


def test_nights_of_a_schedule_in_airflow_s_own_word_are_counted() -> None:
    partition = Partition(column="day", schedule="@quarterly", start=dt.date(2024, 1, 1))
    assert partition.nights_before("2024-08-01", 2) == ["2024-04-01", "2024-07-01"]
