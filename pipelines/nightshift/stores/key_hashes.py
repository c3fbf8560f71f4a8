"""A number of 64 bits for each row, by its keys: the same in whatever form and wherever the row lies."""

from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Hashes: TypeAlias = NDArray[np.uint64]
NULL = np.uint64(0x9E3779B97F4A7C15)


def key_hashes(keys: pa.RecordBatch) -> Hashes:
    """A hash of each row over all its columns, shape (n,)."""
    row_hashes = np.zeros(keys.num_rows, np.uint64)
    for column in keys.columns:
        is_null = column.is_null()
        nulls = is_null.to_numpy(zero_copy_only=False)
        of_values = _column_hashes(column)
        # A null equals a null here, as in a GROUP BY, and neither 0 nor "".
        column_hashes = np.where(nulls, NULL, of_values)
        combined = np.bitwise_xor(row_hashes, column_hashes)
        row_hashes = _mixed(combined)
    return row_hashes


def remixed(hashes: Hashes, salt: np.uint64) -> Hashes:
    """Other numbers for the same rows, which tell nothing of the first without the salt."""
    salted = hashes ^ salt
    return _mixed(salted)


def _column_hashes(column: pa.Array) -> Hashes:
    from pandas.util import hash_array

    if pa.types.is_dictionary(column.type):
        return _dictionary_hashes(column)
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.string())
    if pa.types.is_string(column.type):
        texts = column.to_numpy(zero_copy_only=False)
        # To look for repeated texts first takes 6 times as long where each is another, and gains nothing elsewhere.
        return np.asarray(hash_array(texts, categorize=False), np.uint64)
    numbers = _countable(column).fill_null(0).to_numpy(zero_copy_only=False)
    return np.asarray(hash_array(np.array(numbers)), np.uint64)


def _dictionary_hashes(column: pa.Array) -> Hashes:
    distinct = column.dictionary
    # One more place for null, whose hash does not count.
    distinct_hashes = np.append(_column_hashes(distinct), np.uint64(0))
    places = np.asarray(column.indices.fill_null(len(distinct)))
    return np.asarray(distinct_hashes[places])


def _countable(column: pa.Array) -> pa.Array:
    """Truth values, dates and timestamps as the whole numbers they are kept as."""
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.int64())
    if pa.types.is_boolean(column.type):
        return column.cast(pa.int8())
    if pa.types.is_date32(column.type):
        return column.cast(pa.int32())
    return column


def _mixed(values: Hashes) -> Hashes:
    """The finaliser of SplitMix64 (Steele, Lea & Flood, OOPSLA 2014), so that the order of columns counts."""
    values = _shifted_xor(values, 30)
    values = values * np.uint64(0xBF58476D1CE4E5B9)
    values = _shifted_xor(values, 27)
    values = values * np.uint64(0x94D049BB133111EB)
    return _shifted_xor(values, 31)


def _shifted_xor(values: Hashes, bits: int) -> Hashes:
    return values ^ (values >> np.uint64(bits))
