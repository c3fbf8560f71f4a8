"""How many trees, and how large, for data of a size: what did well against scikit-learn's defaults on public sets."""

import datetime as dt
from collections import Counter
from dataclasses import dataclass

ROWS_PER_RARE = 10
"""A row of the rarer outcome counts like ten rows: many rows of which hardly one is yes teach little."""


@dataclass(frozen=True)
class TreeSize:
    """The trees for data below so many rows."""

    below: float
    trees: int
    rate: float
    leaves: int
    leaf_rows: int
    penalty: float


SIZES = (
    TreeSize(1_000, trees=200, rate=0.05, leaves=8, leaf_rows=5, penalty=1.0),
    TreeSize(5_000, trees=200, rate=0.05, leaves=15, leaf_rows=20, penalty=10.0),
    TreeSize(20_000, trees=200, rate=0.05, leaves=31, leaf_rows=20, penalty=10.0),
    TreeSize(200_000, trees=300, rate=0.08, leaves=31, leaf_rows=20, penalty=10.0),
    TreeSize(1_000_000, trees=300, rate=0.08, leaves=63, leaf_rows=50, penalty=10.0),
    TreeSize(float("inf"), trees=300, rate=0.1, leaves=127, leaf_rows=50, penalty=10.0),
)


def learnt_rows(
    nights: Counter[dt.date],
    window_days: int,
    holdout_days: int,
) -> int:
    """Rows of the nights that a first training learns from."""
    last = max(nights)
    first = last - dt.timedelta(days=window_days - 1)
    in_window = [night for night in nights if night >= first]
    in_window.sort()
    learnt = in_window[:-holdout_days]
    return sum(nights[night] for night in learnt)


def effective_rows(rows: int, positive_share: float) -> int:
    """Fewer than there are where one outcome of two is rare; a share of 0 is that of a label without a yes."""
    if positive_share <= 0:
        return rows
    rarer = min(positive_share, 1 - positive_share)
    return min(rows, round(ROWS_PER_RARE * rarer * rows))


def tree_size(rows: int) -> TreeSize:
    """The trees for so many rows."""
    return next(size for size in SIZES if rows < size.below)
