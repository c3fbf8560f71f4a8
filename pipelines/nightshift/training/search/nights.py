"""The nights that a search sees: those that the oldest fold of the training is fitted on, and none that judges it.

Within them it has folds of its own. So a recipe that was chosen by chance shows it on the judged nights, which had no
part in the choice (Cawley and Talbot, 2010, Journal of Machine Learning Research 11).
"""

from collections.abc import Sequence

import numpy as np

from nightshift.modelling.folds import Fold, can_be_judged, fold_of, plan_folds
from nightshift.spec import ModelSpec

LEAST_NIGHTS = 4
"""With fewer, nothing is searched."""
JUDGED_PART = 4
"""Of the nights, a fourth or less judges a fold."""


def search_folds(spec: ModelSpec, folds: Sequence[Fold], number: int) -> list[Fold]:
    """So many folds within the nights that the oldest fold is fitted on; fewer, or none, where these are few."""
    seen = folds[0].train
    nights = np.unique(seen.nights)
    if len(nights) < LEAST_NIGHTS:
        return []
    part = len(nights) // JUDGED_PART
    planned = plan_folds(
        nights,
        holdout=min(spec.training.holdout_days, part),
        folds=number,
        delay=spec.label.delay_days,
    )
    searched = [fold_of(seen, each) for each in planned]
    return [fold for fold in searched if can_be_judged(spec, fold)]


def night_rows(folds: Sequence[Fold]) -> dict[int, int]:
    """How many rows each night has that judges these folds, by its day ordinal."""
    rows: dict[int, int] = {}
    for fold in folds:
        judged = fold.judged.nights
        nights, counts = np.unique(judged, return_counts=True)
        for night, number in zip(nights, counts, strict=True):
            day = int(night)
            rows[day] = int(number)
    return rows


def rows_seen(folds: Sequence[Fold]) -> int:
    """The rows of the largest fold, fitted and judged: what a trial costs goes by them."""
    most = 0
    for fold in folds:
        rows = len(fold.train.nights) + len(fold.judged.nights)
        most = max(most, rows)
    return most
