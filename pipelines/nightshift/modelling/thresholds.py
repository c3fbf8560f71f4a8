"""The score from which on a share of rows is flagged."""

import numpy as np

from nightshift.modelling.arrays import Floats

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
