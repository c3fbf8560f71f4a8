"""The dictionary of a column of texts, known again in each batch that shares it: its texts are looked up once.

A row group is scored in batches of some ten thousand rows, which all have its dictionary. What is looked up in it is
small, and the looking up dear beside that of the rows.
"""

from typing import TypeAlias

import pyarrow as pa

Addresses: TypeAlias = tuple[int, ...]
MOST_TEXTS = 4_096
"""Of a dictionary that is remembered: a larger one is no longer small beside its rows, and takes memory."""


class SharedTexts:
    """Texts as the key of a cache: equal where they lie in the same memory, which stays theirs as long as they do."""

    __slots__ = ("_place", "texts")

    def __init__(self, texts: pa.Array) -> None:
        self.texts = texts
        addresses = [buffer.address if buffer else 0 for buffer in texts.buffers()]
        self._place: Addresses = (len(texts), texts.offset, *addresses)

    def __hash__(self) -> int:
        return hash(self._place)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SharedTexts) and self._place == other._place


def are_few(texts: pa.Array) -> bool:
    """Whether a dictionary is small enough to be remembered."""
    return len(texts) <= MOST_TEXTS
