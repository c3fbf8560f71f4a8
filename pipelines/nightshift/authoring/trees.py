"""How many trees, and how large, for data of a size: what did well against scikit-learn's defaults on public sets.

Those of ``TRIED`` are grown on the data themselves, see ``trial``; ``SIZES`` are for data that allow no trial.
"""

import datetime as dt
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from nightshift.spec.label import LabelKind

ROWS_PER_RARE = 10
"""A row of the rarer outcome counts like ten rows: many rows of which hardly one is yes teach little."""
PENALTIES: dict[LabelKind, float] = {
    "binary": 0.0,
    "multiclass": 0.0,
    "regression": 10.0,
    "quantile": 10.0,
    "multilabel": 0.0,
}
"""What L2 counts against a leaf: of numbers so many rows. Of classes none: the curvature that it is added to goes to 0
where classes are easily told, and the model would never become as sure as it may."""
PARAMETERS = {
    "max_iter": "trees; more rows bear more of them, and larger ones",
    "learning_rate": "of each tree",
    "max_leaf_nodes": "small trees generalise over nights",
    "min_samples_leaf": "rows of a leaf, at least",
    "l2_regularization": "leaves of few rows say less",
}
"""What the file says of each."""
MOST_TREES = 600
MOST_LEAVES = 127
GROWTH = 0.3
"""Twice the rows bear a quarter more trees, each a quarter larger."""


@dataclass(frozen=True)
class TreeSize:
    """Trees, their rate, and the leaves of each."""

    trees: int
    rate: float
    leaves: int
    leaf_rows: int


@dataclass(frozen=True)
class TreeTrial:
    """The trees that lost least on nights that they had not seen, and how many rows they were grown on."""

    size: TreeSize
    rows: int


SIZES: dict[float, TreeSize] = {
    1_000: TreeSize(trees=200, rate=0.05, leaves=8, leaf_rows=20),
    5_000: TreeSize(trees=200, rate=0.05, leaves=15, leaf_rows=20),
    20_000: TreeSize(trees=200, rate=0.05, leaves=31, leaf_rows=20),
    200_000: TreeSize(trees=300, rate=0.08, leaves=31, leaf_rows=20),
    1_000_000: TreeSize(trees=300, rate=0.08, leaves=63, leaf_rows=50),
    float("inf"): TreeSize(trees=300, rate=0.1, leaves=127, leaf_rows=50),
}
"""By the number of rows that they are below."""
TRIED = (
    TreeSize(trees=300, rate=0.05, leaves=8, leaf_rows=20),
    TreeSize(trees=300, rate=0.08, leaves=31, leaf_rows=20),
)
"""With as many trees at most."""


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
    return next(size for below, size in SIZES.items() if rows < below)


def grown(trial: TreeTrial, rows: int) -> TreeSize:
    """What did well on some rows, for more of them."""
    more = max(1.0, rows / trial.rows) ** GROWTH
    trees = min(MOST_TREES, 10 * round(trial.size.trees * more / 10))
    leaves = min(MOST_LEAVES, round(trial.size.leaves * more))
    return replace(trial.size, trees=trees, leaves=leaves)


def written_parameters(size: TreeSize, kind: LabelKind) -> dict[str, Any]:
    """Under scikit-learn's names."""
    return {
        "max_iter": size.trees,
        "learning_rate": size.rate,
        "max_leaf_nodes": size.leaves,
        "min_samples_leaf": size.leaf_rows,
        "l2_regularization": PENALTIES[kind],
    }
