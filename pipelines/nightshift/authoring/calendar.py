"""Columns that go with the night: what was seen of them says little of the nights to come, so they have no limits."""

import re

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nightshift.authoring.facts import ColumnFacts
from nightshift.modelling.arrays import Int64s
from nightshift.modelling.inputs import as_numbers
from nightshift.stores.types import is_number_or_bool, is_text

MOVES = 0.9
FEWEST_NIGHTS = 2
WORDS = (
    "season|quarter|qtr|year|yr|month|mnth|week|weekday|wday|dow|day|mday|yday|doy|hour|hr"
    "|dayof[a-z]+|weekof[a-z]+|isoweek|weeknum|weeknumber|dayname|monthname"
)
CALENDAR = re.compile(f"(^|_)(is)?({WORDS})s?(_|$)")
BY_NAME = "by its name a part of the calendar, of which other nights have other values"
ONE_A_NIGHT = "one value a night, and other nights may have others"
TREND = "it moves with the night"


def unlimited(
    alias: str,
    facts: ColumnFacts,
    nights: Int64s,
    values: pa.ChunkedArray,
) -> str | None:
    """Why a column's values of the nights seen are no limits for others; None where they are.

    ``nights`` (n,) are the days of the sampled rows, ``values`` theirs.
    """
    few_values = pa.types.is_integer(facts.kind) or is_text(facts.kind)
    if few_values and CALENDAR.search(alias):
        return BY_NAME
    if moves(nights, values):
        return TREND
    return ONE_A_NIGHT if _one_a_night(nights, values) else None


def moves(nights: Int64s, values: pa.ChunkedArray) -> bool:
    """Whether a date or a number goes with the night, so that tomorrow's lies beyond all that was seen."""
    if not pa.types.is_date(values.type) and not is_number_or_bool(values.type):
        return False
    known = np.asarray(values.is_valid())
    numbers = _numbers(values.drop_null())
    finite = np.isfinite(numbers)
    days = nights[known][finite].astype(np.float64)
    numbers = numbers[finite]
    if len(np.unique(days)) < FEWEST_NIGHTS or len(np.unique(numbers)) < FEWEST_NIGHTS:
        return False
    # Beside numbers as large as float64 allows, those at hand would overflow.
    scaled = numbers / np.abs(numbers).max()
    correlation = np.corrcoef(days, scaled)[0, 1]
    return bool(correlation > MOVES)


def days_of(nights: pa.ChunkedArray) -> Int64s:
    """Days since 1970 of dates without null, (n,)."""
    days = nights.cast(pa.date32()).cast(pa.int32())
    return np.asarray(days, np.int64)


def _numbers(values: pa.ChunkedArray) -> NDArray[np.float64]:
    if pa.types.is_date(values.type):
        values = values.cast(pa.date32())
    return np.asarray(as_numbers(values), np.float64)


def _one_a_night(nights: Int64s, values: pa.ChunkedArray) -> bool:
    """Whether all rows of a night have the same value, and not all nights."""
    known = np.asarray(values.is_valid())
    codes = np.asarray(values.drop_null().combine_chunks().dictionary_encode().indices, np.int64)
    days = nights[known]
    _, night, rows = np.unique(days, return_inverse=True, return_counts=True)
    several = rows[night] > 1
    pairs = np.stack([night[several], codes[several]], axis=1)
    different = np.unique(pairs, axis=0)
    nights_with_several = len(np.unique(night[several]))
    values_seen = len(np.unique(codes[several]))
    if nights_with_several < FEWEST_NIGHTS or values_seen < FEWEST_NIGHTS:
        return False
    return len(different) == nights_with_several
