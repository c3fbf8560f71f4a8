"""Partition keys: the dates of nights, and the arithmetic of the calendar."""

import datetime as dt
import re

from nightshift.errors import UsageError

# Read by Python and by browsers: without \d, which means digits of all scripts, and with no line break before the end.
PARTITION_PATTERN = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])(?!\n)$"
VERSION_PATTERN = r"^[1-9][0-9]{0,8}(?!\n)$"
"""A version as MLflow numbers them."""


def parse_partition(key: str | None) -> dt.date:
    """The date of a partition key ``YYYY-MM-DD``. Raises ``UsageError`` for anything else."""
    quoted = repr(key)[:60]
    if key is None or not re.fullmatch(PARTITION_PATTERN, key):
        raise UsageError(
            f"partition key {quoted} is not a date like 2013-04-01", fix="give the night's date as YYYY-MM-DD"
        )
    try:
        return dt.date.fromisoformat(key)
    except ValueError as error:
        raise UsageError(f"partition key {quoted} is no day of the calendar", fix="give a date that exists") from error


def shifted(partition: str, days: int) -> str:
    """The night so many days later, or earlier where ``days`` is negative."""
    day = parse_partition(partition)
    shifted_day = day + dt.timedelta(days=days)
    return shifted_day.isoformat()


def days_between(first: str, last: str) -> int:
    """Days from one night to another; negative when the other is earlier."""
    difference = parse_partition(last) - parse_partition(first)
    return difference.days


def between(first: str, last: str) -> list[str]:
    """All nights from first to last, both included; none when the last is earlier."""
    count = days_between(first, last) + 1
    return [shifted(first, days) for days in range(count)]


def last_nights(count: int, through: str) -> list[str]:
    """So many calendar nights, the last of them ``through``; oldest first."""
    first = shifted(through, 1 - count)
    return between(first, through)


def following(first: str, count: int) -> list[str]:
    """So many calendar nights from first on."""
    last = shifted(first, count - 1)
    return between(first, last)
