"""What the gate said of a version, whole: kept by content, named by the version's record.

MLflow shows the gate's table, and whoever writes to MLflow may change it. This lies in the lake under its digest, and
the digest in the sealed record: what is read back is what the gate said.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from nightshift.contracts import Verdict
from nightshift.stores import by_content, layout
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
    return by_content.keep(kept, partial(layout.verdict, model), stores)


def read(model: str, sha256: str, stores: Stores) -> Verdict:
    """What was kept. Raises ``MissingPartition``, ``UnreadableRecord`` when it is another than the digest says."""
    key = layout.verdict(model, sha256)
    kept = by_content.read(KeptVerdict, key, sha256, stores)
    return kept.verdict
