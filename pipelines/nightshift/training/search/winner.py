"""Which recipe a search chooses: the one that lost least, if it surely lost less than what model.yaml has.

The least of many means is too low by chance alone. So model.yaml's own recipe stays unless the best one's gain on it is
above 0 with its whole interval: Student's, of the mean over nights, for as many questions as there were trials. Where
nothing is better, a search changes the recipe in at most one of ten; mostly it is the same from training to training.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from nightshift.stores.searches import TrialRecord

CHANGED_BY_CHANCE = 0.1
"""Of searches in which nothing is better than model.yaml's own recipe."""
TOO_FEW = "no nights before the judged ones to search on: window_days is short, or a class is rare"


@dataclass(frozen=True)
class Winner:
    """The number of the trial that won, and why."""

    number: int
    reason: str


def winner(trials: Sequence[TrialRecord], night_rows: Mapping[str, int]) -> Winner:
    """Of trials, the first of which is model.yaml's own recipe."""
    if not trials:
        return Winner(0, TOO_FEW)
    own = trials[0]
    finished = [trial for trial in trials if trial.loss is not None]
    if not finished:
        return Winner(0, "no trial came to its end")
    best = min(finished, key=_loss)
    if best is own:
        return Winner(0, f"model.yaml's own recipe lost least, {_loss(own):.4g} a row")
    if own.loss is None:
        return Winner(best.number, f"it lost least, {_loss(best):.4g} a row; model.yaml's own was refused: {own.why}")
    gain, error = _gain(own, best, night_rows)
    surely = gain - error * _width(len(night_rows), len(trials) - 1)
    facts = f"{_loss(best):.4g} a row, {gain:.2g} less than model.yaml's own"
    if surely <= 0:
        return Winner(0, f"model.yaml's own recipe stays: the best, trial {best.number}, lost {facts}, but not surely")
    return Winner(best.number, f"it lost {facts}, surely {surely:.2g} less")


def _width(nights: int, rivals: int) -> float:
    """In standard errors, one-sided (Bonferroni, over the trials that might have been the best)."""
    if nights == 1:
        return math.inf
    error = CHANGED_BY_CHANCE / rivals
    return float(student.isf(error, nights - 1))


def _loss(trial: TrialRecord) -> float:
    if trial.loss is None:
        return math.inf
    return trial.loss


def _gain(own: TrialRecord, best: TrialRecord, night_rows: Mapping[str, int]) -> tuple[float, float]:
    """How much less the best lost in the mean of a row, and the standard error of that, from night to night."""
    by_night = []
    rows = []
    for night, number in night_rows.items():
        gain = own.night_losses[night] - best.night_losses[night]
        by_night.append(gain)
        rows.append(number)
    gains = np.array(by_night)
    shares = np.array(rows) / sum(rows)
    mean = float(shares @ gains)
    nights = len(gains)
    if nights == 1:
        return mean, 1.0
    squares = (shares * (gains - mean)) ** 2
    unbiased = nights / (nights - 1)
    variance = unbiased * squares.sum()
    return mean, math.sqrt(variance)
