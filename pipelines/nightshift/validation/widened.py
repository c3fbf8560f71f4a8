"""A night's numbers in the types that Great Expectations compares as columns; of any other it takes value by value."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

LIMITS = ("min_value", "max_value")


def widened(frame: "pd.DataFrame", expectations: Sequence[Any]) -> "pd.DataFrame":
    """The same rows: integers as int64; float32 as float64, where what is the float32 of a limit is that limit.

    As a float64 the float32 nearest to a person's 0.1 is more than 0.1; our own checks compare in the column's type.
    """
    integers = [name for name, dtype in frame.dtypes.items() if dtype.kind in "iu" and dtype != np.uint64]
    floats = [str(name) for name, dtype in frame.dtypes.items() if dtype == np.float32]
    wide = frame.astype({**dict.fromkeys(integers, np.int64), **dict.fromkeys(floats, np.float64)})
    for name in floats:
        for limit in _limits(name, expectations):
            is_limit = frame[name] == np.float32(limit)
            wide.loc[is_limit, name] = limit
    return wide


def _limits(column: str, expectations: Sequence[Any]) -> Iterable[float]:
    """The numbers that expectations of a column name, as far as they are no float32."""
    for expectation in expectations:
        if getattr(expectation, "column", None) != column:
            continue
        bounds = (getattr(expectation, name, None) for name in LIMITS)
        for number in (*bounds, *(getattr(expectation, "value_set", None) or ())):
            if number is not None and float(np.float32(number)) != number:
                yield number
