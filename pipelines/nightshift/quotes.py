"""Values of data in errors and logs: few, short, and none at all where an operator says so.

Who mends a source looks for the value that does not fit, so messages quote it. Logs have more readers than the data:
with ``NIGHTSHIFT_QUOTE_VALUES=false`` messages name file, column and how many rows, and no value.
"""

import os
from collections.abc import Iterable

VARIABLE = "NIGHTSHIFT_QUOTE_VALUES"
NO = frozenset({"false", "0", "no", "off"})
LONGEST_VALUE = 60
LONGEST_WORDS = 300
HIDDEN = "(not shown)"


def quotes_values() -> bool:
    """Whether messages may hold values of the data."""
    word = os.environ.get(VARIABLE, "")
    return word.strip().lower() not in NO


def quoted(value: object) -> str:
    """One value, as it stands in a message."""
    return shown(repr(value))


def all_quoted(values: Iterable[object]) -> str:
    """Some values, as they stand in a message."""
    return ", ".join(quoted(value) for value in values) if quotes_values() else HIDDEN


def shown(text: str) -> str:
    """A value that is text for people already."""
    return _shortened(text, LONGEST_VALUE) if quotes_values() else HIDDEN


def own_words(error: Exception) -> str:
    """What a library or a source says of the data, in one line: it may hold values, of any row."""
    lines = str(error).strip().splitlines()
    if not quotes_values() or not lines:
        return type(error).__name__
    return _shortened(lines[0], LONGEST_WORDS)


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 4]} ..."
