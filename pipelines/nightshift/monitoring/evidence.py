"""What a few nights say against the belief that they are like the reference's.

An e-value is a bet that is fair on quiet nights: it is 1 on average there, whatever the level and the spread of nights
are and however few the reference has, and it grows where the nights are worse. It is the likelihood ratio of the
two-sample t statistic with a normal prior on the shift in standard deviations of a night (Gönen and others, The
American Statistician 59(3), 2005; as e-values: Pérez-Ortiz and others, Annals of Statistics 52(4), 2024). Half of the
bet is on ranks, for which a storm is one bad night and no more, the other half on the values, for which a night like
no other says much by itself. A night that resembles its neighbours counts for less.
"""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from nightshift.modelling.arrays import Float64s
from nightshift.modelling.gate.memory import inflation, neighbours
from nightshift.modelling.gate.night_values import NightMeans

EXPECTED_SHIFT = 1.5
"""Variance of the prior: shifts of about one standard deviation of a night, or some more."""
MOST_EXPLAINED = 0.5
"""A trailing forecast is uncertain itself, and for weeks in the same direction: more of it would be no night's own."""
FURTHEST = 5.0
"""Standard deviations beyond which a night is not worse than another: no night is lost by itself alone."""
SAME = 1e-9
"""Values that differ by less, in standard deviations of the reference, are ranked as equal."""


@dataclass(frozen=True)
class SkillComparison:
    """Values of reference nights (h,), which later nights are held against; more is worse.

    ``leaning`` (h,) is what explains part of the values, or zeros; ``is_two_sided`` where less is bad too.
    """

    reference: Float64s
    leaning: Float64s
    is_two_sided: bool = False

    def evidence(self, values: Float64s, leaning: Float64s) -> Float64s:
        """Of nights (k,), oldest first, with what explains them, (k,): an e-value of the nights from each on, (k,)."""
        nights = len(values)
        if nights == 0:
            return np.empty(0)
        # Each line is a window: from its own night to the last.
        windows = np.triu(np.ones((nights, nights)))
        further = self._further((windows @ leaning) / windows.sum(axis=1))
        unexplained = values - self.slope * leaning
        shifts = [
            _ranked(self.residuals, unexplained, windows),
            _limited(self.residuals, unexplained, windows),
        ]
        evidence = [shift.evidence(further, is_two_sided=self.is_two_sided) for shift in shifts]
        return np.asarray(np.mean(evidence, axis=0))

    @cached_property
    def slope(self) -> float:
        """How much of ``leaning`` a value has, from none to ``MOST_EXPLAINED``."""
        from_mean = self.leaning - self.leaning.mean()
        squares = float((from_mean**2).sum())
        if squares == 0:
            return 0.0
        slope = float((from_mean * self.reference).sum()) / squares
        return min(MOST_EXPLAINED, max(0.0, slope))

    @cached_property
    def residuals(self) -> Float64s:
        """What ``leaning`` leaves unexplained of the reference, (h,)."""
        return np.asarray(self.reference - self.slope * self.leaning)

    def _further(self, mean_leaning: Float64s) -> Float64s:
        """The variance of a window's mean, in those of a night, that comes of an uncertain slope."""
        if self.slope == 0:
            return np.zeros(len(mean_leaning))
        from_mean = self.leaning - self.leaning.mean()
        distance = mean_leaning - self.leaning.mean()
        return np.asarray(distance**2 / (from_mean**2).sum())


@dataclass(frozen=True)
class Shift:
    """Scores of the reference, (b, h) or the same for all, (1, h), and of later nights, by the windows (b, k)."""

    reference: Float64s
    later: Float64s
    windows: Float64s

    def evidence(self, further: Float64s, *, is_two_sided: bool) -> Float64s:
        """The e-value of each window, (b,); its mean is uncertain by ``further`` (b,) variances of a night."""
        nights = self.reference.shape[1]
        correlation = _correlation(self.reference[-1])
        sizes = self.windows.sum(axis=1)
        inflated = inflation(correlation, nights)
        inflated_window = np.array([_inflation(correlation, int(size)) for size in sizes])
        of_difference = inflated * (1 / nights + further) + inflated_window / sizes
        # Nights that resemble each other vary less among themselves than around the truth.
        independent = (nights - inflated) + (sizes - inflated_window)
        difference, squares = self._moments(sizes)
        variance = np.maximum(squares, SAME) / independent
        squared = correlation**2
        degrees = (nights + sizes - 2) * (1 - squared) / (1 + squared)
        return _likelihood_ratio(
            difference / np.sqrt(variance * of_difference),
            np.maximum(degrees, 1.0),
            EXPECTED_SHIFT / of_difference,
            is_two_sided=is_two_sided,
        )

    def _moments(self, sizes: Float64s) -> tuple[Float64s, Float64s]:
        """How far windows lie above the reference, (b,), and the sum of squares around both means, (b,)."""
        mean = self.reference.mean(axis=1)
        mean_of_window = (self.windows * self.later).sum(axis=1) / sizes
        from_mean = self.reference - mean[:, None]
        in_window = self.later - mean_of_window[:, None]
        squares = (from_mean**2).sum(axis=1) + (self.windows * in_window**2).sum(axis=1)
        return mean_of_window - mean, squares


def _correlation(values: Float64s) -> float:
    """Of a night with the next."""
    ones = np.ones(len(values), np.int64)
    nights = NightMeans(0.0, values - values.mean(), ones)
    return round(neighbours([nights]), 2)


@cache
def _inflation(correlation: float, nights: int) -> float:
    return inflation(correlation, nights)


def _likelihood_ratio(
    studentised: Float64s,
    degrees: Float64s,
    prior: Float64s,
    *,
    is_two_sided: bool,
) -> Float64s:
    """Of t statistics whose shift has a variance of ``prior``, if there is one; one-sided, half of the prior only."""
    from scipy.special import stdtr

    square = studentised**2
    without = np.log1p(square / degrees)
    with_shift = np.log1p(square / (degrees * (1 + prior)))
    logarithm = (degrees + 1) / 2 * (without - with_shift) - np.log1p(prior) / 2
    both = np.exp(logarithm)
    if is_two_sided:
        return np.asarray(both)
    precision = (degrees + 1) / (degrees + square / (1 + prior))
    toward_worse = studentised * np.sqrt(prior / (1 + prior) * precision)
    return np.asarray(2 * both * stdtr(degrees + 1, toward_worse))


def _limited(reference: Float64s, values: Float64s, windows: Float64s) -> Shift:
    """In standard deviations of the reference, none further than ``FURTHEST``."""
    spread = float(reference.std(ddof=1)) or SAME
    standard = (reference - reference.mean()) / spread
    later = (values - reference.mean()) / spread
    limited = np.clip(later, -FURTHEST, FURTHEST)
    return Shift(standard[None, :], limited[None, :], windows)


def _ranked(reference: Float64s, values: Float64s, windows: Float64s) -> Shift:
    """Van der Waerden's scores: normal quantiles of ranks in the reference (h,) and a window; equals share theirs."""
    from scipy.special import ndtri

    unit = SAME * (float(reference.std()) or 1.0)
    reference = np.round(reference / unit)
    values = np.round(values / unit)
    places = windows.sum(axis=1, keepdims=True) + len(reference) + 1
    ranks = _below(reference, reference).sum(axis=0) + windows @ _below(values, reference)
    ranks_of_values = _below(reference, values).sum(axis=0) + windows @ _below(values, values)
    # A value outside of a window is not among those that it is ranked with; its score is not used.
    inside = np.minimum(ranks_of_values + 0.5, places - 0.5)
    return Shift(
        reference=ndtri((ranks + 0.5) / places),
        later=ndtri(inside / places),
        windows=windows,
    )


def _below(values: Float64s, others: Float64s) -> Float64s:
    """Whether each of (n,) is below each of (m,), a half where they are equal, (n, m)."""
    below = values[:, None] < others
    equal = values[:, None] == others
    return np.asarray(below + equal / 2)
