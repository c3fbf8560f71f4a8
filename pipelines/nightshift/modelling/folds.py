"""Fits that are judged by nights after theirs: each by the nights of its fold, none of which it saw.

The first fold is fitted on the oldest nights, the next on all before the nights that it is judged by, and so on
(rolling origin; Tashman, 2000, International Journal of Forecasting 16(4)). The last one is the *twin* of what scores:
the same recipe without the holdout, so that a later gate has nights to compare with.
"""

import datetime as dt
import math
from dataclasses import dataclass

import numpy as np

from nightshift.modelling.arrays import Booleans, Int64s
from nightshift.modelling.holdout import LabelledRows, Split
from nightshift.modelling.label_types import label_type
from nightshift.spec import ModelSpec

JUDGED_SHARE = 28 / 90
"""Of the window's nights, judged where there are several folds: four weeks of three months."""
EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True)
class FoldNights:
    """Day ordinals, in order: of the nights that a fold is fitted on, and of those that judge it."""

    fitted: Int64s
    judged: Int64s


@dataclass(frozen=True)
class Fold:
    """Labelled rows to fit, and later ones to judge by. ``nights`` judge it, also those without any outcome."""

    train: LabelledRows
    judged: LabelledRows
    nights: Int64s

    def judges(self, nights: Int64s) -> Booleans:
        """Which of (n,) day ordinals are of nights that judge this fold."""
        return np.isin(nights, self.nights)

    @property
    def fitted_through(self) -> str:
        """The last night that it is fitted on."""
        return night_of(self.train.nights.max())

    @property
    def judged_nights(self) -> list[str]:
        """The nights with an outcome that judge it."""
        days = np.unique(self.judged.nights)
        return [night_of(day) for day in days]


def night_of(day: int) -> str:
    """A day ordinal as a partition."""
    date = EPOCH + dt.timedelta(int(day))
    return date.isoformat()


def plan_folds(nights: Int64s, *, holdout: int, folds: int, delay: int) -> list[FoldNights]:
    """The folds of a window with these nights, day ordinals in any order; oldest first.

    The last is judged by ``holdout`` nights, those before it by equal parts of the nights before. At most half of the
    window is judged, but for the holdout itself; so few nights have fewer folds. ``delay`` days of the calendar lie
    between a fold and its judged nights: so old is the newest outcome when a night is scored.
    """
    different = np.unique(nights)
    judged = _judged(len(different), holdout, folds)
    earlier = different[-judged:-holdout]
    planned = []
    for block in _blocks(earlier, folds - 1):
        first = block[0]
        fitted = _before(different, first, delay)
        planned.append(FoldNights(fitted, block))
    held_out = different[-holdout:]
    fitted = _before(different, held_out[0], delay)
    planned.append(FoldNights(fitted, held_out))
    return planned


def _blocks(nights: Int64s, number: int) -> list[Int64s]:
    """So many parts of about the same length, fewer where there are fewer nights."""
    parts = min(number, len(nights))
    if parts == 0:
        return []
    return np.array_split(nights, parts)


def _judged(nights: int, holdout: int, folds: int) -> int:
    """How many nights are judged."""
    if folds == 1:
        return holdout
    share = math.ceil(JUDGED_SHARE * nights)
    half = nights // 2
    wanted = max(folds * holdout, share)
    at_most = min(wanted, half)
    return max(holdout, at_most)


def _before(nights: Int64s, first_judged: int, delay: int) -> Int64s:
    """The nights to fit: ``delay`` days before the judged ones, or less where that would leave less than half."""
    before = nights[nights < first_judged]
    is_early = before < first_judged - delay
    early = before[is_early]
    at_least = math.ceil(len(before) / 2)
    if len(early) >= at_least:
        return early
    return before[:at_least]


def folds_of(spec: ModelSpec, rows: Split) -> list[Fold]:
    """The folds of a snapshot; the last one, the twin's, is always there.

    An earlier one that has nothing to learn, or lacks a class, is left out: its scores would be of another recipe.
    """
    labelled = rows.labelled
    all_nights = np.concatenate([labelled.nights, rows.unlabelled.nights])
    training = spec.training
    planned = plan_folds(
        all_nights,
        holdout=training.holdout_days,
        folds=training.folds,
        delay=spec.label.delay_days,
    )
    folds = [fold_of(labelled, nights) for nights in planned]
    earlier = [fold for fold in folds[:-1] if can_be_judged(spec, fold)]
    return [*earlier, folds[-1]]


def newest_fold(spec: ModelSpec, rows: LabelledRows) -> Fold | None:
    """Labelled rows in two: ``JUDGED_SHARE`` of their nights, the newest, and those before; None where none can be."""
    nights = len(np.unique(rows.nights))
    judged = math.ceil(JUDGED_SHARE * nights)
    if nights <= judged:
        return None
    (newest,) = plan_folds(rows.nights, holdout=judged, folds=1, delay=spec.label.delay_days)
    fold = fold_of(rows, newest)
    return fold if can_be_judged(spec, fold) else None


def fold_of(labelled: LabelledRows, nights: FoldNights) -> Fold:
    """The rows of planned nights."""
    is_fitted = np.isin(labelled.nights, nights.fitted)
    is_judged = np.isin(labelled.nights, nights.judged)
    return Fold(
        train=labelled.only(is_fitted),
        judged=labelled.only(is_judged),
        nights=nights.judged,
    )


def can_be_judged(spec: ModelSpec, fold: Fold) -> bool:
    """Whether it has something to learn, of every class, and something that judges it."""
    labels = fold.train.labels
    judged = fold.judged.labels
    if len(labels) == 0:
        return False
    if len(judged) == 0:
        return False
    if labels.min() == labels.max():
        return False
    return not label_type(spec).scarce_classes(labels)
