"""What was read of a model, kept in memory as long as a listing shows the same objects; and how much more may be read.

A look makes the same few listings however many nights there are, and reads what is new in them, newest first, within
an allowance. What the allowance does not reach is read by the next look.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from nightshift.errors import UnreadableRecord
from nightshift.stores.objects import ObjectInfo, Objects
from nightshift.stores.records import Record

R = TypeVar("R", bound=Record)
F = TypeVar("F")
LEDGER_REQUESTS = 3


class RequestsSpentError(Exception):
    """The look may make no more requests; the next one goes on."""


@dataclass(frozen=True)
class _Damaged:
    """That an object cannot be read, whose bytes are not fetched again before it is another one."""

    why: str


@dataclass
class LookMemory:
    """The memory of one model. ``damaged`` says what could not be read in this look, and why."""

    objects: Objects
    newest: dict[str, str] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)
    _facts: dict[str, tuple[str, object]] = field(default_factory=dict)
    _used: set[str] = field(default_factory=set)
    _left: int = 0

    def begin(self, allowance: int) -> None:
        """A look that may make so many requests."""
        self.damaged.clear()
        self._used.clear()
        self._left = allowance

    def end(self) -> None:
        """Forget what a look that read all did not need."""
        if self._left <= 0:
            return
        self._facts = {name: self._facts[name] for name in self._used}

    def spend(self, requests: int = 1) -> None:
        """Raises ``RequestsSpentError`` where so many are not left."""
        if self._left < requests:
            self._left = 0
            raise RequestsSpentError
        self._left -= requests

    def read(self, stored: ObjectInfo, kind: type[R], facts_of: Callable[[R], F]) -> F | None:
        """What is to be known of a record that a listing showed; None where it is gone or cannot be read.

        Raises ``RequestsSpentError``, ``LakeUnavailable``.
        """

        def read() -> F | _Damaged | None:
            try:
                record = self.objects.get_record(stored.key, kind)
            except UnreadableRecord as error:
                return _Damaged(str(error))
            if record is None:
                return None
            return facts_of(record)

        facts = self.once(stored.key, read, tag=stored.etag)
        if isinstance(facts, _Damaged):
            self.damaged.append(facts.why)
            return None
        return facts

    def once(self, name: str, read: Callable[[], F], *, tag: str = "", requests: int = 1) -> F:
        """The answer of ``read``, which may make so many requests, as long as it is asked for under the same tag."""
        known = self._facts.get(name)
        if known is None or known[0] != tag:
            self.spend(requests)
            known = (tag, read())
            self._facts[name] = known
        self._used.add(name)
        return known[1]  # type: ignore[return-value]  # what a name stands for has one type

    def listed(self, prefix: str, after: str = "") -> list[ObjectInfo]:
        """Objects under a prefix, behind a key. One request for a thousand of them."""
        self.spend()
        return list(self.objects.listing(prefix, after=after))

    def years(self, prefix: str) -> list[str]:
        """The years of the nights under a prefix, newest first. One request."""
        self.spend()
        begins = self.objects.prefixes(prefix, "-")
        years = [begin.removeprefix(prefix).removesuffix("-") for begin in begins]
        return sorted(filter(str.isdecimal, years), reverse=True)
