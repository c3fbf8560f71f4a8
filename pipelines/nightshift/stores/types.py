"""The Arrow type of each column type, and the way there from what a source gives: exact, or refused.

Nothing is cut, rounded, overflowed or read out of texts in silence; ``docs/your-own-data.md`` has the table.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightshift.quotes import own_words, quoted
from nightshift.spec import Column
from nightshift.spec.source import DecimalMark
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
TEXT_TESTS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
BYTES_TESTS = (
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
    pa.types.is_fixed_size_binary,
)
NUMBER_TESTS = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
REFUSALS = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError)
"""What Arrow raises for values that do not fit."""


class _DoesNotFit(pa.ArrowInvalid):
    """Refused by this file, in words that hold no value."""


def arrow_type(column: Column) -> pa.DataType:
    """The Arrow type of a column; decimals have as many digits as there are."""
    if column.type == "decimal":
        return pa.decimal128(DECIMAL_DIGITS, column.scale)
    return FIXED[column.type]


def fitted(
    values: Any,
    kind: pa.DataType,
    timezone: str = "UTC",
    *,
    as_text: bool = False,
    decimal: DecimalMark = ".",
) -> pa.Array:
    """A pandas or Arrow column, or a list, NaN as null, as an array of exactly this type.

    Naive timestamps are taken as of ``timezone``; ``as_text``: everything is text, as in CSV, also numbers,
    which have ``decimal`` before their decimals.
    Raises one of ``REFUSALS``, with the first value that does not fit.
    """
    array = plain_array(values)
    if as_text and is_text(array.type) and not pa.types.is_string(kind):
        array = without_null_words(array)
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), kind)
    convert = _conversion(array.type, kind, timezone, decimal if as_text else None)
    try:
        return convert(array)
    except REFUSALS as error:
        first = _first_refused(array, convert)
        raise pa.ArrowInvalid(_refusal(error, first)) from error


def is_text(kind: pa.DataType) -> bool:
    """Strings of any layout."""
    return any(test(kind) for test in TEXT_TESTS)


def is_bytes(kind: pa.DataType) -> bool:
    """Bytes of any layout; decimals, which are some underneath, are none."""
    return any(test(kind) for test in BYTES_TESTS)


def is_number(kind: pa.DataType) -> bool:
    """Whole numbers, floats and decimals."""
    return any(test(kind) for test in NUMBER_TESTS)


def is_number_or_bool(kind: pa.DataType) -> bool:
    """What converts into each other where no value changes."""
    if pa.types.is_boolean(kind):
        return True
    return is_number(kind)


def decoded(values: pa.Array) -> pa.Array:
    """The values themselves, whether they came as a dictionary or not."""
    if pa.types.is_dictionary(values.type):
        return values.dictionary_decode()
    return values


def plain_values(column: pa.Array) -> Any:
    """Numbers and truth values as an array, NaN for null; texts as a list."""
    kind = column.type
    if pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        return column.to_numpy(zero_copy_only=False)
    return decoded(column).to_pylist()


def plain_array(values: Any) -> pa.Array:
    """A pandas or Arrow column, or a list, as one Arrow array without dictionaries, NaN as null."""
    array = decoded(from_objects(values))
    if pa.types.is_floating(array.type):
        null = pa.scalar(None, array.type)
        return pc.if_else(pc.is_nan(array), null, array)
    return array


def from_objects(values: Any) -> pa.Array:
    """A pandas or Arrow column, or a list, as one Arrow array as it is. Raises ``pa.ArrowInvalid``."""
    if isinstance(values, pa.ChunkedArray):
        return values.combine_chunks()
    if isinstance(values, pa.Array):
        return values
    has_objects = getattr(values, "dtype", OBJECTS) == OBJECTS
    if has_objects and _zones_are_mixed(values):
        # Arrow would take those without a zone as UTC.
        raise pa.ArrowInvalid("some timestamps have a time zone and some have none")
    try:
        return pa.array(values, from_pandas=True)
    except REFUSALS as error:
        # Arrow quotes the value that it cannot convert.
        raise pa.ArrowInvalid(own_words(error)) from error


def _zones_are_mixed(values: Iterable[Any]) -> bool:
    instants = (value for value in values if hasattr(value, "tzinfo"))
    has_zone = {instant.tzinfo is not None for instant in instants}
    return len(has_zone) > 1


def _conversion(
    came: pa.DataType,
    kind: pa.DataType,
    timezone: str,
    decimal: DecimalMark | None,
) -> Callable[[pa.Array], pa.Array]:
    """The way from one type to another; without ``decimal`` texts are no numbers."""
    from_text = is_text(came)
    if pa.types.is_string(kind) and from_text:
        return lambda values: values.cast(kind)
    if pa.types.is_string(kind) and is_bytes(came):
        # What old writers leave of a text: UTF-8 without its mark.
        return lambda values: values.cast(pa.binary()).cast(kind)
    if is_number_or_bool(kind) and is_number_or_bool(came):
        return lambda values: _number(values, kind)
    if is_number_or_bool(kind) and from_text and decimal is not None:
        return lambda values: _number(read_numbers(values, kind, decimal), kind)
    if pa.types.is_date(kind) and (from_text or pa.types.is_temporal(came)):
        return lambda values: _date(values, timezone)
    from_moment = pa.types.is_timestamp(came) or pa.types.is_date(came)
    if pa.types.is_timestamp(kind) and (from_text or from_moment):
        return lambda values: instants(values, timezone)
    return lambda _: _refuse("got texts" if from_text else f"got {came}")


def _number(values: pa.Array, kind: pa.DataType) -> pa.Array:
    was_bool = pa.types.is_boolean(values.type)
    if pa.types.is_boolean(kind) and not was_bool:
        _require_zeros_and_ones(values)
        return values.cast(pa.int8()).cast(kind)
    if was_bool and pa.types.is_decimal(kind):
        return values.cast(pa.int8()).cast(kind)
    numbers = values.cast(kind)
    if pa.types.is_decimal(kind) and pa.types.is_floating(values.type):
        _require_same(values, numbers, kind)
    if pa.types.is_floating(kind):
        _require_as_finite(values, numbers, kind)
    return numbers


def _require_zeros_and_ones(values: pa.Array) -> None:
    allowed = pa.array([0, 1]).cast(values.type)
    fits = pc.is_in(values.drop_null(), allowed)
    if not pc.all(fits).as_py():
        _refuse("neither 0 nor 1")


def _require_same(values: pa.Array, decimals: pa.Array, kind: pa.DataType) -> None:
    back = decimals.cast(values.type)
    if not back.equals(values):
        _refuse(f"has more than {kind.scale} digits after the point")


def _require_as_finite(values: pa.Array, floats: pa.Array, kind: pa.DataType) -> None:
    """A float may be infinite only where the value was."""
    infinite = pc.is_inf(floats)
    if not pc.any(infinite).as_py():
        return
    was_float = pa.types.is_floating(values.type)
    if not was_float or not pc.is_inf(values).equals(infinite):
        _refuse(f"too large for {kind}")


def _date(values: pa.Array, timezone: str) -> pa.Array:
    if is_text(values.type) and _has_times(values):
        values = _read_instants(values)
    if not pa.types.is_timestamp(values.type):
        return values.cast(pa.date32())
    local = wall_clock(values, timezone)
    dates = local.cast(pa.date32())
    if not dates.cast(local.type).equals(local):
        _refuse("has a time of day")
    return dates


def _has_times(texts: pa.Array) -> bool:
    lengths = pc.utf8_length(texts)
    longer = pc.greater(lengths, len("2024-01-01"))
    some = pc.any(longer)
    return bool(some.as_py())


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
    # A date alone also ends in -dd, but without minutes.
    zoned = pc.match_substring_regex(texts, r"(Z|[+-]\d{2}:?\d{2})$").drop_null()
    some = pc.any(zoned).as_py()
    if some and not pc.all(zoned).as_py():
        _refuse("some timestamps have a time zone and some have none")
    return texts.cast(TIMESTAMP if some else pa.timestamp("us"))


def _refusal(error: Exception, first: Any) -> str:
    # Arrow's own words may hold the value, in full.
    words = str(error) if isinstance(error, _DoesNotFit) else own_words(error)
    return f"{words}; first: {quoted(first)}"


def _first_refused(values: pa.Array, convert: Callable[[pa.Array], pa.Array]) -> Any:
    """The first value that does not convert by itself, by halving; of a mixture, the first value at all."""
    suspects = values.drop_null()
    while len(suspects) > 1:
        middle = len(suspects) // 2
        first_half = suspects.slice(0, middle)
        suspects = first_half if _refuses(first_half, convert) else suspects.slice(middle)
    return suspects[0].as_py() if len(suspects) else None


def _refuses(values: pa.Array, convert: Callable[[pa.Array], pa.Array]) -> bool:
    try:
        convert(values)
    except REFUSALS:
        return True
    return False


def _refuse(why: str) -> Any:
    raise _DoesNotFit(why)
