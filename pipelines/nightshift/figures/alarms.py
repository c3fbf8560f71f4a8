"""What the records of nights say of drift and accuracy, and which episodes the champion has open.

The verdicts are those of monitoring (``verdicts.py``), read from what a listing shows and not from each night anew. An
episode that began before the nights that a look reads counts those alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from nightshift.contracts import Dataset
from nightshift.figures.kept import LEDGER_REQUESTS, LookMemory
from nightshift.figures.nights import NewestNights
from nightshift.monitoring.accuracy_record import Accuracy
from nightshift.monitoring.episodes import DETECTORS, Detector, Episode
from nightshift.monitoring.night_record import NightRecord
from nightshift.monitoring.silences import silences
from nightshift.monitoring.verdicts import Watch, unplanned
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.objects import ObjectInfo


@dataclass(frozen=True)
class DriftOfNight:
    """What monitoring said of a night; ``alarm`` is None where no detector can say, or the night is planned."""

    generation: str
    version: str
    ratio: float
    alarm: bool | None


@dataclass(frozen=True)
class AccuracyOfNight:
    """What the last labelled nights say as of one of them; ``ratio`` is the evidence as a share of what is needed."""

    predictions: str
    version: str
    lost: bool | None
    ratio: float | None = None
    values: Mapping[str, float] = field(default_factory=dict)
    usual: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class OpenEpisode:
    """One that nothing closed yet; ``silenced`` says why it wakes nobody, and is empty where it does."""

    nights: int
    silenced: str


class Alarms:
    """The verdicts on a model's newest nights."""

    def __init__(self, spec: ModelSpec, nights: NewestNights, kept: LookMemory) -> None:
        self._spec = spec
        self._nights = nights
        self._kept = kept

    def drift(self) -> DriftOfNight | None:
        """Of the newest monitored night whose predictions stand as they were judged."""
        for night in reversed(self._nights.drift):
            facts = self._drift_of(night)
            if facts:
                return facts
        return None

    def accuracy(self) -> AccuracyOfNight | None:
        """Of the newest labelled night whose predictions stand as they were judged."""
        for night in reversed(self._nights.accuracy):
            facts = self._accuracy_of(night)
            if facts:
                return facts
        return None

    def episodes(self, version: str, stores: Stores) -> dict[Detector, OpenEpisode | None]:
        """The version's open episodes by detector; None where it has none."""
        return {detector: self._open(detector, version, stores) for detector in DETECTORS}

    def _open(self, detector: Detector, version: str, stores: Stores) -> OpenEpisode | None:
        listed = self._nights.drift if detector == "drift" else self._nights.labels
        nights = unplanned(self._spec, listed)
        if not nights:
            return None

        def verdict(night: str) -> bool | None:
            return self._alarm(detector, night, version)

        episode = Watch(version, detector, nights, verdict).open_episode(nights[-1])
        if episode is None:
            return None
        return OpenEpisode(episode.nights, self._silenced(episode, stores))

    def _alarm(self, detector: Detector, night: str, version: str) -> bool | None:
        facts: DriftOfNight | AccuracyOfNight | None
        facts = self._drift_of(night) if detector == "drift" else self._accuracy_of(night)
        if facts is None or facts.version != version:
            return None
        return facts.alarm if isinstance(facts, DriftOfNight) else facts.lost

    def _silenced(self, episode: Episode, stores: Stores) -> str:
        self._kept.spend(LEDGER_REQUESTS)
        newest = max(self._nights.drift, default=episode.last_night)
        return silences(self._spec.name, stores).head().by_now(episode, newest)

    def _drift_of(self, night: str) -> DriftOfNight | None:
        stored = self._nights.drift.get(night)
        facts = self._kept.read(stored, NightRecord, _drift) if stored else None
        predictions = self._nights.committed(Dataset.PREDICTIONS, night) if facts else None
        stands = facts and predictions and facts.generation == predictions.generation
        return facts if stands else None

    def _accuracy_of(self, night: str) -> AccuracyOfNight | None:
        stored: ObjectInfo | None = self._nights.accuracy.get(night)
        facts = self._kept.read(stored, Accuracy, _accuracy) if stored else None
        predictions = self._nights.committed(Dataset.PREDICTIONS, night) if facts else None
        stands = facts and predictions and facts.predictions == predictions.digest
        return facts if stands else None


def _drift(record: NightRecord) -> DriftOfNight:
    alarm = None if record.planned else record.drift.alarm
    return DriftOfNight(record.generation, record.version, record.drift.ratio, alarm)


def _accuracy(record: Accuracy) -> AccuracyOfNight:
    pooled = record.pooled
    if pooled is None:
        return AccuracyOfNight(record.predictions, record.version, record.lost)
    is_known = pooled.evidence is not None and pooled.needed
    return AccuracyOfNight(
        predictions=record.predictions,
        version=record.version,
        lost=record.lost,
        ratio=(pooled.evidence or 0.0) / (pooled.needed or 1.0) if is_known else None,
        values=pooled.values,
        usual=pooled.usual,
    )
