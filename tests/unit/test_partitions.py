"""What is a partition key, and what is not."""

import datetime as dt
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.errors import UsageError
from nightshift.partitions import parse_partition

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
