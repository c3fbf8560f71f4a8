"""A difference as its nights have it, and how surely they say it.

Rows of one night share its weather, and nights share some of it with the night before: a night counts once, and
less than once where it resembles its neighbours.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nightshift.modelling.arrays import Array, Float64s, Int64s
from nightshift.modelling.metrics import Difference

BELIEVED_OVER = 3.0
"""A correlation of n nights is taken for no less than this over n: so little do few nights say of it."""
MOST_FLOOR = 0.3
MOST_CORRELATION = 0.9
NIGHTS_FOR_SKEWNESS = 5
NO_SKEW = 1e-9


@dataclass(frozen=True)
class NightValues:
    """An estimate from n nights: ``influence`` (n,) is how far each moves it, 0 on average; ``rows`` (n,) its rows."""

    estimate: float
    influence: Float64s
    rows: Int64s

    @property
    def nights(self) -> int:
        """How many there are."""
        return len(self.influence)

    @property
    def variance(self) -> float:
        """Of the nights, as they are."""
        return float((self.influence**2).mean())

    @property
    def effective_nights(self) -> float:
        """How many nights of equal size would say as much (Kish, Survey Sampling, 1965)."""
        rows = self.rows.astype(np.float64)
        squares = float((rows**2).sum())
        return float(rows.sum()) ** 2 / squares


@dataclass(frozen=True)
class NightTest:
    """A t test on nights. ``skew`` is the skewness of their mean.

    Skewness is taken out of the studentised mean by Hall's cubic transformation (Journal of the Royal Statistical
    Society B 54(1), 1992). It has an inverse, so that what an interval excludes is what the test rejects.
    """

    estimate: float
    standard_error: float
    degrees: float
    skew: float = 0.0

    def interval(self, alpha: float) -> Difference:
        """The interval that lies wholly above the truth with probability ``alpha``, and wholly below with the same."""
        quantile = self.quantile(1 - alpha)
        above = self.standard_error * self._untransformed(quantile)
        below = self.standard_error * self._untransformed(-quantile)
        return Difference(
            mean=self.estimate,
            low=self.estimate - above,
            high=self.estimate - below,
        )

    def p_worse(self, allowed: float) -> float:
        """The probability of so large an estimate, or a larger one, were the truth what is allowed."""
        from scipy.stats import t

        excess = self.estimate - allowed
        if self.standard_error == 0:
            return float(excess <= 0)
        transformed = self._transformed(excess / self.standard_error)
        return float(t.sf(transformed, self.degrees))

    def detectable(self, alpha: float, power: float = 0.8) -> float:
        """The true difference that would be seen with this power."""
        surely = self.quantile(1 - alpha)
        often = self.quantile(power)
        return self.standard_error * (surely + often)

    def quantile(self, probability: float) -> float:
        """Of Student's t with these degrees of freedom."""
        from scipy.stats import t

        return float(t.ppf(probability, self.degrees))

    def _transformed(self, studentised: float) -> float:
        if abs(self.skew) < NO_SKEW:
            return studentised
        cubed = (1 + self.skew * studentised / 3) ** 3
        return (cubed - 1) / self.skew + self.skew / 6

    def _untransformed(self, quantile: float) -> float:
        if abs(self.skew) < NO_SKEW:
            return quantile
        cubed = 1 + self.skew * (quantile - self.skew / 6)
        return 3 / self.skew * (math.cbrt(cubed) - 1)


def of_rows(differences: Float64s, nights: Int64s) -> NightValues:
    """The mean of row differences (n,), of rows whose nights are (n,)."""
    _, night = np.unique(nights, return_inverse=True)
    sums = np.bincount(night, weights=differences)
    rows = np.bincount(night)
    whole = sums.sum()
    estimate = float(whole / rows.sum())
    # The mean is a ratio of two sums: a night moves it by its excess over the mean.
    excess = sums - estimate * rows
    return NightValues(
        estimate=estimate,
        influence=excess / rows.mean(),
        rows=rows,
    )


def night_test(values: NightValues) -> NightTest:
    """The test of one difference. See ``night_tests``."""
    (test,) = night_tests([values])
    return test


def night_tests(several: Sequence[NightValues]) -> list[NightTest]:
    """The tests of differences, each of two nights or more, that resemble each other: as those of slices do.

    They share the correlation of neighbouring nights and the skewness, which few nights of one say badly.
    """
    correlation = neighbours(several)
    skewnesses = [_skewness(values) for values in several]
    skewness = float(np.mean(skewnesses))
    return [_test(values, correlation, skewness) for values in several]


def neighbours(several: Sequence[NightValues]) -> float:
    """The correlation of a night with the next, over differences on about the same nights.

    An estimate from n nights is too low by about (1 + 4r)/n (Marriott and Pope, Biometrika 41, 1954), which is
    added; what n nights say is so uncertain that no less than a few nths are believed.
    """
    mean_nights = _mean_nights(several)
    seen = _seen_correlation(several)
    too_low_by = (1 + 4 * seen) / mean_nights
    least = min(MOST_FLOOR, BELIEVED_OVER / mean_nights)
    least_of_several = least / math.sqrt(len(several))
    corrected = max(seen + too_low_by, least_of_several)
    return min(corrected, MOST_CORRELATION)


def _mean_nights(several: Sequence[NightValues]) -> float:
    nights = [values.nights for values in several]
    return float(np.mean(nights))


def _seen_correlation(several: Sequence[NightValues]) -> float:
    """Of neighbours, each difference in units of its own standard deviation."""
    products = 0.0
    nights = 0
    for values in several:
        if values.variance == 0:
            continue
        by_next = values.influence[1:] * values.influence[:-1]
        products += float(by_next.sum()) / values.variance
        nights += values.nights
    return products / max(nights, 1)


def _test(values: NightValues, correlation: float, skewness: float) -> NightTest:
    """The variance of a mean of nights that remember their neighbours, AR(1), is inflated, and that within too low.

    Degrees of freedom are those of as many independent nights as say the same of a variance.
    """
    nights = values.nights
    inflation = _inflation(correlation, nights)
    unbiased = values.variance * nights / (nights - inflation)
    squared = correlation**2
    degrees = (values.effective_nights - 1) * (1 - squared) / (1 + squared)
    return NightTest(
        estimate=values.estimate,
        standard_error=math.sqrt(unbiased * inflation / nights),
        degrees=max(degrees, 1.0),
        skew=skewness / math.sqrt(nights),
    )


def _inflation(correlation: float, nights: int) -> float:
    lags: Array = np.arange(1, nights)
    weights: Any = 1 - lags / nights
    shared = weights * correlation**lags
    return 1 + 2 * float(shared.sum())


def _skewness(values: NightValues) -> float:
    nights = values.nights
    if nights < NIGHTS_FOR_SKEWNESS or values.variance == 0:
        return 0.0
    skewness = float((values.influence**3).mean()) / values.variance**1.5
    for_few_nights = math.sqrt(nights * (nights - 1)) / (nights - 2)
    return float(skewness * for_few_nights)
