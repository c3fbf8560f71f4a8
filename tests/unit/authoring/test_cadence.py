"""A draft runs when there are nights: each day, on some days of the week, once a week, once a month."""

import datetime as dt
from collections import Counter

import pandas as pd
import pytest

from nightshift.authoring.cadence import cadence_of
from nightshift.authoring.window import window
from nightshift.steps.load import window as training_window
from tests.frames import rows
from tests.unit.authoring.conftest import Proposal

EVERY_DAY = "0 2 * * *"


def nights(frequency: str, count: int, first: str = "2023-01-01") -> list[dt.date]:
    return list(pd.date_range(first, periods=count, freq=frequency).date)


@pytest.mark.parametrize(
    ("frequency", "count", "schedule"),
    [
        ("MS", 4, "0 2 1 * *"),
        ("MS", 3, EVERY_DAY),
        ("ME", 24, "0 2 L * *"),
        ("SMS", 8, EVERY_DAY),
        ("QS", 4, "0 2 1 * *"),
        ("W-MON", 4, "0 2 * * 1"),
        ("W-SUN", 8, "0 2 * * 0"),
        ("W-MON", 3, EVERY_DAY),
        ("B", 10, "0 2 * * 1-5"),
        ("B", 9, EVERY_DAY),
        ("D", 10, EVERY_DAY),
        ("3D", 12, EVERY_DAY),
    ],
)
def test_the_schedule_is_that_of_the_nights_seen(frequency: str, count: int, schedule: str) -> None:
    assert cadence_of(nights(frequency, count)).schedule == schedule


def test_some_days_of_the_week_are_named_where_they_are_no_row() -> None:
    days = [day for day in nights("D", 60) if day.isoweekday() in {2, 4, 7}]
    assert cadence_of(days).schedule == "0 2 * * 2,4,0"
    assert (cadence_of(days).step_days, cadence_of(nights("B", 20)).step_days) == (3, 3)
    without_sunday = [day for day in nights("D", 60) if day.isoweekday() < 7]
    assert cadence_of(without_sunday).schedule == "0 2 * * 1-6"


def test_holidays_are_no_cadence_and_a_night_now_and_then_is_none_either() -> None:
    weekdays = nights("B", 40)
    assert cadence_of(weekdays[:10] + weekdays[13:]).schedule == "0 2 * * 1-5"
    assert cadence_of(nights("B", 200)[::17]).schedule == EVERY_DAY


@pytest.mark.parametrize(
    ("frequency", "count", "per_night", "expected"),
    [
        ("D", 400, 100_000, (90, 14)),
        ("D", 10, 10, (10, 2)),
        ("MS", 40, 1_000_000, (731, 5)),
        ("W-MON", 60, 1_000_000, (168, 5)),
        ("MS", 4, 10, (121, 1)),
    ],
)
def test_a_window_holds_nights_enough(frequency: str, count: int, per_night: int, expected: tuple[int, int]) -> None:
    rows_of_nights = Counter(dict.fromkeys(nights(frequency, count), per_night))
    assert window(rows_of_nights) == expected


def frame(days: list[dt.date], per_night: int = 40) -> pd.DataFrame:
    count = per_night * len(days)
    return rows(count, day=[day for day in days for _ in range(per_night)])


@pytest.mark.parametrize(
    ("frequency", "count", "retrain", "said"),
    [
        ("MS", 12, (31, 2), "each of the 12 nights is day 1 of its month"),
        ("W-MON", 12, (7, 4), "each of the 12 nights is a Monday"),
        ("B", 12, (7, 6), "none of the 12 nights is another day than Monday, Tuesday, Wednesday, Thursday, Friday"),
    ],
)
def test_a_draft_of_such_nights_is_good_and_says_what_was_seen(
    propose: Proposal, frequency: str, count: int, retrain: tuple[int, int], said: str
) -> None:
    days = nights(frequency, count)
    spec, made, text = propose(frame(days))
    assert f"as cron: {said}" in text
    assert any(note.startswith(said) for note in made.notes)
    assert (spec.retrain.cooldown_days, spec.retrain.min_new_nights) == retrain
    scheduled = spec.partition.nights_between(str(days[0]), str(days[-1]))
    assert scheduled == [str(day) for day in days]


@pytest.mark.parametrize("frequency", ["MS", "W-MON", "B", "ME"])
def test_a_training_between_two_nights_sees_as_many_as_on_one(propose: Proposal, frequency: str) -> None:
    days = nights(frequency, 11)
    *seen, after = days
    spec, _, _ = propose(frame(seen))
    between = pd.date_range(seen[-1] + dt.timedelta(days=1), after)
    for as_of in between.date:
        first, last = training_window(spec, str(as_of))
        assert len(spec.partition.nights_between(first, last)) == 10


def test_the_labels_of_a_month_are_fetched_by_the_run_of_the_next(propose: Proposal) -> None:
    spec, _, _ = propose(frame(nights("ME", 5)))
    assert spec.labelled_nights("2023-03-31") == ["2023-03-30", "2023-02-28"]
