"""A log that only grows. It is a lock too: of two who append, one is first and the other knows it.

    000001.json, 000002.json, ...   the entries; each names the digest of the one before
    head.json                       what the log says as of one of them: a cache, refreshed by who appends

docs/decisions/0014-the-ledger-is-the-lock.md says why, and what else was considered.
"""

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from pydantic import model_validator

from nightshift.concurrency import ordered_map
from nightshift.errors import LakeUnavailable, UnreadableRecord
from nightshift.s3 import trust
from nightshift.stores import layout
from nightshift.stores.objects import ConditionFailed, Objects
from nightshift.stores.records import FIRST_FORMAT, Record

TRIES = 20
REFRESHES = 3
AT_ONCE = 8
RESTORE = "bring the object back from a backup of the bucket; without it nobody knows what was decided"


class LedgerEntry(Record):
    """``record`` under its number. ``token`` tells a writer its own; format 1 is the record alone."""

    what = "an entry of a ledger"

    format: Literal[1, 2] = 2
    number: int = 0
    previous: str | None = None
    token: str = ""
    record: dict[str, Any]

    @model_validator(mode="before")
    @classmethod
    def _wrap_first_format(cls, content: dict[str, Any]) -> dict[str, Any]:
        if content.get("format") != FIRST_FORMAT:
            return content
        return {"format": FIRST_FORMAT, "record": content}


class LedgerHead(Record):
    """What ``log`` says as of its entry ``number``, whose digest is ``digest``. A kind adds what its users ask for."""

    what = "the head of a ledger"

    format: Literal[1] = 1
    number: int = 0
    digest: str = ""
    log: str = ""


E = TypeVar("E", bound=Record)
H = TypeVar("H", bound=LedgerHead)


@dataclass(frozen=True)
class _StoredEntry(Generic[E]):
    key: str
    number: int
    digest: str
    previous: str | None
    record: E


class Ledger(Generic[E, H]):
    """One log: entries of one kind under ``prefix``, and ``fold``, which says what one more makes of the head."""

    def __init__(
        self, objects: Objects, prefix: str, entry: type[E], head: type[H], fold: Callable[[H, int, E], H]
    ) -> None:
        self._objects = objects
        self._prefix = prefix
        self._entry = entry
        self._head = head
        self._fold = fold

    def head(self) -> H:
        """What the log says now, by three requests at most unless its cached head is gone or behind.

        Raises ``UnreadableRecord`` when an entry is damaged or missing, ``LakeUnavailable``.
        """
        cached = self._cached()
        try:
            return self._continued(cached)
        except UnreadableRecord:
            if not cached.number:
                raise
        # It does not fit the entries, so it is worth nothing; they are the truth.
        self._objects.delete(layout.ledger_head(self._prefix))
        return self._continued(self._head())

    def entries(self) -> list[E]:
        """All that was ever appended, oldest first. Raises ``UnreadableRecord``."""
        head = self._head()
        records = []
        for entry in self._stored(self._numbers(after=0)):
            head = self._after(head, entry)
            records.append(entry.record)
        return records

    def entry(self, number: int) -> E:
        """One entry. Raises ``UnreadableRecord`` when it is damaged or missing."""
        return self._read(number).record

    def attempts(self) -> Iterator[H]:
        """The log as it stands, as often as somebody else appends first. Raises ``LakeUnavailable`` in the end."""
        for _ in range(TRIES):
            yield self.head()
        raise LakeUnavailable(f"{self._where}: others were first {TRIES} times", fix="try again")

    def append(self, head: H, record: E) -> bool:
        """Write a record as the next entry after ``head``; False when another is there, so look and decide again.

        Raises ``LakeUnavailable`` when the store takes none, ``StackError`` when it cannot be trusted with one.
        """
        trust.require(self._objects.settings)
        entry = LedgerEntry(
            number=head.number + 1,
            previous=head.digest,
            token=uuid.uuid4().hex,
            record=json.loads(record.model_dump_json(by_alias=True)),
        )
        body = entry.to_json()
        if not self._is_ours(entry, body):
            return False
        after = self._after(head, self._opened(entry.number, body))
        self._refresh(after)
        return True

    def _is_ours(self, entry: LedgerEntry, body: bytes) -> bool:
        """Write an entry where nothing is, and say whether it lies there then, whatever became of the answers."""
        key = layout.ledger_entry(self._prefix, entry.number)
        for _ in range(TRIES):
            try:
                self._objects.put_if(key, body, etag=None)
                return True
            except ConditionFailed as error:
                refusal = error
            stored = self._objects.get_record(key, LedgerEntry)
            if stored:
                return stored.token == entry.token
        raise LakeUnavailable(f"{self._where} takes no entry: {refusal}", fix="nightshift status") from refusal

    def _continued(self, cached: H) -> H:
        """A head and all that was appended since. Its own entry is listed again: it must be there."""
        numbers = self._numbers(after=cached.number - 1)
        if cached.number:
            if numbers[:1] != [cached.number]:
                raise self._broken(cached.number, "is not there")
            numbers = numbers[1:]
        head = cached
        for entry in self._stored(numbers):
            head = self._after(head, entry)
        if len(numbers) > 1:
            self._refresh(head)
        return head

    def _after(self, head: H, entry: _StoredEntry[E]) -> H:
        expected = head.number + 1
        if entry.number != expected:
            raise self._broken(expected, "is not there")
        if entry.previous not in {None, head.digest}:
            raise self._broken(entry.number, f"does not follow entry {head.number} as it is")
        folded = self._fold(head, entry.number, entry.record)
        return folded.model_copy(update={"number": entry.number, "digest": entry.digest, "log": self._prefix})

    def _numbers(self, after: int) -> list[int]:
        known = layout.ledger_entry(self._prefix, max(0, after))
        numbers = []
        for key in self._objects.keys_after(self._prefix, known):
            number = layout.number_of_entry(self._prefix, key)
            if number:
                numbers.append(number)
        return numbers

    def _stored(self, numbers: list[int]) -> Iterator[_StoredEntry[E]]:
        return ordered_map(self._read, numbers, threads=AT_ONCE, depth=AT_ONCE * 2)

    def _read(self, number: int) -> _StoredEntry[E]:
        """An entry, fetched again before it is called damaged. Its digest is of the bytes as they were fetched."""
        key = layout.ledger_entry(self._prefix, number)
        opened = self._objects.get_opened(key, lambda body: self._opened(number, body))
        if opened is None:
            raise self._broken(number, "is not there")
        entry, _ = opened
        return entry

    def _opened(self, number: int, body: bytes) -> _StoredEntry[E]:
        key = layout.ledger_entry(self._prefix, number)
        where = f"{self._objects.uri}/{key}"
        entry = LedgerEntry.from_json(body, where)
        content = json.dumps(entry.record)
        return _StoredEntry(
            key=key,
            number=entry.number or number,
            digest=_sha256(body),
            previous=entry.previous,
            record=self._entry.from_json(content.encode(), where),
        )

    def _cached(self) -> H:
        stored = self._objects.get(layout.ledger_head(self._prefix))
        if stored is None:
            return self._head()
        body, _ = stored
        return self._head_in(body)

    def _refresh(self, head: H) -> None:
        """Let the cache be this head, or a later one. It never goes back, and nothing depends on its success."""
        key = layout.ledger_head(self._prefix)
        for _ in range(REFRESHES):
            etag = None
            try:
                stored = self._objects.get(key)
                if stored:
                    body, etag = stored
                    if self._head_in(body).number >= head.number:
                        return
                self._objects.put_if(key, head.to_json(), etag)
                return
            except (ConditionFailed, LakeUnavailable):
                continue

    def _head_in(self, body: bytes) -> H:
        """A head as it was written, or that of an empty log: what is damaged, or of another log, is not believed."""
        try:
            head = self._head.from_json(body, self._where)
        except UnreadableRecord:
            return self._head()
        return head if head.log == self._prefix else self._head()

    @property
    def _where(self) -> str:
        return f"{self._objects.uri}/{self._prefix}"

    def _broken(self, number: int, why: str) -> UnreadableRecord:
        key = layout.ledger_entry(self._prefix, number)
        return UnreadableRecord(f"{self._objects.uri}/{key} {why}", fix=RESTORE)


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
