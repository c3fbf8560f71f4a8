"""What the pages say of a model's ledgers: who stands, since when, what was decided, what a person said of alarms.

A cache in the lake keeps it, with a stamp of all objects that lie in the ledgers. It counts as long as a listing shows
the same, and, as the heads do, under a seal alone: who has the lake's key shows nobody another champion.
"""

import hashlib
import logging
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from nightshift.errors import NightshiftError, UnreadableRecord
from nightshift.monitoring.retrains import StartedRetrain, started_retrains
from nightshift.monitoring.silences import Silence, Silences, silences
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.aliases import AliasHead, AliasMove
from nightshift.stores.objects import ObjectInfo, Objects
from nightshift.stores.registry import CANARY, CHALLENGER, CHAMPION, SHADOW
from nightshift.stores.seals import SealedRecord, Seals

log = logging.getLogger("nightshift")
TO_KEEP = 1
STORY = 12
"""So many decisions are told, the newest first."""


class Decided(BaseModel):
    """An entry of the ledger of aliases as it was written; without ``alias`` a person's word for all before it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    alias: str = ""
    night: str | None = None
    before: str | None = None
    after: str | None = None
    withdraws: str | None = None
    reason: str = ""
    by: str = ""


class ChampionSince(BaseModel):
    """That a version stood from a night on; ``number`` is that of the move."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    version: str | None
    night: str


class LedgerFacts(SealedRecord):
    """``standings`` are in the order of moves, ``story`` has the newest first; ``stamp`` is of what was read.

    ``is_whole`` says whether all of the story was read.
    """

    what = "a cache of a model's ledgers"

    format: Literal[1] = 1
    stamp: str = ""
    champion: str | None = None
    challenger: str | None = None
    shadow: str | None = None
    canary: str | None = None
    since: str | None = None
    standings: tuple[ChampionSince, ...] = ()
    withdrawn: dict[str, int] = Field(default_factory=dict)
    silences: tuple[Silence, ...] = ()
    retrains: tuple[StartedRetrain, ...] = ()
    story: tuple[Decided, ...] = ()
    is_whole: bool = True

    @property
    def silencing(self) -> Silences:
        """What people said about alarms."""
        return Silences(silences=self.silences)


def listed_ledgers(model: str, objects: Objects) -> list[ObjectInfo]:
    """All that lies in the ledgers of a model, by one request for a thousand."""
    return list(objects.listing(layout.ledger(model)))


def stamp_of(listed: Sequence[ObjectInfo]) -> str:
    """Another one as soon as anything in the ledgers is another."""
    text = "\n".join(f"{stored.key} {stored.etag}" for stored in listed)
    return hashlib.sha256(text.encode()).hexdigest()


class LedgerReader:
    """Reads the ledgers of a model within so many requests, of which ``spent`` were made."""

    def __init__(self, spec: ModelSpec, stores: Stores, most: int) -> None:
        self._spec = spec
        self._stores = stores
        self._most = most
        self._place = layout.ledger_facts(spec.name)
        self.spent = 0

    def read(self) -> LedgerFacts:
        """From the cache, or anew. Raises ``UnreadableRecord``, ``UsageError`` without a key, ``LakeUnavailable``."""
        listed = listed_ledgers(self._spec.name, self._stores.lake.objects)
        stamp = stamp_of(listed)
        cached = self._cached()
        self.spent += 2
        is_true = cached is not None and cached.stamp == stamp
        if cached and is_true and cached.is_whole:
            return cached
        facts = cached if cached and is_true else self._anew(listed)
        with_story = self._with_story(facts, cached, listed)
        told = with_story.model_copy(update={"stamp": stamp})
        if told == cached:
            return told
        # What reading refreshed has another stamp; then the next page reads once more.
        self._keep(told)
        return told

    def _cached(self) -> LedgerFacts | None:
        seals = Seals.of(self._stores.settings)
        stored = self._stores.lake.objects.get(self._place)
        if stored is None:
            return None
        body, _ = stored
        try:
            facts = LedgerFacts.from_json(body, self._place)
        except UnreadableRecord:
            return None
        return facts.model_copy(update={"seal": ""}) if facts.is_believed(seals, self._place) else None

    def _anew(self, listed: Sequence[ObjectInfo]) -> LedgerFacts:
        """Ledgers of which nothing is listed are not asked for."""
        model = self._spec.name
        keys = [stored.key for stored in listed]
        head = self._stores.aliases.ledger(model).head() if keys else AliasHead()
        self.spent += 2 if keys else 0
        told: tuple[Silence, ...] = ()
        if _has(keys, layout.silences(model)):
            told = silences(model, self._stores).head().silences
            self.spent += 2
        runs: tuple[StartedRetrain, ...] = ()
        if _has(keys, layout.retrains(model)):
            runs = started_retrains(model, self._stores).head().runs
            self.spent += 2
        nights = {standing.number: standing.night for standing in head.standings if standing.night}
        standings = []
        for standing in head.standings:
            if standing.night:
                standings.append(ChampionSince(number=standing.number, version=standing.version, night=standing.night))
        return LedgerFacts(
            champion=head.version(CHAMPION),
            challenger=head.version(CHALLENGER),
            shadow=head.version(SHADOW),
            canary=head.version(CANARY),
            since=head.stands_since(nights),
            standings=tuple(standings),
            withdrawn=head.withdrawn,
            silences=told,
            retrains=runs,
            is_whole=False,
        )

    def _with_story(self, facts: LedgerFacts, cached: LedgerFacts | None, listed: Sequence[ObjectInfo]) -> LedgerFacts:
        """Entries are never written anew: those that were told once are told again."""
        known = {entry.number: entry for entry in cached.story} if cached else {}
        prefix = layout.ledger(self._spec.name)
        numbers = [layout.number_of_entry(prefix, stored.key) for stored in listed]
        newest = sorted(filter(None, numbers), reverse=True)[:STORY]
        unread = [number for number in newest if number not in known]
        for number in unread[: max(0, self._most - self.spent - TO_KEEP)]:
            known[number] = self._decided(number)
        told = [known[number] for number in newest if number in known]
        return facts.model_copy(update={"story": tuple(told), "is_whole": len(told) == len(newest)})

    def _decided(self, number: int) -> Decided:
        self.spent += 1
        ledger = self._stores.aliases.ledger(self._spec.name)
        try:
            return _of_move(number, ledger.entry(number))
        except UnreadableRecord:
            # The head was read: what has no record is a person's word.
            return Decided(number=number)

    def _keep(self, facts: LedgerFacts) -> None:
        self.spent += 1
        seals = Seals.of(self._stores.settings)
        sealed = facts.under_seal(seals, self._place)
        objects = self._stores.lake.objects
        try:
            objects.put_record(self._place, sealed)
        except NightshiftError as error:
            log.warning("what was read of the ledger of %s is not kept: %s", self._spec.name, error.message)


def _of_move(number: int, move: AliasMove) -> Decided:
    run = move.origin.get("airflow_run")
    by = f"{move.origin.get('airflow_dag', 'airflow')} {run}" if run else move.origin.get("by", "somebody")
    return Decided(
        number=number,
        alias=move.alias,
        night=move.night,
        before=move.before,
        after=move.after,
        withdraws=move.withdraws,
        reason=move.reason,
        by=by,
    )


def _has(keys: Sequence[str], log_prefix: str) -> bool:
    return any(layout.number_of_entry(log_prefix, key) for key in keys)
