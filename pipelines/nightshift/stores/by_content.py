"""What is kept under its own digest: what is read back is what was written, or an error."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from nightshift.errors import MissingPartition, NightshiftError, UnreadableRecord
from nightshift.stores.objects import JSON
from nightshift.stores.records import Record

if TYPE_CHECKING:
    from nightshift.stores import Stores

Kept = TypeVar("Kept", bound=Record)
FROM_A_BACKUP = "find out who wrote to models/ in the lake, then bring it back from a backup of the bucket"


def keep(record: Record, key_of: Callable[[str], str], stores: Stores) -> str:
    """Put a record into the lake; its digest, from which ``key_of`` makes its key."""
    body = record.to_json()
    digest = hashlib.sha256(body)
    sha256 = digest.hexdigest()
    key = key_of(sha256)
    objects = stores.lake.objects
    objects.put(key, body, JSON)
    return sha256


def body_of(
    key: str,
    sha256: str,
    stores: Stores,
    *,
    fix: str,
    error: type[NightshiftError] = UnreadableRecord,
) -> bytes:
    """The bytes of a digest. Raises ``MissingPartition``, and the error for others than the digest says."""
    where = f"{stores.lake.objects.uri}/{key}"
    stored = stores.lake.objects.get(key)
    if stored is None:
        raise MissingPartition(f"{where} is not there", fix=fix)
    body, _ = stored
    require_digest(body, sha256, where, fix=fix, error=error)
    return body


def require_digest(
    body: bytes,
    sha256: str,
    where: str,
    *,
    fix: str,
    error: type[NightshiftError] = UnreadableRecord,
) -> None:
    """Raises the error for bytes that are not those of the digest."""
    actual = hashlib.sha256(body).hexdigest()
    if actual != sha256:
        raise error(f"{where} is not as it was written: it has sha256 {actual}, pinned is {sha256}", fix=fix)


def read(kind: type[Kept], key: str, sha256: str, stores: Stores) -> Kept:
    """What was kept. Raises ``MissingPartition``, ``UnreadableRecord`` when it is another than the digest says."""
    body = body_of(key, sha256, stores, fix=FROM_A_BACKUP)
    return kind.from_json(body, f"{stores.lake.objects.uri}/{key}")
