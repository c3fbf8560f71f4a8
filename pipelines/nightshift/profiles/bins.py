"""How values are counted: bins of numbers by edges, of strings by category, and a bin for null."""

import math
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from nightshift.modelling.arrays import Float64s, Int64s, Places
from nightshift.modelling.inputs import as_numbers
from nightshift.stores.types import is_text

MAX_CATEGORIES = 100
# Nights that make the tail whose mean excess says how far beyond a record the next record lies.
TAIL_NIGHTS = 10
# A quiet night's record passes the outer edge with probability exp(-5) / nights if tails are exponential.
TAIL_SCALES = 5.0


class Bins(BaseModel):
    """How one feature is counted.

    Numbers: ``edges`` cut the line into bins closed on the left; the first and the last bin lie beyond
    everything the reference held. Strings: one bin per category, then one for any other. The null bin
    (null or NaN) is always last.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["numeric", "category"]
    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Number of bins, the null bin included."""
        cuts = self.edges if self.kind == "numeric" else self.categories
        return len(cuts) + 2

    @property
    def null_bin(self) -> int:
        """The last one."""
        return self.size - 1

    def codes(self, values: pa.ChunkedArray | pa.Array) -> Int64s:
        """The bin of each value, shape (rows,)."""
        if self.kind == "numeric":
            numbers = as_floats(values)
            places = np.searchsorted(np.asarray(self.edges), numbers, side="right")
            codes = np.where(np.isnan(numbers), self.null_bin, places)
            return codes.astype(np.int64)
        texts = values.cast(pa.string())
        categories = pa.array(self.categories, pa.string())
        places = pc.index_in(texts, value_set=categories)
        other_bin = len(self.categories)
        known = pc.fill_null(places, other_bin)
        codes = pc.if_else(pc.is_null(values), self.null_bin, known)
        return np.asarray(codes, dtype=np.int64)

    def count(self, values: pa.ChunkedArray | pa.Array) -> Int64s:
        """Rows per bin, shape (size,); they sum to the number of values."""
        if self.kind == "numeric":
            return self._count_numbers(values)
        if pa.types.is_dictionary(values.type) and isinstance(values, pa.Array):
            return self._count_dictionary(values)
        return np.bincount(self.codes(values), minlength=self.size)

    def _count_numbers(self, values: pa.ChunkedArray | pa.Array) -> Int64s:
        """As ``codes``, by one comparison per edge: 5 times as fast as a search per value."""
        valid = values.drop_null() if values.null_count else values
        numbers = as_numbers(valid).to_numpy(zero_copy_only=False)
        known = numbers.size
        if numbers.dtype.kind == "f":
            known -= np.count_nonzero(np.isnan(numbers))
        edges = _smallest_not_below(self.edges, numbers.dtype)
        from_edge_on = [np.count_nonzero(numbers >= edge) for edge in edges]
        inside = -np.diff([known, *from_edge_on, 0])
        nulls = len(values) - known
        return np.append(inside, nulls)

    def _count_dictionary(self, values: pa.DictionaryArray) -> Int64s:
        """By the values of the dictionary, of which there are few."""
        null = len(values.dictionary)
        indices = pc.fill_null(values.indices, null).to_numpy(zero_copy_only=False)
        rows_of_each = np.bincount(indices, minlength=null + 1)
        bin_of_each = np.append(self.codes(values.dictionary), self.null_bin)
        counts = np.bincount(bin_of_each, weights=rows_of_each, minlength=self.size)
        return counts.astype(np.int64)


def bins_of(values: Any, night: Places, bins: int) -> Bins:
    """The bins of a reference: its values (rows,) and the night of each, counted from 0."""
    if is_text(values.type):
        return _categories(values)
    numbers = as_floats(values)
    return _edges(numbers, night, bins)


def as_floats(values: pa.ChunkedArray | pa.Array) -> Float64s:
    """Numbers, booleans or dates as float64 with NaN for null, shape (rows,)."""
    floats = as_numbers(values).cast(pa.float64())
    without_null = pc.fill_null(floats, np.nan)
    return np.asarray(without_null, dtype=np.float64)


def _categories(values: Any) -> Bins:
    """The most frequent texts, each with a bin of its own."""
    counted = pc.value_counts(values.drop_null()).to_pylist()
    counted.sort(key=lambda item: (-item["counts"], item["values"]))
    most_frequent = counted[:MAX_CATEGORIES]
    return Bins(kind="category", categories=tuple(item["values"] for item in most_frequent))


def _edges(values: Float64s, night: Places, bins: int) -> Bins:
    finite = np.isfinite(values)
    if not finite.any():
        return Bins(kind="numeric")
    values = values[finite]
    night = night[finite]
    quantiles = _quantiles(values, bins)
    repeated = quantiles[:-1] == quantiles[1:]
    # A value that many rows share has a bin of its own: [value, the next float).
    heavy = np.unique(quantiles[:-1][repeated])
    rest = values[~np.isin(values, heavy)]
    inner = _quantiles(rest, max(bins - len(heavy), 2)) if rest.size else heavy
    top = _beyond(_maxima(values, night))
    bottom = -_beyond(_maxima(-values, night))
    edges = np.concatenate([
        [bottom],
        inner,
        heavy,
        np.nextafter(heavy, np.inf),
        [np.nextafter(top, np.inf)],
    ])
    return Bins(kind="numeric", edges=tuple(np.unique(edges).tolist()))


def _quantiles(values: Float64s, bins: int) -> Float64s:
    shares = np.arange(1, bins) / bins
    return np.quantile(values, shares, method="inverted_cdf")


def _maxima(values: Float64s, night: Places) -> Float64s:
    """The largest value of each night that has any."""
    maxima = np.full(night.max() + 1, -np.inf)
    np.maximum.at(maxima, night, values)
    known = np.isfinite(maxima)
    return maxima[known]


def _beyond(maxima: Float64s) -> float:
    """An edge above the largest of the nights' maxima that a quiet night seldom passes.

    Nights, not rows, are what is exchangeable: weather is the same for all rows of a night, so one
    night in N sets a record without any drift. Excesses over a high level are about exponential
    (Pickands, 1975, Annals of Statistics 3), with the mean excess of the top nights as their scale.
    """
    ordered = np.sort(maxima)
    tail = ordered[-TAIL_NIGHTS:]
    before_tail = min(TAIL_NIGHTS + 1, len(ordered))
    level = ordered[-before_tail]
    mean_excess = (tail - level).mean()
    return float(ordered[-1] + TAIL_SCALES * mean_excess)


def _smallest_not_below(edges: tuple[float, ...], kind: npt.DTypeLike) -> list[Any]:
    """For each edge the smallest value of a type that is not below it: ``x >= edge`` without widening x."""
    if np.dtype(kind).kind != "f":
        return [math.ceil(edge) for edge in edges]
    exact = np.asarray(edges, np.float64)
    with np.errstate(over="ignore"):
        nearest = exact.astype(kind)
    infinity = nearest.dtype.type(np.inf)
    next_ones = np.nextafter(nearest, infinity)
    return list(np.where(nearest < exact, next_ones, nearest))
