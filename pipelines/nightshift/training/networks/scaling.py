"""Numbers as a network sees them: around 0, about as far apart, and none out of sight."""

import warnings
from dataclasses import dataclass
from typing import Self

import numpy as np

from nightshift.modelling.arrays import Float32s, Float64s

BOUND = 10.0
"""Beyond so many widths from its middle a number is as far: an outlier shall not outweigh all else."""
QUARTERS = (25, 50, 75)
WIDTH_OF_QUARTERS = 1.349
"""Between the quarters of a normal distribution, in standard deviations."""
LEAST_WIDTH = 1e-30


@dataclass(frozen=True)
class InputScaling:
    """Numbers less ``centre``, times ``per_width``, both (k,), kept within ``BOUND`` of 0; a null is 0."""

    centre: Float32s
    per_width: Float32s

    @classmethod
    def of(cls, numbers: Float32s) -> Self:
        """By the quarters of each column, which one long tail does not move; of (n, k), NaN for null."""
        known = np.where(np.isfinite(numbers), numbers, np.nan).astype(np.float64)
        with warnings.catch_warnings():
            # A column may have no number at all.
            warnings.simplefilter("ignore", RuntimeWarning)
            quarters = np.nanpercentile(known, QUARTERS, axis=0)
            deviation = np.nanstd(known, axis=0)
        low, centre, high = quarters.reshape(len(QUARTERS), numbers.shape[1])
        width = _first_above_zero((high - low) / WIDTH_OF_QUARTERS, deviation)
        return cls(
            centre=np.nan_to_num(centre).astype(np.float32),
            per_width=(1 / width).astype(np.float32),
        )

    def __call__(self, numbers: Float32s) -> Float32s:
        """(n, k) scaled, and which were null: (n, 2k)."""
        null = np.isnan(numbers)
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = (numbers - self.centre) * self.per_width
        bounded = np.clip(scaled, -BOUND, BOUND)
        known = np.where(null, np.float32(0), bounded)
        both = np.hstack([known, null])
        return both.astype(np.float32)


def _first_above_zero(quarters: Float64s, deviation: Float64s) -> Float64s:
    """The width by quarters; by the deviation where half of a column is one value; 1 where all of it is."""
    width = np.where(quarters > LEAST_WIDTH, quarters, deviation)
    return np.where(width > LEAST_WIDTH, width, 1.0)
