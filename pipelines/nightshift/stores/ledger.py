"""A log that only grows. It is a lock too: of two who append, one is first and the other knows it.

    000001.json, 000002.json, ...   the entries; each names the digest of the one before, and is sealed
    head.json                       what the log says as of one of them: a cache, refreshed by who appends

An entry counts when it, or a later one, carries a seal: each sealed entry has a digest of the whole log before it. So
one entry without a record puts a person's word under all that was written before there were seals, or by another key.

docs/decisions/0014-the-ledger-is-the-lock.md and 0026-sealed-versions.md say why, and what else was considered.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, Generic, TypeVar

from nightshift.concurrency import ordered_map
from nightshift.errors import LakeUnavailable, Superseded, UnreadableRecord, UnsealedRecord
from nightshift.s3 import trust
from nightshift.settings import SEAL_KEY
from nightshift.stores import layout
from nightshift.stores.ledger_entry import LedgerEntry, LedgerHead, OpenedEntry, sha256
from nightshift.stores.objects import ConditionFailed, Objects
from nightshift.stores.records import Record
from nightshift.stores.seals import Seals

TRIES = 20
REFRESHES = 3
AT_ONCE = 8
RESTORE = "bring the object back from a backup of the bucket; without it nobody knows what was decided"


E = TypeVar("E", bound=Record)
H = TypeVar("H", bound=LedgerHead)

__all__ = ["Ledger", "LedgerEntry", "LedgerHead"]


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

        Raises ``UnreadableRecord`` when an entry is damaged or missing, ``UnsealedRecord`` when somebody without a key
        wrote one, ``UsageError`` without a key, ``LakeUnavailable``.
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
        return [record for _, record in self.numbered() if record is not None]

    def numbered(self) -> list[tuple[int, E | None]]:
        """The same by number, and None where a person vouched for what is before. Raises ``UnreadableRecord``."""
        numbers = self._numbers(after=0)
        return [(entry.number, entry.record) for _, entry in self._followed(self._head(), numbers)]

    def entry(self, number: int) -> E:
        """One entry. Raises ``UnreadableRecord`` when it is damaged or missing."""
        entry = self._read(number)
        if not entry.is_sealed:
            numbers = self._numbers(after=0)
            later = self._followed(self._head(), numbers)
            entry = {each.number: each for _, each in later}[number]
        if entry.record is None:
            raise self._broken(number, "has no record")
        return entry.record

    def head_without_seal(self) -> H:
        """What the log says, whoever wrote it: to be shown to the person who is asked to vouch for it."""
        head, _, _ = self._unfollowed()
        return head

    def to_vouch_for(self) -> H | None:
        """The same, where not all of it is under the seal of the first key, the one of them that stays; or else None.

        Raises ``UnreadableRecord``, but not for want of a seal.
        """
        head, last, _ = self._unfollowed()
        return None if last is None or last.is_current else head

    def vouch(self, shown: H | None = None) -> bool:
        """Put a person's word, and the first key's seal, under what they were shown; no where it lies there already.

        Raises ``Superseded`` when another log lies there, ``UnsealedRecord`` where somebody without a key wrote after
        those who had one.
        """
        while True:
            head, last, sealed = self._unfollowed()
            if shown and head.history != shown.history:
                raise self._changed()
            if last is None or last.is_current:
                return False
            if sealed and not last.is_sealed:
                raise self._unsealed(last, "it follows entries that are: see who wrote it, and delete it")
            if self._append(head, None):
                return True

    def attempts(self) -> Iterator[H]:
        """The log as it stands, as often as somebody else appends first. Raises ``LakeUnavailable`` in the end."""
        for _ in range(TRIES):
            yield self.head()
        raise LakeUnavailable(f"{self._where}: others were first {TRIES} times", fix="try again")

    def append(self, head: H, record: E) -> bool:
        """Write a record as the next entry after ``head``; False when another is there, so look and decide again.

        Raises ``LakeUnavailable`` when the store takes none, ``StackError`` when it cannot be trusted with one.
        """
        content = json.loads(record.model_dump_json(by_alias=True))
        return self._append(head, content)

    def _append(self, head: H, content: dict[str, Any] | None) -> bool:
        trust.require(self._objects.settings)
        entry = LedgerEntry(
            number=head.number + 1,
            previous=head.digest,
            history=head.history,
            token=uuid.uuid4().hex,
            record=content,
        )
        place = layout.ledger_entry(self._prefix, entry.number)
        body = entry.under_seal(self._seals, place).to_json()
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
        for after, _ in self._followed(cached, numbers):
            head = after
        if len(numbers) > 1:
            self._refresh(head)
        return head

    def _followed(self, head: H, numbers: list[int]) -> Iterator[tuple[H, OpenedEntry[E]]]:
        """Entries after a head, each with the head that it makes. In the end, all of them must be under a seal."""
        last = None
        for entry in self._stored(numbers):
            head = self._after(head, entry)
            last = entry
            yield head, entry
        if last and not last.is_sealed:
            raise self._unsealed(last, f"if you know that it is right: nightshift seal {layout.model_of(self._prefix)}")

    def _unfollowed(self) -> tuple[H, OpenedEntry[E] | None, int]:
        """The log as it lies there, its last entry, and how many are sealed: whoever wrote them."""
        head = self._head()
        last = None
        sealed = 0
        for entry in self._stored(self._numbers(after=0)):
            head = self._after(head, entry)
            last = entry
            sealed += entry.is_sealed
        return head, last, sealed

    def _after(self, head: H, entry: OpenedEntry[E]) -> H:
        expected = head.number + 1
        if entry.number != expected:
            raise self._broken(expected, "is not there")
        if entry.previous not in {None, head.digest}:
            raise self._broken(entry.number, f"does not follow entry {head.number} as it is")
        if entry.history not in {None, head.history}:
            raise self._broken(entry.number, f"does not follow the {head.number} entries before it as they are")
        folded = head if entry.record is None else self._fold(head, entry.number, entry.record)
        after = {
            "number": entry.number,
            "digest": entry.digest,
            "history": sha256(f"{head.history}{entry.digest}".encode()),
            "log": self._prefix,
        }
        return folded.model_copy(update=after)

    def _numbers(self, after: int) -> list[int]:
        known = layout.ledger_entry(self._prefix, max(0, after))
        numbers = []
        for key in self._objects.keys_after(self._prefix, known):
            number = layout.number_of_entry(self._prefix, key)
            if number:
                numbers.append(number)
        return numbers

    def _stored(self, numbers: list[int]) -> Iterator[OpenedEntry[E]]:
        return ordered_map(self._read, numbers, threads=AT_ONCE, depth=AT_ONCE * 2)

    def _read(self, number: int) -> OpenedEntry[E]:
        """An entry, fetched again before it is called damaged. Its digest is of the bytes as they were fetched."""
        key = layout.ledger_entry(self._prefix, number)
        opened = self._objects.get_opened(key, lambda body: self._opened(number, body))
        if opened is None:
            raise self._broken(number, "is not there")
        entry, _ = opened
        return entry

    def _opened(self, number: int, body: bytes) -> OpenedEntry[E]:
        key = layout.ledger_entry(self._prefix, number)
        where = f"{self._objects.uri}/{key}"
        return OpenedEntry.of(body, number, key, where, self._entry, self._seals)

    def _cached(self) -> H:
        # Without a key even an empty log says nothing.
        Seals.of(self._objects.settings)
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
                sealed = head.under_seal(self._seals, key)
                self._objects.put_if(key, sealed.to_json(), etag)
                return
            except (ConditionFailed, LakeUnavailable):
                continue

    def _head_in(self, body: bytes) -> H:
        """A head as it was written, or that of an empty log: what is damaged, unsealed, or of another log, is none."""
        place = layout.ledger_head(self._prefix)
        try:
            head = self._head.from_json(body, self._where)
        except UnreadableRecord:
            return self._head()
        is_ours = head.log == self._prefix and head.is_believed(self._seals, place)
        return head.model_copy(update={"seal": ""}) if is_ours else self._head()

    @cached_property
    def _seals(self) -> Seals:
        return Seals.of(self._objects.settings)

    @property
    def _where(self) -> str:
        return f"{self._objects.uri}/{self._prefix}"

    def _broken(self, number: int, why: str) -> UnreadableRecord:
        key = layout.ledger_entry(self._prefix, number)
        return UnreadableRecord(f"{self._objects.uri}/{key} {why}", fix=RESTORE)

    def _changed(self) -> Superseded:
        return Superseded(
            f"{self._where} is not what it was when it was shown; nothing of it was sealed",
            fix=f"look again: nightshift seal {layout.model_of(self._prefix)}",
        )

    def _unsealed(self, entry: OpenedEntry[E], remedy: str) -> UnsealedRecord:
        return UnsealedRecord(
            f"{self._objects.uri}/{entry.key} is not sealed by a key of {SEAL_KEY}: somebody else wrote or changed it,"
            " it was copied from elsewhere, or an earlier version of Nightshift wrote it",
            fix=remedy,
        )
