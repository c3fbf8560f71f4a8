"""How a step says how far it is: to whoever wants to hear it, by default to nobody."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias, TypeVar

T = TypeVar("T")
OnProgress: TypeAlias = Callable[[str, int, int], object]
"""Gets what is being done, how many parts of it are done, and how many there are."""


def unheard(stage: str, done: int, total: int) -> None:
    """For steps that nobody watches."""


def counted(items: Sequence[T], stage: str, progress: OnProgress) -> Iterator[T]:
    """The same items; ``progress`` hears how many of them were dealt with before each, and at the end."""
    total = len(items)
    for done, item in enumerate(items):
        progress(stage, done, total)
        yield item
    progress(stage, total, total)
