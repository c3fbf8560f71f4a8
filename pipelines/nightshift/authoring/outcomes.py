"""The different outcomes that a label has: texts that stand for none taken out, spellings of one number joined."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from nightshift.authoring.facts import ColumnFacts
from nightshift.stores.text_values import plainly

NO_OUTCOME = ("", "NA", "N/A", "n/a", "<NA>", "#N/A", "NaN", "nan", "null", "NULL", "Null", r"\N", "?")
"""Texts that stand for no outcome, if two others are there; none and - may well be one of the outcomes."""


@dataclass(frozen=True)
class Outcomes:
    """Rows by outcome, None for too many to count; ``nulls`` are texts that stand for none."""

    rows: dict[Any, int] | None
    nulls: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def outcomes_of(name: str, facts: ColumnFacts) -> Outcomes:
    """What a label has for outcomes, by its facts."""
    if facts.values is None or not pa.types.is_string(facts.kind):
        return Outcomes(None if facts.values is None else dict(facts.values))
    nulls = sorted(text for text in facts.values if text.strip() in NO_OUTCOME)
    if len(facts.values) - len(nulls) < 2:
        nulls = []
    rows: Counter[str] = Counter()
    rows_without = 0
    for text, count in facts.values.items():
        if text in nulls:
            rows_without += count
        else:
            rows[_plain(text)] += count
    markers = tuple(dict.fromkeys(map(str.strip, nulls)))
    doubts = _of_letters(name, rows)
    if markers:
        doubts.insert(0, _of_nulls(name, markers, rows_without))
    return Outcomes(dict(rows), markers, tuple(doubts))


def as_word(value: Any) -> str:
    """A class as the source's reader gives it: 7 and 7.0 are both "7"."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if is_whole(value) else _plain(str(value))


def is_whole(value: Any) -> bool:
    """Whether a number has no fraction; a text is none."""
    if isinstance(value, str):
        return False
    return bool(value == int(value))


def _plain(text: str) -> str:
    array = pa.array([text])
    plain: str = plainly(array)[0].as_py()
    return plain


def _of_nulls(name: str, markers: tuple[str, ...], rows: int) -> str:
    names = ", ".join(map(repr, markers))
    return f"label {name}: {names}, in {rows:,} rows, is read as no outcome (label.nulls)"


def _of_letters(name: str, rows: Counter[str]) -> list[str]:
    """Texts that are the same in other letters: they are outcomes of their own, which a person seldom means."""
    by_word: dict[str, list[str]] = {}
    for text in rows:
        word = text.strip().lower()
        by_word.setdefault(word, []).append(text)
    doubts = []
    for texts in by_word.values():
        if len(texts) > 1:
            names = ", ".join(map(repr, sorted(texts)))
            doubts.append(f"label {name}: {names} differ only in case or blanks, and are outcomes of their own")
    return doubts
