"""One feature of a reference: its histogram, and those of each of its nights."""

import math
from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel, ConfigDict

from nightshift.modelling.arrays import Float64s, Int64s
from nightshift.modelling.label_types.base import ArrowValues
from nightshift.profiles import distance
from nightshift.profiles.bins import Bins
from nightshift.profiles.moments import Moments, is_text, moments_of, of_numbers
from nightshift.profiles.numbers import Numbers


class Feature(BaseModel):
    """One feature's reference. ``distances`` are per reference night; None where the night has no values.

    So are ``night_counts``, which sum to ``counts``, and ``moments``, of numbers; older formats have neither. A row
    of a reference night is counted as never seen where only nights near it have its value.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    bins: Bins
    counts: tuple[int, ...]
    distances: tuple[float | None, ...]
    night_counts: tuple[tuple[int, ...], ...] = ()
    moments: tuple[Moments | None, ...] = ()

    @classmethod
    def of_nights(
        cls,
        name: str,
        bins: Bins,
        night_counts: Int64s,
        moments: Sequence[Moments | None] = (),
    ) -> Self:
        """From the rows per bin of each night, (nights, bins)."""
        total = night_counts.sum(axis=0)
        other_nights = total - night_counts
        distances = distance.between(night_counts, other_nights)
        return cls(
            name=name,
            bins=bins,
            counts=tuple(total.tolist()),
            distances=_none_for_nan(distances),
            night_counts=tuple(map(tuple, night_counts.tolist())),
            moments=tuple(moments),
        )

    def tally(self, values: ArrowValues) -> tuple[Int64s, Moments | None]:
        """Rows per bin, and the moments of numbers that have any, of values of a night or a part of one."""
        if self.bins.kind == "numeric" and not is_text(values):
            numbers = Numbers.of(values)
            return self.bins.count_numbers(numbers), of_numbers(numbers)
        return self.bins.count(values), moments_of(values)


def _none_for_nan(values: Float64s) -> tuple[float | None, ...]:
    numbers: list[float | None] = []
    for number in values.tolist():
        is_nan = math.isnan(number)
        numbers.append(None if is_nan else number)
    return tuple(numbers)
