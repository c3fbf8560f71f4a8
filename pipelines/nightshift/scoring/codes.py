"""Strings as a graph of matrices is fed them: the index of each in what training has seen."""

from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nightshift.modelling.inputs import MISSING
from nightshift.stores.shared_texts import SharedTexts, are_few

REMEMBERED = 64
"""Dictionaries: of so many columns, of the few row groups that are under way."""


def codes(values: pa.Array, known: pa.Array) -> NDArray[np.int32]:
    """The index of each string in ``known``, -1 for any other, shape (n,). Dictionaries are looked up once."""
    line = np.empty(len(values), np.int32)
    fill_codes(line, values, known)
    return line


def fill_codes(line: NDArray[Any], values: pa.Array, known: pa.Array) -> None:
    """The same into a line (n,) of any type of number."""
    if not pa.types.is_dictionary(values.type):
        line[:] = _places(values, known)
        return
    np.take(
        codes_of_dictionary(values, known).astype(line.dtype),
        _indices(values),
        out=line,
        # Leaves out a check of bounds that Arrow has made: 3 times as fast.
        mode="clip",
    )


def count_unknown(values: pa.Array, known: pa.Array) -> int:
    """How many strings are not in ``known``. Rows are looked at only where the dictionary has such a one."""
    if not pa.types.is_dictionary(values.type):
        unknown = codes(values, known) < 0
        return int(np.count_nonzero(unknown))
    is_unknown = codes_of_dictionary(values, known) < 0
    has_unknown_text = is_unknown[:-1].any()
    is_null_unknown = is_unknown[-1]
    if not has_unknown_text and not (is_null_unknown and values.null_count):
        return 0
    of_rows = np.take(is_unknown, _indices(values), mode="clip")
    return int(np.count_nonzero(of_rows))


def codes_of_dictionary(values: pa.DictionaryArray, known: pa.Array) -> NDArray[np.int32]:
    """The code of each text of the dictionary, and at last that of null. Not to be written to: batches share it."""
    texts = values.dictionary
    shared = SharedTexts(texts)
    return _remembered(shared, SharedTexts(known)) if are_few(texts) else _looked_up(shared, SharedTexts(known))


def _looked_up(texts: SharedTexts, known: SharedTexts) -> NDArray[np.int32]:
    # One text more: where null looks.
    null = pa.array([MISSING])
    places = pa.concat_arrays([
        _places(texts.texts, known.texts),
        _places(null, known.texts),
    ])
    return np.asarray(places)


_remembered = lru_cache(maxsize=REMEMBERED)(_looked_up)


def _indices(values: pa.DictionaryArray) -> NDArray[Any]:
    """Of each row in the dictionary; of null the first beyond it."""
    indices = values.indices
    if indices.null_count:
        indices = pc.fill_null(indices, len(values.dictionary))
    return np.asarray(indices)


def _places(values: pa.Array, known: pa.Array) -> pa.Array:
    texts = pc.fill_null(values, MISSING)
    places = pc.index_in(texts, value_set=known)
    return pc.fill_null(places, -1)
