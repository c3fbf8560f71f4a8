"""Which type the texts of a column can all be read as, but for some that stand for null."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from nightshift.spec.source import DecimalMark
from nightshift.stores.text_values import NO_VALUE
from nightshift.stores.types import REFUSALS, TIMESTAMP, fitted

TYPES = {
    "bool": pa.bool_(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "date": pa.date32(),
    "time": TIMESTAMP,
    "string": pa.string(),
}
# A leading zero makes a text, and so does the + of a telephone number.
NUMBER = r"^(-|\+)?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?$"
COMMA_NUMBER = r"^(-|\+)?((0|[1-9]\d*|[1-9]\d{0,2}(\.\d{3})+)(,\d*)?|,\d+)([eE][+-]?\d+)?$"
THOUSANDS = r"^[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?$"
INFINITE = "^[+-]?(?i:inf|infinity)$"
TELEPHONE = r"^\+\d{7,}$"
DATE = r"^\d{4}-\d{2}-\d{2}"
# How texts must be written, beyond what Arrow would read as such a type.
PATTERNS = {
    "bool": "^(?i:true|false)$",
    "int64": f"{NUMBER}|{INFINITE}",
    "float64": f"{NUMBER}|{INFINITE}",
    "date": DATE,
    "time": DATE,
}
COMMA_PATTERN = f"{COMMA_NUMBER}|{INFINITE}"
"""Of numbers with a decimal comma."""
MARKED_PATTERN = f"{NUMBER}|{COMMA_NUMBER}|{THOUSANDS}"
"""Of texts that a person reads as numbers, whatever stands before the decimals."""
SIGNS = ("?", "-", "--", "---", ".", "..", "*", "n.a.", "N.A.", "na", "nil", "(null)", "[NULL]", "<null>", "#NULL!")
WORDS = ("missing", "Missing", "unknown", "Unknown", "UNKNOWN", "#DIV/0!", "#VALUE!", "#REF!", "0000-00-00")
MARKERS: tuple[str, ...] = (*NO_VALUE, *SIGNS, *WORDS, "0000-00-00 00:00:00")
"""Texts that mean null in a column whose other texts are numbers, dates or times."""
MARKERS_BESIDE_TRUTH: tuple[str, ...] = (*NO_VALUE, *SIGNS)
"""The same beside true and false, where unknown may well be the third value."""
NUMBERS = ("int64", "float64")
MOST_ODD = 8
FEWEST_TIMES = 2
FEWEST_DIFFERENT = 10
"""So many different numbers or dates, at least, make one other text a null."""


@dataclass
class PossibleType:
    """A type that a column may have: texts that are none of it, with their rows, and some of those that are."""

    name: str
    pattern: str
    decimal: DecimalMark = "."
    odd: Counter[str] = field(default_factory=Counter)
    different: set[str] = field(default_factory=set)
    rows: int = 0

    def takes(self, words: pa.Array) -> bool:
        """Whether some more texts can be of the type, or stand for null beside it."""
        is_regular = pc.match_substring_regex(words, self.pattern)
        others = words.filter(pc.invert(is_regular))
        counts = pc.value_counts(others)
        if len(counts) > MOST_ODD:
            return False
        for counted in counts.to_pylist():
            self.odd[counted["values"]] += counted["counts"]
        if not self._odd_may_be_null():
            return False
        regular = words.filter(is_regular)
        self.rows += len(regular)
        if len(self.different) < FEWEST_DIFFERENT:
            some = pc.unique(regular)[:FEWEST_DIFFERENT]
            self.different.update(some.to_pylist())
        return self._can_be(regular)

    @property
    def fits(self) -> bool:
        """Whether, now that all texts were seen, the type is what they mean."""
        unknown = sum(self.odd[text] for text in self._unknown())
        if not self.rows or not unknown:
            return self.rows > 0
        # A text that is there once is a slip, and no marker.
        is_marker = FEWEST_TIMES <= unknown <= self.rows
        return is_marker and len(self.different) >= FEWEST_DIFFERENT

    @property
    def nulls(self) -> tuple[str, ...]:
        """The texts that stand for null and are not read so anyway."""
        texts = [text for text in self.odd if text not in NO_VALUE]
        return tuple(sorted(texts))

    def _can_be(self, words: pa.Array) -> bool:
        if "64" in self.name and _has_telephones(words):
            return False
        try:
            fitted(words, TYPES[self.name], as_text=True, decimal=self.decimal)
        except REFUSALS:
            return False
        return True

    def _odd_may_be_null(self) -> bool:
        unknown = self._unknown()
        if len(self.odd) > MOST_ODD or len(unknown) > 1:
            return False
        letters = "".join(unknown)
        return not any(map(str.isdigit, letters))

    def _unknown(self) -> list[str]:
        markers = MARKERS
        if self.name == "bool":
            markers = MARKERS_BESIDE_TRUTH
        return [text for text in self.odd if text not in markers]


def _candidates() -> list[PossibleType]:
    return [PossibleType(name, pattern) for name, pattern in PATTERNS.items()]


@dataclass
class TypeGuess:
    """The types that all texts so far can be, most special first."""

    candidates: list[PossibleType] = field(default_factory=_candidates)
    is_hive: bool = False

    @classmethod
    def of(cls, names: Iterable[str]) -> "TypeGuess":
        """A guess among some types only."""
        return cls([PossibleType(name, PATTERNS[name]) for name in names])

    @classmethod
    def with_commas(cls) -> "TypeGuess":
        """A guess among numbers that have a decimal comma."""
        return cls([PossibleType(name, COMMA_PATTERN, ",") for name in NUMBERS])

    @classmethod
    def with_any_mark(cls) -> "TypeGuess":
        """A guess whether texts are numbers at all, of which not even one has to be known how to read."""
        return cls([PossibleType("string", MARKED_PATTERN)])

    def look(self, texts: pa.Array) -> None:
        """Strike out what some more texts are not."""
        known = texts.drop_null()
        words = pc.utf8_trim_whitespace(known)
        if not self.is_hive:
            is_marker = pc.equal(words, r"\N")
            some = pc.any(is_marker)
            self.is_hive = bool(some.as_py())
        self.candidates = [candidate for candidate in self.candidates if candidate.takes(words)]

    @property
    def type(self) -> pa.DataType:
        """The most special type that is left; text where none is, or where there was no value."""
        candidate = self._best()
        return pa.string() if candidate is None else TYPES[candidate.name]

    @property
    def is_known(self) -> bool:
        """Whether the texts are of one of the types."""
        return self._best() is not None

    @property
    def nulls(self) -> tuple[str, ...]:
        """Texts that mean null in this column; of a column of texts only what Hive writes, which is no word."""
        candidate = self._best()
        if candidate is not None:
            return candidate.nulls
        return (r"\N",) if self.is_hive else ()

    @property
    def marked_rows(self) -> int:
        """In how many rows such a text stands, of a column of another type than text."""
        candidate = self._best()
        if candidate is None:
            return 0
        return sum(candidate.odd[text] for text in candidate.nulls)

    def _best(self) -> PossibleType | None:
        for candidate in self.candidates:
            if candidate.fits:
                return candidate
        return None


def _has_telephones(words: pa.Array) -> bool:
    are_telephones = pc.match_substring_regex(words, TELEPHONE)
    some = pc.any(are_telephones)
    return bool(some.as_py())
