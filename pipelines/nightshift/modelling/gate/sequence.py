"""Evidence that adds up night by night, and may be looked at every morning.

A test that is made anew each night errs each night anew. A confidence sequence is wrong on any of all nights with one
probability (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, Annals of Statistics 52(6), 2024): its interval is the
usual one of the mean with another quantile, the boundary of a mixture of normals. It holds as nights become many.

Of few nights, that remember each other and are skewed, it does not: so the gate's test of nights is asked at the level
of the boundary. That one knows what neighbours that are alike, unequal sizes and few degrees of freedom cost. What it
does not know is a storm that has not come yet, and early looks are all before it: so skewness is believed to be worse
than it is seen, on each side to the disadvantage of the verdict there.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nightshift.modelling.gate.night_values import of_nights
from nightshift.modelling.gate.nights import MOST_SKEW, NightTest, night_test
from nightshift.modelling.metrics import Difference

LEAST_NIGHTS = 10
"""Fewer are no evidence, whatever they say."""
SHARPEST = 28
"""For so many nights the boundary is as near as it gets; it holds for any number."""
UNSEEN_ERRORS = 2.0
"""So many standard errors of itself the skewness of nights is believed to be worse than it is seen."""
NO_SPREAD = 1e-6
"""Standard errors that are less of the mean are rounding."""
SKEWNESS_VARIANCE = 6.0
"""Of the skewness of one normal night; of n of them it is this over n."""


@dataclass(frozen=True)
class NightDifference:
    """What a night says of two models: rows with an outcome, and the sum of challenger's less champion's losses."""

    night: str
    rows: int
    difference: float


def boundary(nights: int, alpha: float) -> float:
    """How many standard errors a mean may be off on one side, before any of all nights calls that false.

    ``alpha`` is the probability that one of them ever does, of independent nights, as they become many.
    """
    odds = -2 * math.log(2 * alpha)
    spread = (odds + math.log1p(odds)) / SHARPEST
    information = nights * spread
    mixture = math.sqrt(1 + information) / (2 * alpha)
    squared = 2 * (1 + 1 / information) * math.log1p(mixture)
    return math.sqrt(squared)


def interval(nights: Sequence[NightDifference], alpha: float, lasting: float = 0.0) -> Difference | None:
    """The mean difference of a row, below 0 where the challenger is better; None of too few nights.

    Over all nights on which it is asked, one end of it is wrong with probability ``alpha``, and so is the other.
    Nights that are all alike do not say how far the next one may be from them: there is none of these either.
    ``lasting`` is the variance that all nights share, so that they do not show it, and more of them do not lessen it.
    """
    from scipy.special import ndtr

    if len(nights) < LEAST_NIGHTS:
        return None
    sums = np.array([night.difference for night in nights])
    rows = np.array([night.rows for night in nights], dtype=np.int64)
    values = of_nights(sums, rows)
    errors = boundary(len(nights), alpha)
    level = float(ndtr(-errors))
    test = night_test(values)
    if test.standard_error <= NO_SPREAD * abs(test.estimate):
        return None
    unseen = _unseen_skew(test, values.effective_nights)
    test = replace(test, standard_error=math.hypot(test.standard_error, math.sqrt(lasting)))
    return Difference(
        mean=test.estimate,
        low=_with_skew(test, -unseen).interval(level).low,
        high=_with_skew(test, unseen).interval(level).high,
    )


def _unseen_skew(test: NightTest, nights: float) -> float:
    """How much more skewed the mean of so many nights may be than they show."""
    error = math.sqrt(SKEWNESS_VARIANCE / test.degrees)
    return UNSEEN_ERRORS * error / math.sqrt(nights)


def _with_skew(test: NightTest, more: float) -> NightTest:
    skew = test.skew + more
    return replace(
        test,
        skew=min(max(skew, -MOST_SKEW), MOST_SKEW),
    )
