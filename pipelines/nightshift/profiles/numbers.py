"""A column of numbers as numpy has it: made once for all that a profile counts of it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import pyarrow as pa

from nightshift.modelling.arrays import Array
from nightshift.modelling.inputs import as_numbers, plain_numbers, where_null
from nightshift.modelling.label_types.base import ArrowValues


@dataclass(frozen=True)
class Numbers:
    """The values of ``rows`` rows. ``present`` has no null: of floats NaN stands there, of whole numbers nothing."""

    rows: int
    present: Array

    @classmethod
    def of(cls, values: ArrowValues) -> Self:
        """Of a column of numbers, dates or truth values."""
        numbers = as_numbers(_as_one(values))
        return cls(len(values), _present(numbers))

    @cached_property
    def finite(self) -> Array:
        """Those that are, in their order."""
        if self.present.dtype.kind != "f":
            return self.present
        is_finite = np.isfinite(self.present)
        return self.present if is_finite.all() else self.present[is_finite]

    @cached_property
    def known(self) -> int:
        """How many are neither null nor NaN."""
        size = self.present.size
        if self.finite.size == size:
            return size
        is_nan = np.isnan(self.present)
        return size - int(np.count_nonzero(is_nan))

    @property
    def has_infinite(self) -> bool:
        """Whether some of the known ones are infinite."""
        return self.known > self.finite.size

    @cached_property
    def bounds(self) -> tuple[float, float] | None:
        """The lowest and the highest finite one, None where there is none; whole numbers as such."""
        if self.finite.size == 0:
            return None
        return self.finite.min().item(), self.finite.max().item()


def _present(numbers: pa.Array) -> Array:
    plain = plain_numbers(numbers)
    if not numbers.null_count:
        return plain
    is_null = where_null(numbers)
    if plain.dtype.kind != "f":
        return plain[~is_null]
    with_nan = plain.copy()
    with_nan[is_null] = np.nan
    return with_nan


def _as_one(values: ArrowValues) -> pa.Array:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
