"""Numbers counted by edges: one comparison for each edge that lies among them."""

import math
from bisect import bisect_right
from functools import lru_cache
from typing import Any

import numpy as np

from nightshift.modelling.arrays import Array, Booleans
from nightshift.profiles.numbers import Numbers


def edges_among(edges: list[Any], numbers: Numbers) -> tuple[int, int]:
    """Which edges have numbers on both sides: from the first of these places on, before the second."""
    if numbers.has_infinite or numbers.bounds is None:
        return 0, len(edges)
    low, high = numbers.bounds
    return bisect_right(edges, low), bisect_right(edges, high)


def from_edges_on(numbers: Array, edges: list[Any]) -> list[int]:
    """How many numbers (n,) are not below each edge."""
    is_above: Booleans = np.empty(numbers.shape, np.bool_)
    rows = []
    for edge in edges:
        np.greater_equal(numbers, edge, out=is_above)
        rows.append(int(np.count_nonzero(is_above)))
    return rows


@lru_cache(maxsize=256)
def native(edges: tuple[float, ...], kind: np.dtype[Any]) -> list[Any]:
    """The smallest value of a type that is not below each edge: ``x >= edge`` without widening x."""
    if kind.kind != "f":
        return [math.ceil(edge) for edge in edges]
    exact = np.asarray(edges, np.float64)
    with np.errstate(over="ignore"):
        nearest = exact.astype(kind)
        infinity = nearest.dtype.type(np.inf)
        next_above = np.nextafter(nearest, infinity)
    is_below = nearest < exact
    native = np.where(is_below, next_above, nearest)
    return list(native)
