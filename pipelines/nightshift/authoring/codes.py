"""Whole numbers that are no quantities: flags, and codes that name something."""

import re

import pyarrow as pa

from nightshift.authoring.calendar import BY_NAME, TREND
from nightshift.authoring.facts import ColumnFacts
from nightshift.authoring.outcomes import as_word

EXPECTED_TWOS = 10
FLAG_NAMES = re.compile(r"^(is|has)_|(^|_)(flag|holiday|workingday|weekend)$")
FEWEST_CODES = 3
MOST_CODES = 100
ROWS_PER_CODE = 5
WORDS = "code|cd|id|type|kind|class|category|cat|zone|region|status|group|segment|channel"
NAMES_SOMETHING = re.compile(f"(^|_)({WORDS})$")


def is_flag(
    alias: str,
    facts: ColumnFacts,
    unlimited: str | None,
) -> bool:
    """Whether whole numbers are truth values: 0 and 1, by the name or since a count would have shown a 2 by now.

    A 2 in a column of truth values would refuse its night. The first years of a calendar are no truth values either.
    """
    if not pa.types.is_integer(facts.kind):
        return False
    if facts.values is None or set(facts.values) != {0, 1}:
        return False
    if unlimited in {TREND, BY_NAME}:
        return False
    ones = facts.values[1]
    # Of a Poisson count with as many ones.
    twos = ones**2 / (2 * facts.known)
    return bool(FLAG_NAMES.search(alias)) or twos >= EXPECTED_TWOS


def are_codes(
    alias: str,
    facts: ColumnFacts,
    unlimited: str | None,
) -> bool:
    """Whether a column says by its name that its few whole numbers name something."""
    if not NAMES_SOMETHING.search(alias) or unlimited is not None:
        return False
    is_number = pa.types.is_integer(facts.kind) or pa.types.is_floating(facts.kind)
    if not is_number or facts.infinite or not facts.values:
        return False
    few = FEWEST_CODES <= len(facts.values) <= MOST_CODES
    often = facts.known >= ROWS_PER_CODE * len(facts.values)
    whole = all(value == int(value) for value in facts.values)
    return few and often and whole


def code_texts(facts: ColumnFacts) -> list[str]:
    """The codes as a string column has them, in their order as numbers."""
    in_order = sorted(facts.values or ())
    return [as_word(value) for value in in_order]
