"""Which recipe a search chooses: the one that lost least, if it surely lost less than what model.yaml has.

The least of many means is too low by chance alone. So model.yaml's own recipe stays unless the best one's gain on it is
above 0 with its whole interval: the gate's, of the mean over nights that may resemble their neighbours, for as many
questions as there were trials. Where nothing is better, the recipe is mostly the same from training to training.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nightshift.modelling.gate.night_values import NightMeans, of_nights
from nightshift.modelling.gate.nights import night_test
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
    gain = _gain(own, best, night_rows)
    rivals = len(trials) - 1
    surely = _surely(gain, CHANGED_BY_CHANCE / rivals)
    facts = f"{_loss(best):.4g} a row, {gain.estimate:.2g} less than model.yaml's own"
    if surely <= 0:
        return Winner(0, f"model.yaml's own recipe stays: the best, trial {best.number}, lost {facts}, but not surely")
    return Winner(best.number, f"it lost {facts}, surely {surely:.2g} less")


def _surely(gain: NightMeans, error: float) -> float:
    """The lower end of it, by which one of some rivals is too good with this probability (Bonferroni)."""
    if gain.nights == 1:
        return -math.inf
    return night_test(gain).interval(error).low


def _loss(trial: TrialRecord) -> float:
    if trial.loss is None:
        return math.inf
    return trial.loss


def _gain(own: TrialRecord, best: TrialRecord, night_rows: Mapping[str, int]) -> NightMeans:
    """How much less the best lost in the mean of a row, night by night."""
    nights = sorted(night_rows)
    rows = np.array([night_rows[night] for night in nights])
    gains = np.array([own.night_losses[night] - best.night_losses[night] for night in nights])
    return of_nights(gains * rows, rows)
