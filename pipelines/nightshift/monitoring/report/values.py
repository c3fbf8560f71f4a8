"""Values of the data as a person reads them beside a chart."""

import datetime as dt
from collections.abc import Callable
from typing import TypeAlias

from nightshift.spec import Column

Text: TypeAlias = Callable[[float], str]
EPOCH = dt.date(1970, 1, 1)
LARGEST_DAY = 2_900_000
"""Days since 1970 that a calendar of four digits has."""
TRUTHS = {0.0: "no", 1.0: "yes"}
SMALLEST = 1e-300
"""The float beside 0 bounds the bin of zeros: people write 0."""
LARGE = ((1e12, ""), (1e9, "bn"), (1e6, "M"))


def text_of(column: Column | None) -> Text:
    """How values of a column are written: dates as such, of truth values yes and no, numbers with few digits."""
    kind = column.type if column else ""
    if kind == "date":
        return _day
    if kind == "bool":
        return _truth
    return readable


def readable(value: float) -> str:
    """Four digits that count, and no power of ten where people would not write one."""
    value = value + 0.0  # a zero without its sign
    size = abs(value)
    if size <= SMALLEST:
        return "0"
    for bound, name in LARGE:
        if size >= 10 * bound:
            if name:
                return f"{value / bound:.4g}{name}"
            return f"{value:.3g}".replace("e+", "e")
    if size >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def _day(value: float) -> str:
    if abs(value) > LARGEST_DAY:
        return readable(value)
    since_epoch = dt.timedelta(days=int(value))
    day = EPOCH + since_epoch
    return day.isoformat()


def _truth(value: float) -> str:
    if value in TRUTHS:
        return TRUTHS[value]
    return readable(value)
