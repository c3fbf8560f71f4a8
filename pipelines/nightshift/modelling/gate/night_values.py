"""A difference as its nights have it: rows of one night share its weather, and so it counts as one."""

from dataclasses import dataclass

import numpy as np

from nightshift.modelling.arrays import Float64s, Int64s


@dataclass(frozen=True)
class NightMeans:
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
        squares = self.influence**2
        return float(squares.mean())

    @property
    def effective_nights(self) -> float:
        """How many nights of equal size would say as much (Kish, Survey Sampling, 1965)."""
        rows = self.rows.astype(np.float64)
        squares = rows**2
        whole = float(rows.sum())
        return whole**2 / float(squares.sum())


def of_rows(differences: Float64s, nights: Int64s) -> NightMeans:
    """The mean of row differences (n,), of rows whose nights are (n,)."""
    _, night = np.unique(nights, return_inverse=True)
    sums: Float64s = np.bincount(night, weights=differences).astype(np.float64)
    return of_nights(sums, np.bincount(night))


def of_nights(sums: Float64s, rows: Int64s) -> NightMeans:
    """The same of each night's sum of differences and its rows, both (n,)."""
    whole = float(sums.sum())
    size = float(rows.sum())
    estimate = whole / size
    # The mean is a ratio of two sums: a night moves it by its excess over the mean.
    excess = sums - estimate * rows
    return NightMeans(
        estimate=estimate,
        influence=excess / rows.mean(),
        rows=rows,
    )
