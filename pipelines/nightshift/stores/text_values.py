"""Numbers out of texts, as CSV has them: every value of a column, or an error."""

import pyarrow as pa
import pyarrow.compute as pc

NO_VALUE = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "none")
"""Texts that mean null in a column of numbers or dates; in a column of strings only the empty field does."""
INFINITE = ("inf", "+inf", "-inf", "Inf", "-Inf", "infinity", "-infinity", "Infinity", "-Infinity")
DIGITS = pa.decimal128(38, 9)


def without_null_words(texts: pa.Array) -> pa.Array:
    """Trimmed, and null where the text only says that there is no value."""
    strings = texts.cast(pa.string())
    trimmed = pc.utf8_trim_whitespace(strings)
    says_nothing = pc.is_in(trimmed, pa.array(NO_VALUE))
    return pc.if_else(says_nothing, None, trimmed)


def read_numbers(texts: pa.Array, kind: pa.DataType) -> pa.Array:
    """Texts as numbers that hold every digit of them. Raises ``pa.ArrowInvalid`` for what is no number of this kind."""
    if pa.types.is_floating(kind):
        return _floats(texts)
    if not pa.types.is_integer(kind):
        return texts.cast(kind)
    try:
        return texts.cast(pa.int64())
    except pa.ArrowInvalid:
        # 7.0 is a whole number too: what pandas writes for whole numbers with nulls among them.
        return texts.cast(DIGITS)


def _floats(texts: pa.Array) -> pa.Array:
    floats = texts.cast(pa.float64())
    says_infinite = pc.is_in(texts, pa.array(INFINITE))
    overflowed = pc.and_not(pc.is_inf(floats), says_infinite)
    if pc.any(overflowed).as_py():
        raise pa.ArrowInvalid("too large for a float")
    return floats
