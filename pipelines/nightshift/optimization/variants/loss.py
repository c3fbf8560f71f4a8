"""What a graph loses against the exact one: its mean over rows, with an interval that holds nights for the unit."""

import math

import numpy as np

from nightshift.modelling.arrays import Float64s, Floats, Int64s
from nightshift.modelling.gate.night_values import of_rows
from nightshift.modelling.gate.nights import night_test
from nightshift.modelling.metrics import ERRORS, PINBALL, Difference, row_losses

FEWEST_NIGHTS = 3
"""Of fewer an interval says nothing."""


def loss_interval(lost: Float64s, nights: Int64s, confidence: float) -> Difference:
    """The mean of what rows lose, (n,), and its interval, the gate's own. Of few nights it has no ends."""
    values = of_rows(lost, nights)
    if values.nights < FEWEST_NIGHTS:
        return Difference(values.estimate, low=-math.inf, high=math.inf)
    one_end = (1 - confidence) / 2
    return night_test(values).interval(one_end)


def expected_losses(metric: str, exact: Floats, scores: Floats, *, one_comes: bool = True) -> Float64s:
    """By how much the loss of each row, (n,), would be more than the exact scores', were these the truth.

    Scores are P(label = 1), (n,), or probabilities (n, k), or, for the errors, predictions (n,). ``one_comes``: of
    several classes exactly one; else each comes or not by itself, and their mean is the loss.
    """
    if metric == PINBALL:
        return _farthest(exact, scores)
    if metric in ERRORS:
        return row_losses(metric, exact, scores)
    if exact.ndim == 2 and not one_comes:
        return _class_by_class(metric, exact, scores)
    chances = _chances(exact)
    rows = len(exact)
    expected = np.zeros(rows)
    for outcome, chance in enumerate(chances):
        labels = np.full(rows, float(outcome))
        lost = row_losses(metric, labels, scores) - row_losses(metric, labels, exact)
        expected += chance * lost
    return expected


def _class_by_class(metric: str, exact: Floats, scores: Floats) -> Float64s:
    expected = []
    for of_class, of_other in zip(exact.T, scores.T, strict=True):
        lost = expected_losses(metric, of_class, of_other)
        expected.append(lost)
    return np.asarray(np.mean(expected, axis=0))


def _farthest(exact: Floats, scores: Floats) -> Float64s:
    """Of quantiles (n, k): none loses more than it is off."""
    off = np.abs(exact.astype(np.float64) - scores)
    return np.asarray(off.mean(axis=1))


def _chances(exact: Floats) -> Float64s:
    """Of each outcome, (k, n)."""
    known = exact.astype(np.float64)
    if known.ndim == 2:
        return known.T
    return np.stack([1 - known, known])
