"""Which texts a regular expression of the spec matches, in a time that nobody can make endless by a text."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightshift.errors import SpecError
from nightshift.spec.patterns import can_be_split
from nightshift.validation.masks import RowMask


def not_matching(values: pa.Array, pattern: str, column: str) -> RowMask:
    """True where a text does not hold what the pattern looks for. Raises ``SpecError`` for one that cannot be run."""
    search = _linear if can_be_split(pattern) else _as_great_expectations
    try:
        matches = search(values, pattern)
    except pa.ArrowInvalid as error:
        raise SpecError(
            f"columns.{column}.pattern {pattern!r} cannot be run: {error}",
            fix="write a simpler one in model.yaml",
        ) from error
    return ~np.asarray(matches, np.bool_)


def _linear(values: pa.Array, pattern: str) -> Any:
    # What Python calls the end of a text.
    spelt = pattern.replace(r"\Z", r"\z")
    texts = values.cast(pa.string())
    matches = pc.match_substring_regex(texts, spelt)
    return matches.to_numpy(zero_copy_only=False)


def _as_great_expectations(values: pa.Array, pattern: str) -> Any:
    """By pandas: two engines of regular expressions differ in small print."""
    import pandas as pd

    texts = pd.Series(values.to_pylist(), dtype="str")
    return texts.str.contains(pattern)
