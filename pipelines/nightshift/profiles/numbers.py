"""A column of numbers as numpy has it: made once for all that a profile counts of it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import pyarrow as pa

from nightshift.modelling.arrays import Array
from nightshift.modelling.inputs import are_present, as_numbers, nan_where_null, plain_numbers
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
    def known(self) -> int:
        """How many are neither null nor NaN."""
        if self.present.dtype.kind != "f":
            return self.present.size
        is_nan = np.isnan(self.present)
        return self.present.size - int(np.count_nonzero(is_nan))

    @cached_property
    def ends(self) -> tuple[Any, Any] | None:
        """The lowest and the highest known one, infinite ones among them, None where there is none."""
        if self.known == 0:
            return None
        # These pass over NaN.
        return np.fmin.reduce(self.present), np.fmax.reduce(self.present)

    @cached_property
    def has_infinite(self) -> bool:
        """Whether some are infinite."""
        return self.ends is not None and bool(np.isinf(self.ends).any())

    @cached_property
    def bounds(self) -> tuple[float, float] | None:
        """The lowest and the highest finite one, None where there is none; whole numbers as such."""
        if not self.has_infinite:
            return self.ends and (self.ends[0].item(), self.ends[1].item())
        if self.finite.size == 0:
            return None
        return self.finite.min().item(), self.finite.max().item()

    @cached_property
    def finite(self) -> Array:
        """Those that are, in their order."""
        if self.known == self.present.size and not self.has_infinite:
            return self.present
        return self.present[np.isfinite(self.present)]


def _present(numbers: pa.Array) -> Array:
    plain = plain_numbers(numbers)
    if not numbers.null_count:
        return plain
    if plain.dtype.kind != "f":
        is_there = are_present(numbers).astype(np.bool_)
        return plain[is_there]
    return plain * nan_where_null(numbers)


def _as_one(values: ArrowValues) -> pa.Array:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
