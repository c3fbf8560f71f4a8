"""Numbers out of texts, as CSV has them: every value of a column, or an error."""

from collections.abc import Sequence
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from nightshift.spec.source import DecimalMark
from nightshift.stores.decimal_comma import with_points

NO_VALUE = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "none", r"\N", "n/a", "<NA>", "NaT", "#N/A", "Null")
"""Texts that mean null in a column of numbers or dates; in a column of strings only the empty field does."""
WHOLE_OR_DECIMAL = r"^[+-]?(0|[1-9]\d*)(\.\d*)?$"
MANY_DIGITS = r"^[+-]?\d{16,}(\.\d*)?$"
INFINITE = ("inf", "+inf", "-inf", "Inf", "-Inf", "infinity", "-infinity", "Infinity", "-Infinity")
DIGITS = pa.decimal128(38, 9)


def without_null_words(texts: pa.Array) -> pa.Array:
    """Trimmed, and null where the text only says that there is no value."""
    strings = texts.cast(pa.string())
    trimmed = pc.utf8_trim_whitespace(strings)
    says_nothing = pc.is_in(trimmed, pa.array(NO_VALUE))
    return pc.if_else(says_nothing, None, trimmed)


def read_numbers(
    texts: pa.Array,
    kind: pa.DataType,
    decimal: DecimalMark = ".",
) -> pa.Array:
    """Texts as numbers that hold every digit of them. Raises ``pa.ArrowInvalid`` for what is no number of this kind."""
    if decimal == ",":
        texts = with_points(texts)
    if pa.types.is_floating(kind):
        return _floats(texts)
    if not pa.types.is_integer(kind):
        return texts.cast(kind)
    try:
        return texts.cast(pa.int64())
    except pa.ArrowInvalid:
        # 7.0 is a whole number too: what pandas writes for whole numbers with nulls among them.
        return texts.cast(DIGITS)


def nulled(texts: pa.Array, markers: Sequence[str]) -> pa.Array:
    """The same texts, null where one, trimmed, is a marker."""
    trimmed = pc.utf8_trim_whitespace(texts)
    values = pa.array(markers, pa.string())
    is_marker = pc.is_in(trimmed, values)
    return pc.if_else(is_marker, None, texts)


def plainly(texts: pa.Array) -> pa.Array:
    """Numbers as they are written shortest, other texts as they are: ``1``, ``1.0`` and ``+1`` are all ``1``."""
    trimmed = pc.utf8_trim_whitespace(texts)
    is_number = pc.match_substring_regex(trimmed, WHOLE_OR_DECIMAL)
    unsigned = pc.replace_substring_regex(trimmed, r"^\+", "")
    without_zeros = pc.replace_substring_regex(unsigned, r"(\.\d*?)0+$", r"\1")
    plain = pc.replace_substring_regex(without_zeros, r"\.$", "")
    plain = pc.replace_substring_regex(plain, "^-0$", "0")
    return pc.if_else(is_number, plain, texts)


def are_numbers(texts: Sequence[str]) -> bool:
    """Whether each of some texts is a number."""
    values = pa.array(texts, pa.string())
    numbers = pc.match_substring_regex(values, WHOLE_OR_DECIMAL)
    every = pc.all(numbers)
    return bool(every.as_py())


def places_among(texts: pa.Array, allowed: Sequence[str]) -> pa.Array:
    """The place of each text among those allowed, null for null and for what is none; a number counts as that."""
    values = pa.array(allowed, pa.string())
    exactly = pc.index_in(texts, value_set=values)
    plain_texts = plainly(texts)
    plain_values = plainly(values)
    as_numbers = pc.index_in(plain_texts, value_set=plain_values)
    return pc.coalesce(exactly, as_numbers)


def spelled(texts: pa.Array, allowed: Sequence[str]) -> pa.Array:
    """The same texts, each number that is allowed in the spelling that it has there."""
    values = pa.array(allowed, pa.string())
    places = places_among(texts, allowed)
    as_allowed = values.take(places)
    return pc.coalesce(as_allowed, texts)


def _floats(texts: pa.Array) -> pa.Array:
    _require_digits_kept(texts)
    floats = texts.cast(pa.float64())
    says_infinite = pc.is_in(texts, pa.array(INFINITE))
    overflowed = pc.and_not(pc.is_inf(floats), says_infinite)
    if pc.any(overflowed).as_py():
        raise pa.ArrowInvalid("too large for a float")
    return floats


def _require_digits_kept(texts: pa.Array) -> None:
    """A whole number that a float rounds is an id, mostly, and another one then."""
    long = pc.match_substring_regex(texts, MANY_DIGITS)
    different = pc.unique(texts.filter(long))
    for text in different.to_pylist():
        rounded = float(text)
        if Decimal(text) != Decimal(rounded):
            raise pa.ArrowInvalid("has more digits than a float holds")
