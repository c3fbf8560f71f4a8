"""What the gate said of a version, whole: kept by content, named by the version's record.

MLflow shows the gate's table, and whoever writes to MLflow may change it. This lies in the lake under its digest, and
the digest in the sealed record: what is read back is what the gate said.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

from nightshift.contracts import Verdict
from nightshift.errors import MissingPartition, UnreadableRecord
from nightshift.stores import layout
from nightshift.stores.objects import JSON
from nightshift.stores.records import Record

if TYPE_CHECKING:
    from nightshift.stores import Stores


class KeptVerdict(Record):
    """The facts of a verdict: the candidate with its digests, the metrics, the table, and why."""

    what = "a verdict of a gate"

    format: Literal[1] = 1
    model: str
    facts: dict[str, Any]

    @property
    def verdict(self) -> Verdict:
        """What was found of the candidate."""
        return Verdict(**self.facts)


def keep(verdict: Verdict, stores: Stores) -> str:
    """Put it into the lake; its digest."""
    model = verdict.candidate.model
    kept = KeptVerdict(model=model, facts=asdict(verdict))
    body = kept.to_json()
    sha256 = hashlib.sha256(body).hexdigest()
    key = layout.verdict(model, sha256)
    stores.lake.objects.put(key, body, JSON)
    return sha256


def read(model: str, sha256: str, stores: Stores) -> Verdict:
    """What was kept. Raises ``MissingPartition``, ``UnreadableRecord`` when it is another than the digest says."""
    key = layout.verdict(model, sha256)
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
    return KeptVerdict.from_json(body, where).verdict
