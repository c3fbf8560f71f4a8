"""Partition keys: the dates of nights, and the arithmetic of the calendar."""

import datetime as dt
import re

from nightshift.errors import UsageError

PARTITION_PATTERN = r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"


def parse_partition(key: str | None) -> dt.date:
    """The date of a partition key ``YYYY-MM-DD``. Raises ``UsageError`` for anything else."""
    shown = repr(key)[:60]
    if key is None or not re.fullmatch(PARTITION_PATTERN, key):
        raise UsageError(
            f"partition key {shown} is not a date like 2013-04-01", fix="give the night's date as YYYY-MM-DD"
        )
    try:
        return dt.date.fromisoformat(key)
    except ValueError as error:
        raise UsageError(f"partition key {shown} is no day of the calendar", fix="give a date that exists") from error
