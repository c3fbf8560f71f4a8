"""Nights after one that was monitored late, or again: their drift was held against it, or against what it was before.

Their records, tables and pages are written anew from what the records keep of each night, the oldest first, so that
episodes follow. A run that is repeated judges them again: where it was cut short nothing is left as it was.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from nightshift.contracts import Dataset
from nightshift.errors import MissingPartition, ModelError, Superseded, UnreadableRecord
from nightshift.monitoring.changes import changes_by
from nightshift.monitoring.drift import DriftResult
from nightshift.monitoring.later_drift import LaterDrift, nights_held_against
from nightshift.monitoring.matters.ranking import ranked_anew
from nightshift.monitoring.night_record import NightRecord
from nightshift.spec import ModelSpec
from nightshift.steps._night_files import MadeFrom, NightFiles
from nightshift.stores import Stores

log = logging.getLogger("nightshift")
TRIES = 3
"""Another monitor may write one of the nights meanwhile: then all are read once more."""


@dataclass
class LaterNights:
    """The nights that were judged again, as their records are now, and what a person should know of it."""

    records: list[NightRecord] = field(default_factory=list)
    changed: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)

    @property
    def nights(self) -> list[str]:
        """By their dates."""
        return [record.partition for record in self.records]

    @property
    def notes(self) -> list[str]:
        """One for each verdict that is another one now, and for each night that could not be judged."""
        changed = self.changed.values()
        left = self.left.values()
        return [*changed, *left]


def judge_later(spec: ModelSpec, partition: str, stores: Stores) -> LaterNights:
    """Judge those after a night whose record has just been written. Raises ``LakeUnavailable``."""
    nights = nights_held_against(spec, partition, stores)
    later = LaterNights()
    for _ in range(TRIES):
        later.records.clear()
        later.left.clear()
        _judge(spec, nights, later, stores)
        if not later.left:
            break
    for note in later.notes:
        log.warning("%s: %s", spec.name, note)
    return later


def _judge(spec: ModelSpec, nights: Sequence[str], later: LaterNights, stores: Stores) -> None:
    places = _begin(spec, nights, later, stores)
    known = LaterDrift(spec, sorted(places), stores)
    for night, files in places.items():
        record = known.records.get(night)
        if record is None:
            # Its own run is to come.
            continue
        try:
            anew = _anew(record, known.drift(record), files)
            if anew != record:
                _write(anew, files)
        except (MissingPartition, ModelError, Superseded, UnreadableRecord) as error:
            later.left[night] = f"{night} was not judged again: {error}; nightshift monitor {spec.name} {night}"
            continue
        # Its labels were measured by its own run, and perhaps once more since.
        without_accuracy = anew.model_copy(update={"accuracy": ()})
        later.records.append(without_accuracy)
        if anew.drift.drifted != record.drift.drifted:
            later.changed[night] = _note(anew)


def _note(record: NightRecord) -> str:
    verdict = "has drifted" if record.drift.drifted else "is quiet"
    night = record.partition
    return f"{night} {verdict}, by the nights before it as they are now"


def _begin(spec: ModelSpec, nights: Sequence[str], later: LaterNights, stores: Stores) -> dict[str, NightFiles]:
    """Before anything is read: who writes one of them, or one before it, after this is not overwritten."""
    places = {}
    for night in nights:
        try:
            files = NightFiles.begin(spec, night, stores)
            places[night] = files
        except (Superseded, UnreadableRecord) as error:
            later.left[night] = f"{night} was not judged again: {error}"
    return places


def _anew(record: NightRecord, drift: DriftResult, files: NightFiles) -> NightRecord:
    spec = files.spec
    of_drift = changes_by(
        spec,
        record.partition,
        record.version,
        drift.drifted,
        (),
        files.stores,
    )
    of_accuracy = [change for change in record.episodes if change.detector != "drift"]
    matters = ranked_anew(record.matters, drift) if record.matters else None
    changes = {
        "drift": drift,
        "matters": matters,
        "episodes": (*of_drift, *of_accuracy),
    }
    return record.model_copy(update=changes)


def _write(record: NightRecord, files: NightFiles) -> None:
    lake = files.stores.lake
    monitored = lake.require(files.draft.key)
    key = files.spec.key(Dataset.PREDICTIONS, record.partition)
    predictions = lake.require(key)
    made_from = MadeFrom.as_before(monitored)
    files.write(
        record,
        predictions,
        made_from,
    )
