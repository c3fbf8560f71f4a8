"""The mean loss that a quiet night passes only so often."""

import math
from collections.abc import Sequence

import numpy as np

from nightshift.profiles.profile import HoldoutNight

# Fewer holdout nights than this give no limit worth an alarm.
MIN_NIGHTS = 5


def loss_limit(holdout: Sequence[HoldoutNight], rows: int, false_alarm_rate: float) -> float | None:
    """The mean loss of a row that one more night like the holdout's passes with that probability.

    The one-sided normal prediction limit m + t s sqrt(1 + 1/H) over H nights (Hahn and Meeker,
    Statistical Intervals, 1991, section 4.8). A night of fewer rows than the holdout's gets a wider one: the
    variance within nights, over the rows it lacks, is added. None with fewer than ``MIN_NIGHTS`` nights.
    """
    if len(holdout) < MIN_NIGHTS or rows == 0:
        return None
    from scipy.stats import t

    losses = np.array([night.loss for night in holdout])
    nights = len(holdout)
    noise = _noise_within_nights(holdout, rows)
    variance = float(losses.var(ddof=1))
    variance_of_another = variance * (1 + 1 / nights)
    spread = math.sqrt(variance_of_another + noise)
    quantile = t.ppf(1 - false_alarm_rate, nights - 1)
    mean = losses.mean()
    margin = quantile * spread
    return float(mean + margin)


def _noise_within_nights(holdout: Sequence[HoldoutNight], rows: int) -> float:
    """The variance of a mean loss that comes of fewer ``rows`` than the holdout's nights have."""
    variances = []
    rows_of_nights = []
    for night in holdout:
        variances.append(night.variance)
        rows_of_nights.append(night.rows)
    usual_rows = float(np.median(rows_of_nights))
    variance = float(np.mean(variances))
    scarcity = 1 / rows - 1 / usual_rows
    return variance * max(scarcity, 0.0)
