"""Which type the texts of a column can all be read as."""

from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from nightshift.stores.types import REFUSALS, TIMESTAMP, fitted

TYPES = {
    "bool": pa.bool_(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "date": pa.date32(),
    "time": TIMESTAMP,
}
NUMBER = r"^[+-]?(0|[1-9]\d*)?(\.\d*)?([eE][+-]?\d+)?$|^[+-]?(?i:inf|nan)$"
# How texts must be written, beyond what Arrow would read as such a type: a leading zero makes a text.
PATTERNS = {"bool": r"^(?i:true|false)$", "int64": NUMBER, "float64": NUMBER}
NULLS = ["NA", "N/A", "null", "NULL", ""]


@dataclass
class TypeGuess:
    """The names of ``TYPES`` that all texts so far can be, most special first."""

    candidates: list[str] = field(default_factory=lambda: list(TYPES))
    has_values: bool = False

    def look(self, texts: pa.Array) -> None:
        """Strike out what some more texts are not."""
        if texts.null_count < len(texts):
            self.has_values = True
        self.candidates = [name for name in self.candidates if _can_be(name, texts)]

    @property
    def type(self) -> pa.DataType:
        """The most special type that is left; text where none is, or where there was no value."""
        if not self.has_values or not self.candidates:
            return pa.string()
        return TYPES[self.candidates[0]]


def _can_be(name: str, texts: pa.Array) -> bool:
    pattern = PATTERNS.get(name)
    if pattern and not _all_match(texts, pattern):
        return False
    try:
        fitted(texts, TYPES[name], as_text=True)
    except REFUSALS:
        return False
    return True


def _all_match(texts: pa.Array, pattern: str) -> bool:
    """Whether every text matches, or stands for no value."""
    words = pc.utf8_trim_whitespace(texts.drop_null())
    matches = pc.match_substring_regex(words, pattern)
    is_null = pc.is_in(words, pa.array(NULLS))
    every = pc.all(pc.or_(matches, is_null))
    return bool(every.as_py())
