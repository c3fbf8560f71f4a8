"""A difference as its nights have it: rows of one night share its weather, and so it counts as one."""

from dataclasses import dataclass

import numpy as np

from nightshift.modelling.arrays import Float64s, Int64s


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
