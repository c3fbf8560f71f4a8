"""Of the scores of the last nights: their mean over 7 and 28, and their CUSUM, as what a normal value would be."""

from dataclasses import dataclass

import numpy as np

from nightshift.modelling.arrays import Float64s

WEEK = 7
MONTH = 28
# The usual half of the shift that a CUSUM is to see, of one standard deviation.
ALLOWANCE = 0.5
# A CUSUM with this allowance passes h with a probability near exp(-(h + 1.17)): as a normal value would pass this root.
OVERSHOOT = 1.17
# However alike nights are, so much of their variance is not all there is.
MOST_VARIANCE = 0.95
KINDS = (f"mean of {WEEK} nights", f"mean of {MONTH} nights", "CUSUM")


@dataclass(frozen=True)
class Judged:
    """One series' largest statistic, which of ``KINDS`` it is, and how many nights it is about."""

    largest: float
    kind: int
    nights: int


@dataclass(frozen=True)
class Statistics:
    """The same of each series, (series,)."""

    largest: Float64s
    kind: Float64s
    nights: Float64s

    def at(self, place: int) -> Judged:
        """Of one series."""
        return Judged(
            largest=float(self.largest[place]),
            kind=int(self.kind[place]),
            nights=int(self.nights[place]),
        )


def statistics(scores: Float64s, correlations: Float64s, reference: int) -> Statistics:
    """From the scores of the last nights (nights, series), tonight's the last, of a reference of so many nights."""
    nights = len(scores)
    sums = np.cumsum(scores[::-1], axis=0)
    week = min(WEEK, nights)
    month = min(MONTH, nights)
    of_week = _mean_of(week, sums, correlations, reference)
    of_month = _mean_of(month, sums, correlations, reference)
    of_sum, length = _cusum(sums, correlations, reference)
    all_three = np.stack([of_week, of_month, of_sum])
    kind = all_three.argmax(axis=0)
    lengths = np.stack([np.full_like(length, week), np.full_like(length, month), length])
    return Statistics(
        largest=all_three.max(axis=0),
        kind=kind,
        nights=np.choose(kind, lengths),
    )


def _mean_of(nights: int, sums: Float64s, correlations: Float64s, reference: int) -> Float64s:
    """Over its standard deviation: scores have mean 0 and variance 1 over the reference, and not over all time."""
    of_mean = _variance_of_mean(nights, correlations)
    of_reference = _variance_of_mean(reference, correlations)
    seen = 1 - of_reference
    variance = (of_mean + of_reference) / seen
    deviation = np.sqrt(variance)
    mean = np.abs(sums[nights - 1]) / nights
    return np.asarray(mean / deviation)


def _cusum(sums: Float64s, correlations: Float64s, reference: int) -> tuple[Float64s, Float64s]:
    """Two-sided, over the nights there are: the largest sum of the last nights beyond the allowance for each."""
    places = np.arange(len(sums))
    lengths = places[:, None] + 1
    memory = np.sqrt((1 + correlations) / (1 - correlations))
    # A reference whose nights are alike shows too little of how they differ.
    shown = np.sqrt(1 - _variance_of_mean(reference, correlations))
    scaled = np.abs(sums) * shown / memory
    beyond = scaled - ALLOWANCE * lengths
    largest = beyond.max(axis=0)
    length = beyond.argmax(axis=0) + 1
    passed = np.maximum(largest + OVERSHOOT, 0.0)
    as_normal = np.sqrt(2 * passed)
    of_sum = np.where(largest > 0, as_normal, 0.0)
    return of_sum, length


def _variance_of_mean(nights: int, correlations: Float64s) -> Float64s:
    """Of the mean of so many nights of an AR(1) of variance 1."""
    fresh = 1 - correlations
    forgotten = (1 - correlations**nights) / (nights * fresh)
    sum_of_all = 1 + correlations - 2 * correlations * forgotten
    variance = sum_of_all / (nights * fresh)
    return np.minimum(variance, MOST_VARIANCE)
