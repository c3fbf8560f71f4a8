"""Regular expressions of a spec: which of them could take for ever on a text that somebody made for it.

Python's engine tries all ways in which a repetition can be split: ``^(a+)+$`` takes minutes for thirty letters. Such
patterns are run by an engine whose time grows with the text alone, which knows no look-ahead and no back-reference.
"""

import re
from collections.abc import Iterable
from functools import cache
from re import _parser  # type: ignore[attr-defined]
from typing import Any

REPEATS = frozenset({"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"})
LOOKS_AROUND = frozenset({"ASSERT", "ASSERT_NOT", "GROUPREF", "GROUPREF_EXISTS"})


def require_pattern(pattern: str) -> None:
    """Raises ``ValueError`` for what is no regular expression, or one that no engine runs in bounded time."""
    try:
        re.compile(pattern)
        endless = can_be_split(pattern) and _looks_around(_parser.parse(pattern))
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
