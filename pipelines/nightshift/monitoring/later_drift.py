"""The drift of nights that come after one, judged anew: from what their records keep of them, which needs no rows."""

import logging

from nightshift.concurrency import ordered_map
from nightshift.contracts import Dataset, Pin
from nightshift.errors import UnreadableRecord
from nightshift.monitoring.drift import HISTORY_NIGHTS, DriftReference, DriftResult, NightValues
from nightshift.monitoring.history import as_values
from nightshift.monitoring.night_record import NightRecord, read_night_record
from nightshift.monitoring.verdicts import unplanned, unplanned_through
from nightshift.partitions import shifted
from nightshift.profiles.profile import load_profile
from nightshift.spec import ModelSpec
from nightshift.stores import Stores

log = logging.getLogger("nightshift")
AT_ONCE = 8


def nights_held_against(spec: ModelSpec, night: str, stores: Stores) -> list[str]:
    """The monitored nights whose drift of several nights pools one, oldest first; planned nights neither pool nor are.

    At most ``HISTORY_NIGHTS`` by the clock of the schedule.
    """
    monitored = stores.lake.partitions(Dataset.MONITORING, spec.name, spec.partition.column)
    later = []
    for other in unplanned(spec, monitored):
        if other <= night:
            continue
        if night not in _pooled_by(spec, other):
            break
        later.append(other)
    return later


def _pooled_by(spec: ModelSpec, night: str) -> list[str]:
    last = shifted(night, -1)
    return unplanned_through(
        spec,
        last,
        HISTORY_NIGHTS,
    )


class LaterDrift:
    """Nights as their records have them now, and the nights that each is held against."""

    def __init__(self, spec: ModelSpec, nights: list[str], stores: Stores) -> None:
        self._spec = spec
        self._stores = stores
        self._references: dict[Pin, DriftReference] = {}
        needed = set(nights)
        for night in nights:
            needed.update(_pooled_by(spec, night))
        records = ordered_map(self._read, sorted(needed), AT_ONCE, len(needed) or 1)
        self.records = {record.partition: record for record in records if record}
        """Without those that were scored anew or taken back since, and damaged ones."""

    def drift(self, record: NightRecord) -> DriftResult:
        """The verdict on a night by the nights before it, as monitoring it again would give it.

        Raises ``ModelError`` for a version without profile, ``UnreadableRecord``.
        """
        reference = self._reference(record.pin)
        if not reference.profile.keeps_nights:
            # Such a version is judged by single nights.
            return record.drift
        night = as_values(record)
        history = self._history(record)
        return reference.measure(night, history)

    def _reference(self, pin: Pin) -> DriftReference:
        if pin not in self._references:
            lake = self._stores.lake
            profile = load_profile(pin, lake)
            reference = DriftReference.of(self._spec, profile)
            self._references[pin] = reference
        return self._references[pin]

    def _history(self, record: NightRecord) -> list[NightValues]:
        history = []
        for night in _pooled_by(self._spec, record.partition):
            before = self.records.get(night)
            if before is None:
                continue
            if _profile_of(before) == _profile_of(record):
                values = as_values(before)
                history.append(values)
        return history

    def _read(self, night: str) -> NightRecord | None:
        try:
            return read_night_record(self._spec, night, self._stores)
        except UnreadableRecord as error:
            log.warning("%s: nights after %s are judged without it: %s", self._spec.name, night, error)
            return None


def _profile_of(record: NightRecord) -> tuple[str, str]:
    """By which profile a night was counted."""
    pin = record.pin
    return (
        pin.sha256,
        pin.profile_sha256,
    )
