"""Who stands as a canary, by the ledger: since which night, with which share of the rows, by which entry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nightshift.stores.registry import CANARY, CHAMPION
from nightshift.stores.shadows import judged_version
from nightshift.stores.versions import VersionRecord

if TYPE_CHECKING:
    from nightshift.stores import Stores
    from nightshift.stores.moves import AliasHead


@dataclass(frozen=True)
class StandingCanary:
    """A challenger that scores ``share`` of the rows of every night from ``since`` on, in the champion's place.

    ``number`` is that of the entry that put it there, beside ``champion``.
    """

    record: VersionRecord
    champion: str
    since: str
    share: float
    number: int

    @property
    def version(self) -> str:
        """Its number."""
        return self.record.version

    def has(self, night: str) -> bool:
        """Whether a night is one of its own: after those that put it there, or that it was trained on."""
        return night >= self.since and night > self.record.trained_through


def standing_canary(model: str, stores: Stores) -> StandingCanary | None:
    """The canary of now, or None. Raises ``ModelError`` without a record of it, ``UnreadableRecord``."""
    return canary_in(stores.aliases.ledger(model).head(), model, stores)


def canary_in(head: AliasHead, model: str, stores: Stores) -> StandingCanary | None:
    """The same by a head of the ledger that was read already: one run asks once who scores. Raises the same."""
    version = head.version(CANARY)
    champion = head.version(CHAMPION)
    if version is None or champion is None:
        return None
    number = head.last[CANARY].number
    entry = stores.aliases.ledger(model).entry(number)
    if number < head.standings[-1].number or not entry.share:
        # A Nightshift of before there were canaries moved the champion, and did not end this one.
        return None
    return StandingCanary(
        record=judged_version(model, version, stores),
        champion=champion,
        since=entry.night or "",
        share=entry.share,
        number=number,
    )
