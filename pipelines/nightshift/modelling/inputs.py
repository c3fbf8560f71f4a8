"""A night's rows as a model sees them, in training and in scoring alike."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nightshift.modelling.arrays import Array, Floats
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


def has_plain_numbers(values: pa.Array) -> bool:
    """Whether they lie in Arrow's memory as numpy would have them."""
    return bool(pa.types.is_integer(values.type) or pa.types.is_floating(values.type))


def plain_numbers(values: pa.Array) -> Array:
    """Plain numbers (n,) in Arrow's own memory, not to be written to; under a null lies anything."""
    if not values.null_count:
        return np.asarray(values.to_numpy())
    _, content = values.buffers()
    kind = np.dtype(values.type.to_pandas_dtype())
    return np.frombuffer(
        content,
        kind,
        count=len(values),
        offset=values.offset * kind.itemsize,
    )


def are_present(values: pa.Array) -> NDArray[np.uint8]:
    """1 for each of an array with nulls that is none, and 0, (n,): Arrow's bits spread out.

    Ten times as fast as to ask Arrow for truth values.
    """
    validity, *_ = values.buffers()
    first = values.offset // 8
    before = values.offset % 8
    packed = np.frombuffer(validity, np.uint8, offset=first)
    bits = np.unpackbits(packed, count=before + len(values), bitorder="little")
    return bits[before:]


def nan_where_null(values: pa.Array) -> Floats:
    """A factor for each of an array of floats with nulls, (n,): 1, or NaN for null.

    To multiply takes half the time of writing NaN here and there, which no processor foresees.
    """
    present = are_present(values)
    is_double = pa.types.is_float64(values.type)
    factors: Floats = present.astype(np.float64) if is_double else present.astype(np.float32)
    with np.errstate(invalid="ignore"):
        return np.divide(factors, factors, out=factors)
