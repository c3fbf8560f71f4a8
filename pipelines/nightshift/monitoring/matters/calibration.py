"""Scores as probabilities that hold: what share of rows of a score had the outcome, out of fold.

Means of equally many rows each, made monotone (pool adjacent violators; Barlow et al., 1972) and joined by lines.
"""

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from nightshift.modelling.arrays import Booleans, Float64s, Floats
from nightshift.modelling.metrics import never_for_unknown, row_losses

MOST_PARTS = 40
FEWEST_ROWS = 100
"""In a part: fewer say little of a share."""


class OutcomeShares(BaseModel):
    """Knots of a score, rising, and the share of outcomes at each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scores: tuple[float, ...]
    shares: tuple[float, ...]

    def probabilities(self, scores: Floats) -> Float64s:
        """Of scores (n,)."""
        return np.interp(scores, self.scores, self.shares)


def calibrations(labels: Floats, scores: Floats) -> tuple[OutcomeShares, ...]:
    """One for P(yes), (n,), or one for each class of (n, k)."""
    if scores.ndim == 1:
        return (_calibration(labels == 1, scores),)
    known = never_for_unknown(scores)
    by_class = []
    for place, of_class in enumerate(known.T):
        by_class.append(_calibration(labels == place, of_class))
    return tuple(by_class)


def expected_losses(loss: str, known: Sequence[OutcomeShares], scores: Floats) -> Float64s:
    """The loss of each row that is to be expected, (n,), of scores (n,) or (n, k)."""
    if scores.ndim == 1:
        of_yes = known[0].probabilities(scores)
        chances = np.stack([1 - of_yes, of_yes], axis=1)
    else:
        chances = _of_classes(known, scores)
    losses = []
    for place in range(chances.shape[1]):
        outcomes = np.full(len(scores), float(place))
        losses.append(row_losses(loss, outcomes, scores))
    weighted = chances * np.stack(losses, axis=1)
    return np.asarray(weighted.sum(axis=1))


def _of_classes(known: Sequence[OutcomeShares], scores: Floats) -> Float64s:
    by_class = []
    for calibration, of_class in zip(known, never_for_unknown(scores).T, strict=True):
        by_class.append(calibration.probabilities(of_class))
    chances = np.stack(by_class, axis=1)
    totals = chances.sum(axis=1, keepdims=True)
    return np.asarray(chances / totals)


def _calibration(outcomes: Booleans, scores: Floats) -> OutcomeShares:
    from scipy.optimize import isotonic_regression

    order = np.argsort(scores, kind="stable")
    parts = max(1, min(MOST_PARTS, len(scores) // FEWEST_ROWS))
    rows = []
    means = []
    shares = []
    for part in np.array_split(order, parts):
        rows.append(len(part))
        means.append(float(scores[part].mean()))
        # Half a row of either outcome: a few rows without any do not make it impossible.
        shares.append((outcomes[part].sum() + 0.5) / (len(part) + 1))
    rising = isotonic_regression(shares, weights=rows).x
    knots, first = np.unique(means, return_index=True)
    return OutcomeShares(
        scores=tuple(knots.tolist()),
        shares=tuple(rising[first].tolist()),
    )
