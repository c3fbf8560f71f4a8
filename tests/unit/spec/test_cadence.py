"""Which nights there are by the clock of a schedule, and whose labels a run fetches."""

from collections.abc import Callable

import pytest

from nightshift.spec import ModelSpec

Change = Callable[..., ModelSpec]

MONDAY, TUESDAY, FRIDAY, SATURDAY, SUNDAY = "2024-03-11", "2024-03-12", "2024-03-08", "2024-03-09", "2024-03-10"
WEEKDAYS = {"schedule": "0 2 * * 1-5"}
MONTHLY = {"schedule": "0 2 1 * *"}


def test_by_default_each_run_fetches_the_labels_of_one_night(spec: ModelSpec) -> None:
    assert spec.labelled_nights(MONDAY) == [SUNDAY]
    assert spec.nights_through(MONDAY, 3) == [SATURDAY, SUNDAY, MONDAY]


def test_a_run_on_monday_fetches_what_fell_due_on_the_days_without_one(spec: ModelSpec, change: Change) -> None:
    """Friday's labels are due on Saturday, on which nothing runs."""
    weekdays = change(spec, partition=WEEKDAYS)
    assert weekdays.labelled_nights(MONDAY) == [SUNDAY, FRIDAY]
    assert weekdays.labelled_nights(TUESDAY) == [MONDAY]
    assert weekdays.nights_through(SUNDAY, 2) == ["2024-03-07", FRIDAY]


def test_a_monthly_run_fetches_the_labels_of_the_month_before(spec: ModelSpec, change: Change) -> None:
    monthly = change(spec, partition=MONTHLY, label={"delay_days": 10})
    assert monthly.labelled_nights("2024-03-01") == ["2024-02-20", "2024-02-01"]
    assert monthly.nights_through("2024-03-31", 3) == ["2024-01-01", "2024-02-01", "2024-03-01"]


@pytest.mark.parametrize(
    ("partition", "expected"),
    [({}, [SUNDAY, SATURDAY, FRIDAY]), (WEEKDAYS, [SUNDAY, FRIDAY, "2024-03-07", "2024-03-06"])],
)
def test_labels_that_may_change_are_fetched_again(
    spec: ModelSpec, change: Change, partition: dict[str, str], expected: list[str]
) -> None:
    assert change(spec, partition=partition, label={"corrected_within": 2}).labelled_nights(MONDAY) == expected


def test_a_run_twice_a_day_is_one_night(spec: ModelSpec, change: Change) -> None:
    twice = change(spec, partition={"schedule": "0 2,14 * * *"})
    assert twice.nights_through(MONDAY, 2) == [SUNDAY, MONDAY]


def test_where_spring_leaves_the_hour_out_the_night_is_still_there(spec: ModelSpec, change: Change) -> None:
    spring = change(spec, partition={"schedule": "30 2 * * *", "timezone": "America/New_York"})
    assert spring.nights_through(MONDAY, 3) == [SATURDAY, SUNDAY, MONDAY]
