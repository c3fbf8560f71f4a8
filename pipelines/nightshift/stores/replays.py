"""How a version was trained, as far as it takes to train it again: kept by content, named by the version's record.

MLflow shows the spec of a run, and whoever writes to MLflow may change it. This lies in the lake under its digest, and
the digest in the sealed record: what is read back is what ``train`` was given.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Literal

from nightshift.errors import MissingPartition, UnreadableRecord
from nightshift.stores import layout
from nightshift.stores.objects import JSON
from nightshift.stores.records import Record

if TYPE_CHECKING:
    from nightshift.stores import Stores


class Replay(Record):
    """The spec that a training was given, and by what it was computed.

    ``code`` is the digest of the modules that fit and export, ``cpu`` the family whose kernels were used.
    """

    what = "a record of how a version was trained"

    format: Literal[1] = 1
    model: str
    spec: dict[str, Any]
    libraries: dict[str, str]
    cpu: str
    code: str
    commit: str


def keep(replay: Replay, stores: Stores) -> str:
    """Put it into the lake; its digest."""
    body = replay.to_json()
    sha256 = hashlib.sha256(body).hexdigest()
    key = layout.replay(replay.model, sha256)
    objects = stores.lake.objects
    objects.put(key, body, JSON)
    return sha256


def read(model: str, sha256: str, stores: Stores) -> Replay:
    """What was kept. Raises ``MissingPartition``, ``UnreadableRecord`` when it is another than the digest says."""
    key = layout.replay(model, sha256)
    where = f"{stores.lake.objects.uri}/{key}"
    stored = stores.lake.objects.get(key)
    if stored is None:
        raise MissingPartition(f"{where} is not there", fix="bring it back from a backup of the bucket")
    body, _ = stored
    actual = hashlib.sha256(body).hexdigest()
    if actual != sha256:
        raise UnreadableRecord(
            f"{where} is not as it was written: it has sha256 {actual}, and {sha256} is recorded",
            fix="find out who wrote to models/ in the lake, then bring it back from a backup of the bucket",
        )
    return Replay.from_json(body, where)
