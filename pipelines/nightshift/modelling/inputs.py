"""A night's rows as a model sees them, in training and in scoring alike."""

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from nightshift.spec import ModelSpec

if TYPE_CHECKING:
    import pandas as pd

MISSING = ""
"""The category of a null string, in training and in scoring alike."""


def model_inputs(spec: ModelSpec, table: pa.Table) -> "pd.DataFrame":
    """The features of (n rows) as the model sees them: float32 numbers with NaN for null, and strings."""
    import pandas as pd

    columns: dict[str, Any] = {}
    for name in spec.features:
        values = table[name]
        if spec.columns[name].numeric:
            columns[name] = as_float32(values).to_numpy()
        else:
            columns[name] = pc.fill_null(values, MISSING).to_numpy(zero_copy_only=False)
    return pd.DataFrame(columns)


def as_float32(values: Any) -> Any:
    """Numbers as the model sees them, dates as days since 1970-01-01.

    What float32 cannot hold, as whole numbers beyond 2^24, is rounded, in training and in scoring alike.
    """
    return as_numbers(values).cast(pa.float32(), safe=False)


def as_numbers(values: Any) -> Any:
    """Numbers that numpy can count: dates as days, truth values as 0 and 1, decimals as float64; others as they are."""
    if pa.types.is_date(values.type):
        return values.cast(pa.int32())
    if pa.types.is_boolean(values.type):
        return values.cast(pa.int8())
    if pa.types.is_decimal(values.type):
        return values.cast(pa.float64())
    return values
