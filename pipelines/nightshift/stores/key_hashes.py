"""A number of 64 bits for each row, by its keys: the same in whatever form and wherever the row lies."""

from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nightshift.stores.shared_texts import SharedTexts, are_few

Hashes: TypeAlias = NDArray[np.uint64]
NULL = np.uint64(0x9E3779B97F4A7C15)
FIRST_FACTOR = np.uint64(0xBF58476D1CE4E5B9)
SECOND_FACTOR = np.uint64(0x94D049BB133111EB)
REMEMBERED = 16
"""Dictionaries: of the texts among the keys, of the few row groups that are under way."""


def key_hashes(keys: pa.RecordBatch) -> Hashes:
    """A hash of each row over all its columns, shape (n,)."""
    row_hashes = np.zeros(keys.num_rows, np.uint64)
    scratch = np.empty_like(row_hashes)
    for column in keys.columns:
        row_hashes ^= _hashes_with_null(column)
        _mix(row_hashes, scratch)
    return row_hashes


def remixed(hashes: Hashes, salt: np.uint64) -> Hashes:
    """Other numbers for the same rows, which tell nothing of the first without the salt."""
    salted = hashes ^ salt
    _mix(salted, np.empty_like(salted))
    return salted


def _hashes_with_null(column: pa.Array) -> Hashes:
    """Of a column. A null equals a null here, as in a GROUP BY, and neither 0 nor ""."""
    of_values = _column_hashes(column)
    if not _may_be_null(column):
        return of_values
    is_null = column.is_null()
    nulls = is_null.to_numpy(zero_copy_only=False)
    return np.where(nulls, NULL, of_values)


def _may_be_null(column: pa.Array) -> bool:
    if pa.types.is_dictionary(column.type) and column.dictionary.null_count:
        return True
    return bool(column.null_count)


def _column_hashes(column: pa.Array) -> Hashes:
    if pa.types.is_dictionary(column.type):
        return _dictionary_hashes(column)
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.string())
    if pa.types.is_string(column.type):
        texts = column.to_numpy(zero_copy_only=False)
        return _pandas_hashes(texts)
    countable = _countable(column)
    present = countable.fill_null(0) if countable.null_count else countable
    numbers = present.to_numpy(zero_copy_only=False)
    if numbers.dtype.kind in "iu":
        return _whole_number_hashes(numbers)
    return _pandas_hashes(np.array(numbers))


def _pandas_hashes(values: NDArray[Any]) -> Hashes:
    from pandas.util import hash_array

    # To look for repeated texts first takes 6 times as long where each is another, and gains nothing elsewhere.
    hashes = hash_array(values, categorize=False)
    return np.asarray(hashes, np.uint64)


def _whole_number_hashes(numbers: NDArray[Any]) -> Hashes:
    """What pandas makes of them, whose hashes nights were sampled by, in half the time."""
    unsigned = numbers.view(f"u{numbers.dtype.itemsize}")
    hashes = unsigned.astype(np.uint64)
    _mix(hashes, np.empty_like(hashes))
    return hashes


def _dictionary_hashes(column: pa.DictionaryArray) -> Hashes:
    distinct = column.dictionary
    shared = SharedTexts(distinct)
    distinct_hashes = _remembered(shared) if are_few(distinct) else _text_hashes(shared)
    indices = column.indices
    places = np.asarray(indices.fill_null(len(distinct)) if indices.null_count else indices)
    # Arrow has checked the bounds.
    return np.take(distinct_hashes, places, mode="clip")


def _text_hashes(distinct: SharedTexts) -> Hashes:
    # One more place for null, whose hash does not count.
    return np.append(_column_hashes(distinct.texts), np.uint64(0))


_remembered = lru_cache(maxsize=REMEMBERED)(_text_hashes)


def _countable(column: pa.Array) -> pa.Array:
    """Truth values, dates and timestamps as the whole numbers they are kept as."""
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.int64())
    if pa.types.is_boolean(column.type):
        return column.cast(pa.int8())
    if pa.types.is_date32(column.type):
        return column.cast(pa.int32())
    return column


def _mix(values: Hashes, scratch: Hashes) -> None:
    """The finaliser of SplitMix64 (Steele, Lea & Flood, OOPSLA 2014), so that the order of columns counts.

    In place: arrays made anew for each step cost more than the steps.
    """
    _xor_shifted(values, 30, scratch)
    values *= FIRST_FACTOR
    _xor_shifted(values, 27, scratch)
    values *= SECOND_FACTOR
    _xor_shifted(values, 31, scratch)


def _xor_shifted(values: Hashes, bits: int, scratch: Hashes) -> None:
    np.right_shift(values, np.uint64(bits), out=scratch)
    np.bitwise_xor(values, scratch, out=values)
