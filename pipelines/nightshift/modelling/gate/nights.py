"""How surely nights say what they say: a night counts once, and less than once where it resembles its neighbours."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nightshift.modelling.gate.memory import inflation, neighbours
from nightshift.modelling.gate.night_values import NightMeans
from nightshift.modelling.gate.variances import moderated
from nightshift.modelling.metrics import Difference

NIGHTS_FOR_SKEWNESS = 5
NO_SKEW = 1e-9
MOST_SKEW = 0.4
"""Beyond this the skewness of so few nights is mostly chance, and its correction costs more than it saves."""


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
        from scipy.special import stdtr

        excess = self.estimate - allowed
        if self.standard_error == 0:
            return float(excess <= 0)
        transformed = self._transformed(excess / self.standard_error)
        return float(stdtr(self.degrees, -transformed))

    def detectable(self, alpha: float, power: float = 0.8) -> float:
        """The true difference that would be seen with this power."""
        surely = self.quantile(1 - alpha)
        often = self.quantile(power)
        errors = surely + often
        return self.standard_error * errors

    def quantile(self, probability: float) -> float:
        """Of Student's t with these degrees of freedom."""
        from scipy.special import stdtrit

        return float(stdtrit(self.degrees, probability))

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


def night_test(values: NightMeans) -> NightTest:
    """The test of one difference. See ``night_tests``."""
    (test,) = night_tests([values])
    return test


def night_tests(several: Sequence[NightMeans]) -> list[NightTest]:
    """The tests of differences, each of two nights or more, that resemble each other: as those of slices do.

    They share what few nights of one say badly: the correlation of neighbouring nights, the skewness, and some of
    their variance. The mean of n nights that remember each other varies more than that of independent ones by
    ``inflation``, and the nights vary among themselves by as much less. Degrees of freedom are those of as many
    independent nights as say the same of a variance.
    """
    correlation = neighbours(several)
    squared = correlation**2
    independent = (1 - squared) / (1 + squared)
    inflations = [inflation(correlation, values.nights) for values in several]
    variances = []
    degrees = []
    for values, inflated in zip(several, inflations, strict=True):
        variances.append(values.variance * values.nights / (values.nights - inflated))
        own = (values.effective_nights - 1) * independent
        degrees.append(max(own, 1.0))
    shared = moderated(np.array(variances), np.array(degrees))
    skewnesses = [_skewness(values) for values in several]
    skewness = float(np.mean(skewnesses))
    tests = []
    for values, inflated, variance, degree in zip(several, inflations, *shared, strict=True):
        test = NightTest(
            estimate=values.estimate,
            standard_error=math.sqrt(variance * inflated / values.nights),
            degrees=float(degree),
            skew=_bounded(skewness / math.sqrt(values.nights)),
        )
        tests.append(test)
    return tests


def _bounded(skew: float) -> float:
    magnitude = min(abs(skew), MOST_SKEW)
    return math.copysign(magnitude, skew)


def _skewness(values: NightMeans) -> float:
    nights = values.nights
    if nights < NIGHTS_FOR_SKEWNESS or values.variance == 0:
        return 0.0
    cubes = values.influence**3
    cubed_deviation = values.variance**1.5
    skewness = float(cubes.mean()) / cubed_deviation
    root = math.sqrt(nights * (nights - 1))
    for_few_nights = root / (nights - 2)
    return float(skewness * for_few_nights)
