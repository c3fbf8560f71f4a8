"""What is a partition key, and what is not."""

import datetime as dt
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.errors import UsageError
from nightshift.partitions import between, days_between, following, last_nights, parse_partition, shifted

NOT_DATES = [
    None, "", " ", "today", "../x", "2013-04-01/../x", "2013-4-1", "20130401", "13-04-01", "2013/04/01",
    "2013-04-01T00:00", "2013-04-01 ", " 2013-04-01", "2013-04-01\n", "2013-00-10", "2013-13-01", "2013-04-00",
    "2013-04-32", "-2013-04-01", "2013-04-01,2013-04-02", "{{ ds }}", "2013-04-0\u0967",
    "\u0662\u0660\u0661\u0663-\u0660\u0664-\u0660\u0661", "2013\u201004\u201001",
    "2013-04-01\x00", "9" * 100_000,
]  # fmt: skip


@given(st.dates(min_value=dt.date(1000, 1, 1)))
def test_every_day_of_the_calendar_is_a_key(day: dt.date) -> None:
    assert parse_partition(day.isoformat()) == day


@pytest.mark.parametrize("key", NOT_DATES, ids=lambda key: repr(key)[:24])
def test_anything_else_is_refused_with_what_to_give_instead(key: str | None) -> None:
    with pytest.raises(UsageError, match=r"is not a date like 2013-04-01|is no day of the calendar") as error:
        parse_partition(key)
    assert error.value.fix
    assert len(str(error.value)) < 200


@pytest.mark.parametrize("key", ["2013-02-30", "2013-02-29", "2013-04-31", "1900-02-29"])
def test_a_day_that_the_calendar_lacks_is_said_to_be_that(key: str) -> None:
    with pytest.raises(UsageError, match=f"'{key}' is no day of the calendar"):
        parse_partition(key)


@given(st.text(max_size=12))
def test_no_text_is_anything_but_a_date_or_a_usage_error(key: str) -> None:
    with suppress(UsageError):
        assert parse_partition(key).isoformat() == key


def test_both_ends_belong_to_a_range() -> None:
    assert between("2024-02-27", "2024-03-02") == [
        "2024-02-27", "2024-02-28", "2024-02-29", "2024-03-01", "2024-03-02",
    ]  # fmt: skip
    assert between("2024-01-01", "2024-01-01") == ["2024-01-01"]
    assert between("2024-01-02", "2024-01-01") == []


def test_last_nights_cross_months_and_leap_days() -> None:
    assert last_nights(3, through="2024-03-01") == ["2024-02-28", "2024-02-29", "2024-03-01"]
    assert last_nights(1, through="2024-03-01") == ["2024-03-01"]
    assert last_nights(0, through="2024-03-01") == []


@given(st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)), st.integers(0, 400))
def test_the_last_nights_and_the_following_ones_are_the_same_range(day: dt.date, count: int) -> None:
    nights = following(day.isoformat(), count)
    assert len(nights) == count
    if nights:
        assert last_nights(count, nights[-1]) == nights == between(nights[0], nights[-1])


@given(st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)), st.integers(-400, 400))
def test_a_night_shifted_is_so_many_days_away(day: dt.date, days: int) -> None:
    assert days_between(day.isoformat(), shifted(day.isoformat(), days)) == days


@pytest.mark.parametrize("arithmetic", [shifted, days_between, between, last_nights, following])
def test_no_arithmetic_is_done_with_what_is_no_date(arithmetic: Callable[..., object]) -> None:
    bad = {last_nights: (3, "../x"), days_between: ("../x", "2024-01-01"), between: ("2024-01-01", "../x")}
    with pytest.raises(UsageError, match="is not a date"):
        arithmetic(*bad.get(arithmetic, ("../x", 3)))
