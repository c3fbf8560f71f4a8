"""Nights and their rows, as a preview counts them."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class NightCount:
    """So many nights with so many rows together, from the first to the last; None without any."""

    nights: int
    rows: int
    first: str | None
    last: str | None


def counted_nights(rows: Mapping[str, int]) -> NightCount:
    """The count of nights whose rows are given by night."""
    return NightCount(
        nights=len(rows),
        rows=sum(rows.values()),
        first=min(rows, default=None),
        last=max(rows, default=None),
    )
