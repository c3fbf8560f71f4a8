"""The wall clock, for what is about it: whether a night is late, and whether a try to send is over.

Nothing else of alerts may ask it; which nights are old goes by their dates.
"""

import datetime as dt

RETRY_AFTER = dt.timedelta(minutes=5)
"""A channel that failed is not tried again before that, and a try that nothing was heard of is over by then."""


def now() -> dt.datetime:
    """The time, with a zone."""
    return dt.datetime.now(dt.UTC)


def is_over(since: str) -> bool:
    """Whether a try that began then may be followed by another."""
    began = dt.datetime.fromisoformat(since)
    passed = now() - began
    return passed > RETRY_AFTER
