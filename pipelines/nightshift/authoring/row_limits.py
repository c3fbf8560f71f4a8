"""How many rows a night may have, by those of the first nights."""

import datetime as dt
from collections import Counter
from dataclasses import dataclass, replace

from nightshift.authoring.columns import EarlyNights


@dataclass(frozen=True)
class RowLimits:
    """Limits with what they come from; None where a later night would have been refused, which is said instead."""

    low: int | None
    high: int | None
    smallest: int
    largest: int
    left_out: list[str]


def half(rows: int) -> int:
    """Half of some rows, and one at least."""
    return max(1, rows // 2)


def row_limits(nights: Counter[dt.date], early: EarlyNights) -> RowLimits:
    """Half of the smallest early night, and twice the largest, where no late night lies beyond."""
    of_early = [nights[night] for night in early.nights]
    smallest = min(of_early)
    largest = max(of_early)
    low = half(smallest)
    high = largest * 2
    too_small = [night for night in early.late if nights[night] < low]
    too_large = [night for night in early.late if nights[night] > high]
    left_out = []
    if too_small:
        left_out.append(f"no min_rows: {low:,} would have refused {len(too_small)} later nights")
    if too_large:
        left_out.append(f"no max_rows: {high:,} would have refused {len(too_large)} later nights")
    limits = RowLimits(low, high, smallest, largest, left_out)
    if too_small:
        limits = replace(limits, low=None)
    if too_large:
        limits = replace(limits, high=None)
    return limits
