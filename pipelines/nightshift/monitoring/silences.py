"""What people said about alarms: that they know of an episode, or want to hear of none until a date.

It is sealed and only grows, as the other ledgers do. Dates are those of nights, never of a clock.
"""

from typing import Literal

from nightshift.monitoring.episodes import Episode
from nightshift.stores import Stores, layout
from nightshift.stores.ledger import Ledger, LedgerHead
from nightshift.stores.records import Record


class Silence(Record):
    """``by`` acknowledged ``episode``, as it was then, or muted the model's alarms from one night to another.

    A later mute stands over an earlier one for the nights from its own first on; one that ends before it begins ends
    what was muted.
    """

    what = "what a person said about alarms"

    format: Literal[1] = 1
    model: str
    by: str
    why: str
    origin: dict[str, str]
    episode: Episode | None = None
    since: str = ""
    until: str = ""


class Silences(LedgerHead):
    """All of them, oldest first."""

    silences: tuple[Silence, ...] = ()

    def acknowledgement(self, episode: Episode) -> Silence | None:
        """The first that acknowledges an episode, or one that it has grown out of."""
        for silence in self.silences:
            if silence.episode and silence.episode.overlaps(episode):
                return silence
        return None

    def of(self, episode: Episode, night: str) -> str:
        """Why an episode wakes nobody and starts nothing on a night; empty where nobody said so."""
        known = self.acknowledgement(episode)
        if known:
            return f"acknowledged by {known.by}: {known.why}"
        return self.muted(night)

    def by_now(self, episode: Episode, newest: str, *, is_over: bool = False) -> str:
        """The same of an open episode as of the newest monitored night, as the governor has it, and a mute begins by
        that; of one that is over as of its last alarm.
        """
        return self.of(episode, episode.last_night if is_over or episode.closed else newest)

    def muted(self, night: str) -> str:
        """Why nothing about the model wakes anybody on a night; empty where nobody said so."""
        mutes = [silence for silence in self.silences if silence.until and silence.since <= night]
        last = mutes[-1] if mutes else None
        if last is None or night > last.until:
            return ""
        return f"muted until {last.until} by {last.by}: {last.why}"


def silences(model: str, stores: Stores) -> Ledger[Silence, Silences]:
    """What people said about the alarms of a model."""
    return Ledger(stores.lake.objects, layout.silences(model), Silence, Silences, _with_silence)


def _with_silence(head: Silences, _number: int, silence: Silence) -> Silences:
    return head.model_copy(update={"silences": (*head.silences, silence)})
