"""How a version was trained, as far as it takes to train it again: kept by content, named by the version's record.

MLflow shows the spec of a run, and whoever writes to MLflow may change it. This lies in the lake under its digest, and
the digest in the sealed record: what is read back is what ``train`` was given.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from nightshift.stores import by_content, layout
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
    return by_content.keep(replay, partial(layout.replay, replay.model), stores)


def read(model: str, sha256: str, stores: Stores) -> Replay:
    """What was kept. Raises ``MissingPartition``, ``UnreadableRecord`` when it is another than the digest says."""
    return by_content.read(Replay, layout.replay(model, sha256), sha256, stores)
