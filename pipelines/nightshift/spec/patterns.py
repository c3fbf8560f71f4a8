"""Regular expressions of a spec: which of them could take for ever on a text that somebody made for it.

Python's engine tries all ways in which a repetition can be split: ``^(a+)+$`` takes minutes for thirty letters,
``^a*a*a*$`` for four thousand. Such patterns, or such texts, are left to an engine whose time grows with the text
alone, which knows no look-ahead and no back-reference.
"""

import math
import re
from collections.abc import Iterable
from functools import cache
from re import _parser  # type: ignore[attr-defined]
from typing import Any

REPEATS = frozenset({"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"})
LOOKS_AROUND = frozenset({"ASSERT", "ASSERT_NOT", "GROUPREF", "GROUPREF_EXISTS"})
STARTS = frozenset({"AT_BEGINNING", "AT_BEGINNING_STRING"})
MOST_TRIES = 1_000_000
"""Of Python's engine for one text: a hundredth of a second."""
FEW = 100
"""A repetition of at most so many turns is none that a text can make long."""


def require_pattern(pattern: str) -> None:
    """Raises ``ValueError`` for what is no regular expression, or one that no engine runs in bounded time."""
    try:
        re.compile(pattern)
        endless = can_be_split(pattern) and looks_around(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"pattern {pattern!r} is no regular expression: {error}") from error
    if endless:
        raise ValueError(
            f"pattern {pattern!r} may take for ever: it looks ahead or back, and repeats what repeats or has a choice;"
            " leave one of them out"
        )


@cache
def can_be_split(pattern: str) -> bool:
    """Whether a repetition holds another one of no fixed length, or a choice: a text may then match in many ways."""
    return _repeats_inside(_parser.parse(pattern), inside=False)


@cache
def looks_around(pattern: str) -> bool:
    """Whether it looks ahead or back, which only Python's engine does."""
    return _looks_around(_parser.parse(pattern))


@cache
def longest_tried(pattern: str) -> float:
    """The characters up to which Python's engine makes no more than ``MOST_TRIES``; infinite for one in plain time.

    It tries every split of a text among the repetitions, and every place to start from where no ``^`` says which.
    """
    nodes = _parser.parse(pattern)
    choices = _endless_repeats(nodes)
    if not _starts_at_the_beginning(nodes):
        choices += 1
    if choices < 2:
        return math.inf
    longest: float = MOST_TRIES ** (1 / choices)
    return round(longest)


def _starts_at_the_beginning(nodes: Any) -> bool:
    if not len(nodes):
        return False
    _, argument = nodes[0]
    return str(argument) in STARTS


def _endless_repeats(nodes: Iterable[Any]) -> int:
    repeats = 0
    for operator, argument in nodes:
        if str(operator) in REPEATS:
            _, high, _ = argument
            repeats += int(high > FEW)
        repeats += sum(_endless_repeats(body) for body in _bodies(argument))
    return repeats


def _repeats_inside(nodes: Iterable[Any], *, inside: bool) -> bool:
    for operator, argument in nodes:
        name = str(operator)
        within = inside
        if name in REPEATS:
            low, high, _ = argument
            if inside and low != high:
                return True
            within = inside or high > 1
        if name == "BRANCH" and inside:
            return True
        for body in _bodies(argument):
            if _repeats_inside(body, inside=within):
                return True
    return False


def _looks_around(nodes: Iterable[Any]) -> bool:
    for operator, argument in nodes:
        if str(operator) in LOOKS_AROUND:
            return True
        if any(_looks_around(body) for body in _bodies(argument)):
            return True
    return False


def _bodies(argument: Any) -> list[Any]:
    """The parts of an expression that are expressions."""
    if isinstance(argument, _parser.SubPattern):
        return [argument]
    if not isinstance(argument, tuple | list):
        return []
    bodies = []
    for part in argument:
        bodies += _bodies(part)
    return bodies
