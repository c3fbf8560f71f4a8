"""What time it is by day. No partition is named by it: it says when a request came, and how old a night is by then."""

import datetime as dt
import time
from zoneinfo import ZoneInfo

from nightshift.partitions import parse_partition


def now() -> float:
    """Seconds since 1970."""
    return time.time()


def arrival(seconds: float) -> dt.datetime:
    """A moment of ``now``, in UTC."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def age_in_days(night: str, timezone: str) -> int:
    """Days from the date of a night to today on the clock of its model."""
    today = dt.datetime.now(ZoneInfo(timezone)).date()
    return (today - parse_partition(night)).days
