"""Who stands in a champion's shadow, by the ledger: since which night, by which entry, and as its how many-th."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nightshift.errors import ModelError
from nightshift.stores.registry import CHAMPION, SHADOW
from nightshift.stores.versions import VersionRecord

if TYPE_CHECKING:
    from nightshift.stores import Stores


@dataclass(frozen=True)
class StandingShadow:
    """A challenger that scores every night from ``since`` on, beside the champion that it was put there against.

    ``number`` is that of the entry that did it; ``look`` counts the challengers in this champion's shadow, it included.
    """

    record: VersionRecord
    champion: str
    since: str
    number: int
    look: int

    @property
    def version(self) -> str:
        """Its number."""
        return self.record.version

    def has(self, night: str) -> bool:
        """Whether a night is one of its own: after those that put it there, or that it was trained on."""
        return night >= self.since and night > self.record.trained_through


def standing_shadow(model: str, stores: Stores) -> StandingShadow | None:
    """Who stands in the shadow now, or None. Raises ``ModelError`` without a record of it, ``UnreadableRecord``."""
    ledger = stores.aliases.ledger(model)
    head = ledger.head()
    version = head.version(SHADOW)
    champion = head.version(CHAMPION)
    if version is None or champion is None:
        return None
    number = head.last[SHADOW].number
    return StandingShadow(
        record=judged_version(model, version, stores),
        champion=champion,
        since=ledger.entry(number).night or "",
        number=number,
        look=head.shadows,
    )


def judged_version(model: str, version: str, stores: Stores) -> VersionRecord:
    """The record of a version that some gate has judged, whatever it said. Raises ``ModelError`` without one."""
    record = stores.versions.record(model, version)
    if record is None:
        raise ModelError(
            f"{model} version {version} has no sealed record in the lake: no gate has judged it",
            fix=f"nightshift train {model} NIGHT makes one that has",
        )
    return record
