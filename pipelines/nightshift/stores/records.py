"""Small JSON of the lake, written and read in one way: each kind has a format, and what does not fit is refused.

A record carries a digest of itself, ``check``: one flipped bit may leave good JSON of a wrong number. What the first
versions wrote has none.

A record's format is raised by one, and its class taught to read the old one, whenever a field changes its meaning.
"""

import hashlib
import json
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from nightshift.errors import LaterRecord, UnreadableRecord

LATER = "install the version of Nightshift that wrote it"
# What the first versions wrote without a format.
FIRST_FORMAT = 1
MOST_QUOTED = 60
MOST_RECORD_BYTES = 2**26
MOST_BYTES = 2**29
"""Of any object that is read whole: a graph may have so many."""
CHECK = "check"


class Record(BaseModel):
    """One kind of stored JSON. A kind narrows ``format`` to the ones it reads; its default is the one it writes."""

    # Numbers that are none are kept as such: null would be another value.
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, ser_json_inf_nan="constants")

    what: ClassVar[str]
    """What errors call it, with its article."""
    remedy: ClassVar[str] = LATER
    """What to do about a damaged one."""
    remedy_of_later: ClassVar[str] = LATER

    format: int

    def to_json(self) -> bytes:
        """Canonical JSON, with its digest."""
        content = json.loads(self.model_dump_json(by_alias=True))
        checked = {**content, CHECK: _digest(content)}
        text = json.dumps(checked, indent=1, ensure_ascii=False)
        return f"{text}\n".encode()

    @classmethod
    def from_json(cls, body: bytes, where: str) -> Self:
        """Read what was stored at ``where``. Raises ``UnreadableRecord``."""
        try:
            content = {"format": FIRST_FORMAT, **json.loads(body)}
        except (ValueError, TypeError, RecursionError) as error:
            raise cls._unreadable(where, f"no JSON of an object: {error}") from error
        check = content.pop(CHECK, None)
        try:
            record = cls.model_validate(content)
        except ValidationError as error:
            if cls._is_later(content, check):
                raise cls._later(where, _first_of(error)) from error
            raise cls._unreadable(where, _first_of(error)) from error
        if check not in {None, _digest(content)}:
            raise cls._unreadable(where, "its bytes are not those that were written")
        return record

    @classmethod
    def remedy_for(cls, where: str) -> str:
        """What to do about the damaged one at ``where``."""
        return cls.remedy

    @classmethod
    def _is_later(cls, content: dict[str, Any], check: object) -> bool:
        """Whether a later version wrote it: of a format that is not known yet, or whole and with more than is known."""
        if check is not None and check == _digest(content):
            return True
        number = content["format"]
        return isinstance(number, int) and number > cls._format()

    @classmethod
    def _format(cls) -> int:
        return int(cls.model_fields["format"].default)

    @classmethod
    def _unreadable(cls, where: str, why: str) -> UnreadableRecord:
        return UnreadableRecord(cls._refused(where, why), fix=cls.remedy_for(where))

    @classmethod
    def _later(cls, where: str, why: str) -> LaterRecord:
        reason = cls._refused(where, why)
        return LaterRecord(reason, fix=cls.remedy_of_later)

    @classmethod
    def _refused(cls, where: str, why: str) -> str:
        return f"{where} is not {cls.what} this version reads, format {cls._format()}: {why}"


def is_none(value: object) -> bool:
    """For a field that is left out where it says nothing: a version of before the field reads such a record still."""
    return value is None


def is_empty(text: str) -> bool:
    """The same for a text."""
    return not text


def require_size(size: int, most: int, where: str) -> None:
    """Raises ``UnreadableRecord`` for an object that is not to be held in memory."""
    if size > most:
        raise UnreadableRecord(f"{where} has {size:,} bytes, allowed {most:,}", fix="nightshift doctor --deep")


def _digest(content: dict[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _first_of(error: ValidationError) -> str:
    first, *_ = error.errors()
    field = ".".join(map(str, first["loc"])) or "the file"
    quoted = repr(str(first["input"])[:MOST_QUOTED])
    return f"{field}: {first['msg']}, got {quoted}"
