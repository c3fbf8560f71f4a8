"""What lies in a ledger: its entries, and the cached head that says what they say together."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Generic, Literal, Self, TypeVar

from pydantic import model_validator

from nightshift.stores.records import FIRST_FORMAT, Record
from nightshift.stores.seals import SealedRecord, Seals

WITH_HISTORY = 3


class LedgerEntry(SealedRecord):
    """``record`` under its number; without one, somebody's word that the log was right until here.

    ``token`` tells a writer its own. ``history`` is of all entries before, in their order. Format 1 is the record
    alone, and format 2 had neither history nor seal.
    """

    what = "an entry of a ledger"

    format: Literal[1, 2, 3] = 3
    number: int = 0
    previous: str | None = None
    history: str = ""
    token: str = ""
    record: dict[str, Any] | None

    @model_validator(mode="before")
    @classmethod
    def _wrap_first_format(cls, content: dict[str, Any]) -> dict[str, Any]:
        if content.get("format") != FIRST_FORMAT:
            return content
        return {"format": FIRST_FORMAT, "record": content}


class LedgerHead(SealedRecord):
    """What ``log`` says as of its entry ``number``, whose digest is ``digest``. A kind adds what its users ask for.

    ``history`` is of all entries up to that one.
    """

    what = "the head of a ledger"

    format: Literal[1, 2] = 1
    number: int = 0
    digest: str = ""
    history: str = ""
    log: str = ""


E = TypeVar("E", bound=Record)


@dataclass(frozen=True)
class OpenedEntry(Generic[E]):
    """An entry as it was read: ``digest`` is of its bytes, and ``history`` None where it says none."""

    key: str
    number: int
    digest: str
    previous: str | None
    history: str | None
    record: E | None
    is_sealed: bool
    is_current: bool

    @classmethod
    def of(cls, body: bytes, number: int, key: str, where: str, kind: type[E], seals: Seals) -> Self:
        """What lies at ``key``, which ``where`` names for people. Raises ``UnreadableRecord``."""
        entry = LedgerEntry.from_json(body, where)
        record = None
        if entry.record is not None:
            content = json.dumps(entry.record)
            record = kind.from_json(content.encode(), where)
        return cls(
            key=key,
            number=entry.number or number,
            digest=sha256(body),
            previous=entry.previous,
            history=entry.history if entry.format == WITH_HISTORY else None,
            record=record,
            is_sealed=entry.is_believed(seals, key),
            is_current=entry.is_current(seals, key),
        )


def sha256(body: bytes) -> str:
    """The digest of an entry, and of a log."""
    return hashlib.sha256(body).hexdigest()
