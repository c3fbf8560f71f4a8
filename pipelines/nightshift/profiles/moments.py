"""A night's finite values of one column in four numbers that add up over parts of the night."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from nightshift.modelling.label_types.base import ArrowValues
from nightshift.profiles.numbers import Numbers


class Moments(NamedTuple):
    """How many values are finite, their mean, and the lowest and highest of them; a list in JSON."""

    rows: int
    mean: float
    low: float
    high: float

    @property
    def is_constant(self) -> bool:
        """Whether all rows have one value, as weather has in a night."""
        return self.low == self.high

    def plus(self, other: "Moments") -> "Moments":
        """Of both parts together."""
        rows = self.rows + other.rows
        weight = other.rows / rows
        low = min(self.low, other.low)
        high = max(self.high, other.high)
        mean = self.mean * (1 - weight) + other.mean * weight
        # Rounding must not move the mean of a constant, or no night would repeat another.
        inside = min(max(mean, low), high)
        return Moments(rows, inside, low, high)


def is_text(values: ArrowValues) -> bool:
    """Whether a column has categories, and so no moments."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def moments_of(values: ArrowValues) -> Moments | None:
    """Those of a column of numbers, or None where it has categories or no finite value."""
    if is_text(values):
        return None
    return of_numbers(Numbers.of(values))


def of_numbers(numbers: Numbers) -> Moments | None:
    """Those of numbers, of which NaN and infinity count as none."""
    if numbers.bounds is None:
        return None
    low, high = map(float, numbers.bounds)
    finite = numbers.finite.astype(np.float64, copy=False)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(finite.mean())
    # The sum of the largest floats is infinite; their mean is not.
    known = mean if np.isfinite(mean) else low / 2 + high / 2
    return Moments(
        rows=finite.size,
        mean=min(max(known, low), high),
        low=low,
        high=high,
    )


def of_values(values: Sequence[float]) -> Moments:
    """As a manifest keeps them."""
    rows, mean, low, high = values
    return Moments(int(rows), mean, low, high)
