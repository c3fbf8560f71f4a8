"""Which texts a regular expression of the spec matches, in a time that nobody can make endless by a text."""

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightshift.errors import SpecError
from nightshift.spec.patterns import can_be_split, longest_tried, looks_around
from nightshift.validation.masks import RowMask

END_OF_TEXT = re.compile(r"((?<!\\)(?:\\\\)*)\\Z")


def not_matching(values: pa.Array, pattern: str, column: str) -> RowMask:
    """True where a text does not hold what the pattern looks for. Raises ``SpecError`` for one that cannot be run.

    A text that is too long for Python's engine is one in which a pattern that looks around finds nothing.
    """
    search = _linear if can_be_split(pattern) else _by_length
    try:
        matches = search(values, pattern)
    except pa.ArrowInvalid as error:
        raise SpecError(
            f"columns.{column}.pattern {pattern!r} cannot be run: {error}",
            fix="write a simpler one in model.yaml",
        ) from error
    return ~np.asarray(matches, np.bool_)


def _linear(values: pa.Array, pattern: str) -> Any:
    # What Python calls the end of a text; a backslash before it may be a letter of the text.
    spelt = END_OF_TEXT.sub(r"\1\\z", pattern)
    texts = values.cast(pa.string())
    matches = pc.match_substring_regex(texts, spelt)
    return matches.to_numpy(zero_copy_only=False)


def _by_length(values: pa.Array, pattern: str) -> Any:
    """Short texts as Great Expectations has them, the others in time with their length."""
    lengths = pc.utf8_length(values.cast(pa.string())).fill_null(0)
    is_long = lengths.to_numpy(zero_copy_only=False) > longest_tried(pattern)
    if not is_long.any():
        return _as_great_expectations(values, pattern)
    matches = np.zeros(len(values), np.bool_)
    short = values.filter(pa.array(~is_long))
    matches[~is_long] = np.asarray(_as_great_expectations(short, pattern), np.bool_)
    if not looks_around(pattern):
        long = values.filter(pa.array(is_long))
        matches[is_long] = _linear(long, pattern)
    return matches


def _as_great_expectations(values: pa.Array, pattern: str) -> Any:
    """By pandas: two engines of regular expressions differ in small print."""
    import pandas as pd

    texts = pd.Series(values.to_pylist(), dtype="str")
    return texts.str.contains(pattern)
