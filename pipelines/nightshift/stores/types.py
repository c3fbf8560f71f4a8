"""The Arrow type of each column type, and the way there from what a source gives: exact, or refused.

Nothing is cut, rounded, overflowed or read out of texts in silence; ``docs/your-own-data.md`` has the table.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightshift.spec import Column
from nightshift.stores.text_values import read_numbers, without_null_words

DECIMAL_DIGITS = 38
TIMESTAMP = pa.timestamp("us", "UTC")
FIXED = {
    "string": pa.string(),
    "bool": pa.bool_(),
    "int16": pa.int16(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "date": pa.date32(),
    "timestamp": TIMESTAMP,
}
OBJECTS = np.dtype(object)
REFUSALS = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError)
"""What Arrow raises for values that do not fit."""


def arrow_type(column: Column) -> pa.DataType:
    """The Arrow type of a column; decimals have as many digits as there are."""
    return pa.decimal128(DECIMAL_DIGITS, column.scale) if column.type == "decimal" else FIXED[column.type]


def fitted(values: Any, kind: pa.DataType, timezone: str = "UTC", *, as_text: bool = False) -> pa.Array:
    """A pandas or Arrow column, or a list, NaN as null, as an array of exactly this type.

    Naive timestamps are taken as of ``timezone``; ``as_text``: everything is text, as in CSV, also numbers.
    Raises one of ``REFUSALS``, with the first value that does not fit.
    """
    given = plain_array(values)
    if as_text and is_text(given.type) and not pa.types.is_string(kind):
        given = without_null_words(given)
    if pa.types.is_null(given.type):
        return pa.nulls(len(given), kind)
    convert = _way(given.type, kind, timezone, as_text)
    try:
        return convert(given)
    except REFUSALS as error:
        raise pa.ArrowInvalid(f"{error}; first: {_first_refused(given, convert)!r}") from error


def is_text(kind: pa.DataType) -> bool:
    """Strings of any layout."""
    return any(test(kind) for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view))


def is_number(kind: pa.DataType) -> bool:
    """Whole numbers, floats and decimals."""
    tests = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    return any(test(kind) for test in tests)


def is_number_or_bool(kind: pa.DataType) -> bool:
    """What converts into each other where no value changes."""
    return is_number(kind) or bool(pa.types.is_boolean(kind))


def plain_array(values: Any) -> pa.Array:
    """A pandas or Arrow column, or a list, as one Arrow array without dictionaries, NaN as null."""
    found = values if isinstance(values, pa.Array | pa.ChunkedArray) else _from_objects(values)
    if isinstance(found, pa.ChunkedArray):
        found = found.combine_chunks()
    if pa.types.is_dictionary(found.type):
        found = found.dictionary_decode()
    if pa.types.is_floating(found.type):
        return pc.if_else(pc.is_nan(found), pa.scalar(None, found.type), found)
    return found


def _from_objects(values: Any) -> pa.Array:
    if getattr(values, "dtype", None) in {None, OBJECTS}:
        zones = {value.tzinfo is not None for value in values if getattr(value, "tzinfo", ...) is not ...}
        if len(zones) > 1:
            # Arrow would take those without a zone as UTC.
            raise pa.ArrowInvalid("some timestamps have a time zone and some have none")
    return pa.array(values, from_pandas=True)


def _way(came: pa.DataType, kind: pa.DataType, timezone: str, as_text: bool) -> Callable[[pa.Array], pa.Array]:
    if pa.types.is_string(kind) and is_text(came):
        return lambda values: values.cast(kind)
    if is_number_or_bool(kind) and is_number_or_bool(came):
        return lambda values: _number(values, kind)
    if is_number_or_bool(kind) and is_text(came) and as_text:
        return lambda values: _number(read_numbers(values, kind), kind)
    if pa.types.is_date(kind) and (is_text(came) or pa.types.is_temporal(came)):
        return lambda values: _date(values, timezone)
    if pa.types.is_timestamp(kind) and (is_text(came) or pa.types.is_timestamp(came) or pa.types.is_date(came)):
        return lambda values: instants(values, timezone)
    return lambda _: _refuse(f"got {'texts' if is_text(came) else came}")


def _number(values: pa.Array, kind: pa.DataType) -> pa.Array:
    if pa.types.is_boolean(kind) and not pa.types.is_boolean(values.type):
        if not pc.all(pc.is_in(values.drop_null(), pa.array([0, 1]).cast(values.type))).as_py():
            _refuse("neither 0 nor 1")
        return values.cast(pa.int8()).cast(kind)
    if pa.types.is_boolean(values.type) and pa.types.is_decimal(kind):
        return values.cast(pa.int8()).cast(kind)
    found = values.cast(kind)
    if pa.types.is_floating(values.type) and pa.types.is_decimal(kind) and not found.cast(values.type).equals(values):
        _refuse(f"has more than {kind.scale} digits after the point")
    if pa.types.is_floating(kind) and pc.any(pc.is_inf(found)).as_py() and not _as_infinite(values, found):
        _refuse(f"too large for {kind}")
    return found


def _as_infinite(values: pa.Array, found: pa.Array) -> bool:
    return bool(pa.types.is_floating(values.type) and pc.is_inf(values).equals(pc.is_inf(found)))


def _date(values: pa.Array, timezone: str) -> pa.Array:
    if is_text(values.type) and pc.any(pc.greater(pc.utf8_length(values), len("2024-01-01"))).as_py():
        values = _read_instants(values)
    if not pa.types.is_timestamp(values.type):
        return values.cast(pa.date32())
    local = wall_clock(values, timezone)
    found = local.cast(pa.date32())
    if not found.cast(local.type).equals(local):
        _refuse("has a time of day")
    return found


def instants(values: pa.Array, timezone: str) -> pa.Array:
    """Timestamps, dates or ISO texts in UTC, to the microsecond; those without a zone are of ``timezone``.

    The hour that autumn repeats is taken as its first. Raises ``pa.ArrowInvalid`` for an hour that spring
    leaves out, for a time finer than microseconds, and for texts of which only some have a zone.
    """
    if is_text(values.type):
        values = _read_instants(values)
    if not pa.types.is_timestamp(values.type):
        values = values.cast(pa.timestamp("us"))
    if values.type.tz is None:
        values = pc.assume_timezone(values, timezone, ambiguous="earliest")
    return values.cast(TIMESTAMP)


def wall_clock(values: pa.Array, timezone: str) -> pa.Array:
    """Timestamps as a clock in ``timezone`` shows them, without a zone; naive ones as they are."""
    if values.type.tz is None:
        return values
    return pc.local_timestamp(values.cast(pa.timestamp(values.type.unit, timezone)))


def _read_instants(texts: pa.Array) -> pa.Array:
    zoned = pc.match_substring_regex(texts, r"(Z|[+-]\d{2}:?\d{2})$").drop_null()
    some, every = pc.any(zoned).as_py(), pc.all(zoned).as_py()
    # A date alone also ends in -dd, but without minutes.
    if some and not every:
        _refuse("some timestamps have a time zone and some have none")
    return texts.cast(TIMESTAMP if some else pa.timestamp("us"))


def _first_refused(values: pa.Array, convert: Callable[[pa.Array], pa.Array]) -> Any:
    """The first value that does not convert by itself, by halving; of a mixture, the first value at all."""
    values = values.drop_null()
    low, high = 0, len(values)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _refuses(values.slice(low, middle - low), convert) else (middle, high)
    return values[low].as_py() if len(values) else None


def _refuses(values: pa.Array, convert: Callable[[pa.Array], pa.Array]) -> bool:
    try:
        convert(values)
    except REFUSALS:
        return True
    return False


def _refuse(why: str) -> Any:
    raise pa.ArrowInvalid(why)
