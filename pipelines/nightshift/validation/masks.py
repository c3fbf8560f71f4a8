"""Which values of an Arrow column are missing, out of bounds or otherwise wrong: masks, True where one is."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

RowMask = NDArray[np.bool_]


def null(values: pa.Array) -> RowMask:
    """Which values are null, shape (values,)."""
    return np.asarray(values.is_null())


def missing(values: pa.Array) -> RowMask:
    """Which values are null or NaN, shape (values,)."""
    has_nan = pa.types.is_floating(values.type)
    nulls = values.is_null(nan_is_null=has_nan)
    return np.asarray(nulls)


def any_outside(values: pa.Array, low: Any, high: Any) -> bool:
    """Whether some value lies below ``low`` or above ``high``; a bound that is None bounds nothing."""
    extremes = pc.min_max(values)
    least = extremes["min"].as_py()
    greatest = extremes["max"].as_py()
    if least is None:
        return False
    if low is not None and least < low:
        return True
    return bool(high is not None and greatest > high)


def outside(values: NDArray[Any], low: Any, high: Any) -> RowMask:
    """Which of ``values`` (n,) lie below ``low`` or above ``high``, shape (n,)."""
    mask = np.zeros(len(values), np.bool_)
    if low is not None:
        lowest = _comparable(low, values)
        mask |= np.asarray(values < lowest, np.bool_)
    if high is not None:
        highest = _comparable(high, values)
        mask |= np.asarray(values > highest, np.bool_)
    return mask


def _comparable(bound: Any, values: NDArray[Any]) -> Any:
    if values.dtype.kind == "M":
        return np.datetime64(bound)
    return bound


def by_distinct_value(values: pa.Array, breaches: Callable[[pa.Array], RowMask]) -> RowMask | None:
    """Which values breach, shape (values,), asked once for each distinct one; None where none does."""
    coded = encoded(values)
    distinct = coded.dictionary
    # One more place for null, which breaches nothing.
    breaching = np.append(breaches(distinct), False)
    if not breaching.any():
        return None
    places = np.asarray(coded.indices.fill_null(len(distinct)))
    return none_if_all_false(breaching[places])


def encoded(values: pa.Array) -> pa.Array:
    """As a dictionary array."""
    if pa.types.is_dictionary(values.type):
        return values
    return values.dictionary_encode()


def none_if_all_false(mask: RowMask) -> RowMask | None:
    """The mask, or None where it marks nothing."""
    return mask if mask.any() else None
