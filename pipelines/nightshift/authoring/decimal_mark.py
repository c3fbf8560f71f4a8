"""Whether the numbers of CSV files have a decimal comma: by all columns, since one alone may mean either."""

from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from nightshift.authoring.text_types import COMMA_NUMBER, MARKED_PATTERN, NUMBERS, TypeGuess
from nightshift.spec.source import DecimalMark

A_THOUSAND = r"^[+-]?[1-9]\d{0,2},\d{3}$"
"""A comma that may stand between thousands."""
SEPARATOR_OF_COMMAS = ";"
"""Between fields where decimals have a comma: what programs write where a comma would not do."""
MOST_NAMES = 5


@dataclass
class ColumnGuess:
    """What the texts of one column may be: by decimal points, by decimal commas, and by either.

    ``comma`` is the first text with a comma, ``decimal`` the first whose comma does not stand between thousands,
    ``dot`` the first with a dot.
    """

    usual: TypeGuess
    by_comma: TypeGuess = field(default_factory=TypeGuess.with_commas)
    marked: TypeGuess = field(default_factory=TypeGuess.with_any_mark)
    comma: str | None = None
    decimal: str | None = None
    dot: str | None = None

    def look(self, texts: pa.Array) -> None:
        """Strike out what some more texts are not."""
        self.usual.look(texts)
        self.by_comma.look(texts)
        # Most columns are numbers by points, or no numbers at all: they cost no more than one look.
        if not any(candidate.name in NUMBERS for candidate in self.usual.candidates):
            self.marked.look(texts)
        if self.marked.candidates and len(_with(",", texts)):
            self._look_at_commas(texts)
        if self.by_comma.candidates and self.dot is None:
            self.dot = _first(_numbers(_with(".", texts)))

    @property
    def is_by_comma(self) -> bool:
        """Whether the texts are numbers only if the comma stands before decimals."""
        return self.by_comma.is_known and not self.usual.is_known

    @property
    def is_by_point(self) -> bool:
        """Whether they are numbers only if the point does."""
        kind = self.usual.type
        is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
        return is_number and not self.by_comma.is_known

    @property
    def is_of_thousands(self) -> bool:
        """Whether they are numbers either way, and other ones: 1.234."""
        return self.by_comma.is_known and self.dot is not None and self.comma is None

    @property
    def stays_text(self) -> bool:
        """Whether a person reads numbers where a draft has texts."""
        return self.comma is not None and self.marked.is_known and not self.usual.is_known

    def chosen(self, decimal: DecimalMark) -> TypeGuess:
        """The guess by that mark."""
        by_comma = decimal == "," and self.by_comma.is_known
        return self.by_comma if by_comma else self.usual

    def _look_at_commas(self, texts: pa.Array) -> None:
        numbers = _numbers(_with(",", texts))
        by_comma = pc.match_substring_regex(numbers, COMMA_NUMBER)
        may_be_thousands = pc.match_substring_regex(numbers, A_THOUSAND)
        decimals = numbers.filter(pc.and_not(by_comma, may_be_thousands))
        self.comma = self.comma or _first(numbers)
        self.decimal = self.decimal or _first(decimals)
        self.dot = self.dot or _first(_numbers(_with(".", texts)))


def _with(mark: str, texts: pa.Array) -> pa.Array:
    return texts.filter(pc.match_substring(texts, mark))


def _numbers(texts: pa.Array) -> pa.Array:
    words = pc.utf8_trim_whitespace(texts)
    return words.filter(pc.match_substring_regex(words, MARKED_PATTERN))


def _first(texts: pa.Array) -> str | None:
    return str(texts[0]) if len(texts) else None


def decimal_mark(guesses: dict[str, ColumnGuess], separator: str) -> DecimalMark:
    """A comma where numbers of these files have one, surely, and none has a decimal point."""
    by_comma = [guess for guess in guesses.values() if guess.is_by_comma]
    if any(guess.is_by_point for guess in guesses.values()):
        return "."
    is_sure = separator == SEPARATOR_OF_COMMAS or any(guess.decimal for guess in by_comma)
    return "," if by_comma and is_sure else "."


def unread_numbers(guesses: dict[str, ColumnGuess], decimal: DecimalMark) -> dict[str, str]:
    """Why a column that a person reads as numbers is one of texts, by its name."""
    reasons = {}
    by_point = [name for name, guess in guesses.items() if guess.is_by_point]
    for name, guess in guesses.items():
        is_read = decimal == "," and guess.by_comma.is_known
        if guess.stays_text and not is_read:
            reasons[name] = _why_text(guess, decimal, by_point)
    return reasons


def remarks_of_marks(guesses: dict[str, ColumnGuess]) -> dict[str, str]:
    """What a person should know of files whose decimals have a comma, by the names of columns."""
    remarks = {}
    names = [name for name, guess in guesses.items() if guess.is_by_comma]
    first = names[0]
    listed = ", ".join(names[:MOST_NAMES])
    if len(names) > MOST_NAMES:
        listed = f"{listed}, ..."
    example = guesses[first].decimal or guesses[first].comma
    remarks[first] = f"numbers have a decimal comma, as {example} in {first}, by source.csv.decimal: {listed}"
    for name, guess in guesses.items():
        if guess.is_of_thousands:
            remarks[name] = f"{name}: its dots, as in {guess.dot}, are read as between thousands, beside decimal commas"
    return remarks


def _why_text(guess: ColumnGuess, decimal: DecimalMark, by_point: list[str]) -> str:
    if decimal == ",":
        return f"commas stand between the thousands of its numbers, as in {guess.comma}, and elsewhere before decimals"
    if by_point:
        return f"its numbers have commas, as {guess.comma}, and those of {by_point[0]} a decimal point"
    if guess.decimal and guess.dot:
        return f"some of its numbers have a comma, as {guess.decimal}, and some a point, as {guess.dot}"
    return (
        f"the commas of its numbers, as in {guess.comma}, may stand between thousands or before decimals; of decimals"
        " source.csv takes decimal: ',', and the column a type of numbers"
    )
