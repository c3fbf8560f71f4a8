"""The index: a row for each model, what needs a person first, by few requests however many models there are.

What is shown of a model lies in the lake as one small record, written by who monitors, maintains or looks; and all of
them once more in one object, by their ETags. So nothing but a listing and that object is read while nothing changes.
Neither is the truth: each load looks at a few models in turn, whether there is anything of them that their row does not
know, and makes those anew.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from nightshift.concurrency import in_turn, ordered_map
from nightshift.contracts import Dataset
from nightshift.errors import NightshiftError, UnreadableRecord
from nightshift.pages.health import EMPTY, Health
from nightshift.pages.ledger_facts import listed_ledgers, stamp_of
from nightshift.pages.look import ModelLook, look_at
from nightshift.pages.overview import MOST_WHEN_NEW
from nightshift.partitions import days_between, shifted
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.records import Record

log = logging.getLogger("nightshift")
SPARK = 60
"""Nights of a row's small chart."""
CHECKED = 6
"""So many models are looked at in a load, by three requests each."""
MADE_ANEW = 10
"""So many rows are made anew in a load, each by ``MOST_WHEN_NEW`` at most."""
AT_ONCE = 8


class ModelRow(Record):
    """What the index shows of a model, and by what one tells that there is something newer.

    ``rows`` are those of the last nights, oldest first; ``alarmed`` are places among them. ``published`` is the last
    night that was, also where it was taken back, ``etag`` that of its commit, ``newest`` the last of which there is
    anything; ``stamp`` is of the ledgers. ``age`` is in days.
    """

    what = "a row of the index of models"

    format: Literal[1] = 1
    place: int
    word: str
    headline: str
    newest: str = ""
    published: str = ""
    etag: str = ""
    rows: tuple[int, ...] = ()
    alarmed: tuple[int, ...] = ()
    champion: str = ""
    since: str = ""
    age: int | None = None
    shadow: str = ""
    canary: str = ""
    open_alarms: int = 0
    stamp: str = ""
    is_read: bool = True

    @property
    def tone(self) -> str:
        """Of which colour it is."""
        return Health(self.place, self.word, self.headline).tone


class RowsOfIndex(Record):
    """All rows, and the ETag of the object of each."""

    what = "a cache of the index of models"

    format: Literal[1] = 1
    etags: dict[str, str]
    rows: dict[str, ModelRow]


@dataclass(frozen=True)
class IndexEntry:
    """A model of the index; ``row`` is None where it is made the next time."""

    spec: ModelSpec
    row: ModelRow | None

    @property
    def place(self) -> tuple[int, str]:
        """What needs a person first, then by name."""
        name = self.spec.name
        if self.row is None:
            return EMPTY, name
        return self.row.place, name


def read_index(specs: Sequence[ModelSpec], stores: Stores) -> list[IndexEntry]:
    """All models, those first that need a person. Raises ``LakeUnavailable``."""
    index = _Index(stores)
    rows = index.read(specs)
    return sorted((IndexEntry(spec, rows.get(spec.name)) for spec in specs), key=lambda entry: entry.place)


def keep_row(spec: ModelSpec, stores: Stores, requests: int = MOST_WHEN_NEW) -> ModelRow:
    """Make the row of a model anew, and write it where that can be. Raises ``LakeUnavailable``."""
    look = look_at(spec, stores, most=SPARK, requests=requests)
    row = row_of(look)
    key = layout.summary(spec.name)
    try:
        stores.lake.objects.put_record(key, row)
    except NightshiftError as error:
        log.warning("the row of %s in the index is not kept: %s", spec.name, error.message)
    return row


def row_of(look: ModelLook) -> ModelRow:
    """What the index shows of a model."""
    view = look.view
    nights = view.nights[:SPARK][::-1]
    last = _last_committed(look)
    alarmed = [place for place, night in enumerate(nights) if _is_alarmed(look, night.partition)]
    newest = nights[-1].partition if nights else ""
    ledger = view.ledger
    since = ledger.since or ""
    age = days_between(since, newest) if since and newest else None
    rows = [night.rows or 0 for night in nights]
    open_alarms = [alarm for alarm in look.alarms if alarm.is_open]
    return ModelRow(
        place=look.health.place,
        word=look.health.word,
        headline=look.health.headline,
        newest=newest,
        published=last[0],
        etag=last[1],
        rows=tuple(rows),
        alarmed=tuple(alarmed),
        champion=view.champion,
        since=since,
        age=age,
        shadow=ledger.shadow or "",
        canary=ledger.canary or "",
        open_alarms=len(open_alarms),
        stamp=ledger.stamp,
        is_read=all(night.is_read for night in nights),
    )


def _last_committed(look: ModelLook) -> tuple[str, str]:
    """The last night of which there are predictions, or were, and the ETag of their commit; nothing without one."""
    for night in look.view.nights[:SPARK]:
        facts = look.view.facts.get(night.partition)
        etag = facts.of_predictions if facts else ""
        if etag:
            return night.partition, etag
    return "", ""


def _is_alarmed(look: ModelLook, night: str) -> bool:
    facts = look.view.facts.get(night)
    return facts is not None and (facts.verdict == "drift" or bool(facts.lost))


class _Index:
    """One load of it."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._objects = stores.lake.objects

    def read(self, specs: Sequence[ModelSpec]) -> Mapping[str, ModelRow]:
        """Rows by model, as far as there are any."""
        names = {spec.name for spec in specs}
        etags = self._etags()
        cached = self._cached()
        rows = {name: cached.rows[name] for name in cached.rows if etags.get(name) == cached.etags.get(name)}
        changed = [name for name in sorted(names & etags.keys()) if name not in rows]
        for name, row in zip(changed, ordered_map(self._row, changed, AT_ONCE, 2 * AT_ONCE), strict=True):
            if row:
                rows[name] = row
        if changed:
            self._keep(RowsOfIndex(etags={name: etags[name] for name in rows}, rows=rows))
        behind = self._behind(specs, rows)
        anew = ordered_map(self._anew, behind[:MADE_ANEW], AT_ONCE, 2 * AT_ONCE)
        for spec, made in zip(behind, anew, strict=False):
            if made:
                rows[spec.name] = made
        return rows

    def _behind(self, specs: Sequence[ModelSpec], rows: Mapping[str, ModelRow]) -> list[ModelSpec]:
        """Models without a row, and of a few others those of which there is something newer."""
        without = [spec for spec in specs if spec.name not in rows or not rows[spec.name].is_read]
        others = [spec for spec in specs if spec not in without]
        looked_at = in_turn(others, CHECKED)
        newer = ordered_map(
            lambda spec: self._is_behind(spec, rows[spec.name]),
            looked_at,
            AT_ONCE,
            2 * AT_ONCE,
        )
        return without + [spec for spec, is_behind in zip(looked_at, newer, strict=True) if is_behind]

    def _is_behind(self, spec: ModelSpec, row: ModelRow) -> bool:
        """Whether anything was published, checked or decided since."""
        if self._published_since(spec, row) or self._checked_since(spec, row):
            return True
        return stamp_of(listed_ledgers(spec.name, self._objects)) != row.stamp

    def _published_since(self, spec: ModelSpec, row: ModelRow) -> bool:
        """Whether the last published night is another one now, or was made anew or taken back."""
        prefix = layout.manifests_of_column(Dataset.PREDICTIONS, spec.name, spec.partition.column)
        # Some stores also skip what lies below the name to begin after: so it is that of the day before.
        after = f"{prefix}{shifted(row.published, -1)}" if row.published else ""
        listed = self._objects.listing(prefix, after)
        etags = []
        for stored in listed:
            night = layout.night_in(stored.key, Dataset.PREDICTIONS, spec.name)
            if night and night.partition >= row.published:
                etags.append(stored.etag)
        return etags != ([row.etag] if row.etag else [])

    def _checked_since(self, spec: ModelSpec, row: ModelRow) -> bool:
        """Whether a later night was checked; behind all that lies there of the newest itself."""
        prefix = layout.validations_of_column(spec.name, spec.partition.column)
        after = f"{prefix}{row.newest}~" if row.newest else ""
        return self._objects.first_key(prefix, after) is not None

    def _anew(self, spec: ModelSpec) -> ModelRow | None:
        try:
            return keep_row(spec, self._stores)
        except UnreadableRecord as error:
            log.warning("%s is not shown: %s", spec.name, error)
            return None

    def _etags(self) -> dict[str, str]:
        etags = {}
        for stored in self._objects.listing(layout.summaries()):
            name = layout.model_of(stored.key)
            if name:
                etags[name] = stored.etag
        return etags

    def _cached(self) -> RowsOfIndex:
        nothing = RowsOfIndex(etags={}, rows={})
        stored = self._objects.get(layout.page_index())
        if stored is None:
            return nothing
        body, _ = stored
        try:
            return RowsOfIndex.from_json(body, layout.page_index())
        except UnreadableRecord:
            return nothing

    def _row(self, name: str) -> ModelRow | None:
        """As it was kept; a damaged one is made anew."""
        stored = self._objects.get(layout.summary(name))
        if stored is None:
            return None
        body, _ = stored
        try:
            return ModelRow.from_json(body, layout.summary(name))
        except UnreadableRecord:
            return None

    def _keep(self, index: RowsOfIndex) -> None:
        try:
            self._objects.put_record(layout.page_index(), index)
        except NightshiftError as error:
            log.warning("the index of models is not kept: %s", error.message)
