"""Seals: that a record was written by who has the key, and for the very place where it lies.

A digest says that bytes are those that were written; anybody can make one. A seal is an HMAC-SHA256 by a key that
neither MLflow nor a reader of the lake has. It is of a record's content and of its key in the lake, so a sealed record
that is copied to another number, version or model says nothing there. docs/decisions/0026-sealed-versions.md has why.
"""

import hashlib
import hmac
import json
from typing import Self

from nightshift.errors import UsageError
from nightshift.settings import SEAL_KEY, Settings
from nightshift.stores.records import Record

DOMAIN = b"nightshift seal 1\0"
LEAST_LENGTH = 32
MAKE_ONE = """python -c 'import secrets; print(secrets.token_hex(32))'"""


class Seals:
    """The keys of a lake: the first seals, any of them is believed."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._keys = [key.encode() for key in keys]

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The keys in ``NIGHTSHIFT_SEAL_KEY``, separated by commas. Raises ``UsageError`` without a good one."""
        if settings.seal_key is None:
            raise UsageError(
                f"{SEAL_KEY} is not set: without it nobody can tell which model may score",
                fix=f"with the embedded stack: nightshift up; with an S3 of your own make one, and keep it: {MAKE_ONE}",
            )
        words = settings.seal_key.get_secret_value().split(",")
        keys = tuple(word.strip() for word in words)
        if any(len(key) < LEAST_LENGTH for key in keys):
            raise UsageError(
                f"{SEAL_KEY} has a key of less than {LEAST_LENGTH} characters", fix=f"make another: {MAKE_ONE}"
            )
        return cls(keys)

    def seal(self, place: str, content: bytes) -> str:
        """The seal of what is to lie at a key of the lake."""
        return _seal(self._keys[0], place, content)

    def is_believed(self, place: str, content: bytes, seal: str) -> bool:
        """Whether one of the keys made a seal, for this content at this place."""
        return any(_is_same(_seal(key, place, content), seal) for key in self._keys)

    def is_current(self, place: str, content: bytes, seal: str) -> bool:
        """Whether the first key made it, which stays when another is taken out."""
        return _is_same(self.seal(place, content), seal)


class SealedRecord(Record):
    """A record that may carry a seal."""

    seal: str = ""

    def under_seal(self, seals: Seals, place: str) -> Self:
        """The same, sealed for a place."""
        return self.model_copy(update={"seal": seals.seal(place, self._content())})

    def is_believed(self, seals: Seals, place: str) -> bool:
        """Whether somebody with a key wrote just this, for this place."""
        return bool(self.seal) and seals.is_believed(place, self._content(), self.seal)

    def is_current(self, seals: Seals, place: str) -> bool:
        """Whether it is believed also when all keys but the first are gone."""
        return bool(self.seal) and seals.is_current(place, self._content(), self.seal)

    def _content(self) -> bytes:
        content = json.loads(self.model_dump_json(by_alias=True, exclude={"seal"}))
        return json.dumps(content, sort_keys=True).encode()


def _seal(key: bytes, place: str, content: bytes) -> str:
    # The length keeps place and content apart.
    address = place.encode()
    message = DOMAIN + len(address).to_bytes(4) + address + content
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def _is_same(mine: str, theirs: str) -> bool:
    return hmac.compare_digest(mine.encode(), theirs.encode())
