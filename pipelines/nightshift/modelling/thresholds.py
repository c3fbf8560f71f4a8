"""The score from which on a share of rows is flagged, or from which on that costs least."""

import numpy as np

from nightshift.modelling.arrays import Floats
from nightshift.spec.predict import Costs

TIES = 1e-9
NEAR = 0.01
"""Of the rows that are to be flagged, so many more or fewer may be, where scores lie further apart."""


def threshold_for(scores: Floats, share: float) -> float:
    """A number between two scores (n,), n > 0, so that about that share of them is above; one row at least.

    In the widest gap nearby: a graph computes in float32, and shall flag the same rows. Of equal scores all are
    flagged, or none.
    """
    descending = np.sort(scores.astype(np.float64))[::-1]
    wanted = max(1, round(share * len(descending)))
    lower = np.append(descending[1:], descending[-1])
    gaps = descending - lower
    # By how many rows are flagged above each gap.
    flagged = np.arange(1, len(descending) + 1)
    is_gap = gaps > 0
    if not is_gap.any():
        return float(descending[0])
    distance = np.where(is_gap, np.abs(flagged - wanted), np.inf)
    nearby = distance <= max(distance.min(), NEAR * wanted)
    widest = int(np.argmax(np.where(nearby, gaps, -1.0)))
    return float((descending[widest] + lower[widest]) / 2)


def cheapest_threshold(labels: Floats, scores: Floats, costs: Costs) -> float:
    """Between two scores (n,), n > 0, or outside of all: where errors on labels in {0, 1} cost least together.

    It is where the isotonic regression of labels on scores passes the rule of the costs. Of thresholds that cost the
    same, the one nearest to that rule.
    """
    order = np.argsort(-scores, kind="stable")
    descending = scores[order].astype(np.float64)
    gains = np.where(
        labels[order] == 1,
        costs.miss,
        -costs.false_alarm,
    )
    # By how many rows are flagged, from none to all.
    saved = np.cumsum([0.0, *gains])
    uppers = np.array([1.0, *descending])
    lowers = np.array([*descending, 0.0])
    is_no_gap = uppers <= lowers
    saved[is_no_gap] = -np.inf
    tie = TIES * (costs.miss + costs.false_alarm)
    is_best = saved >= saved.max() - tie
    between = (uppers + lowers) / 2
    best = between[is_best]
    distances = np.abs(best - costs.threshold)
    nearest = np.argmin(distances)
    return float(best[nearest])
