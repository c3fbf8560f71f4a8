"""The verdicts of nights as the records of the lake have them, and the episodes that follow from them.

A verdict counts for the version that scored its night, and while the night stands as it was judged. Planned nights
have none.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from nightshift.contracts import Dataset
from nightshift.errors import UnreadableRecord
from nightshift.monitoring.accuracy import standing_record
from nightshift.monitoring.episodes import (
    CLOSE_AFTER,
    UNKNOWN_ENDS,
    Detector,
    Episode,
    NightVerdict,
    episodes_of,
    open_episodes,
)
from nightshift.monitoring.night_record import looked_up
from nightshift.partitions import shifted
from nightshift.spec import ModelSpec
from nightshift.stores import Stores

log = logging.getLogger("nightshift")
MOST_LOOKED_AT = 400
ReadVerdict = Callable[[str], bool | None]


@dataclass(frozen=True)
class Watch:
    """One detector on one version: which nights it may judge, oldest first, and what it said of each."""

    version: str
    detector: Detector
    nights: list[str]
    read: ReadVerdict

    def verdicts(self, through: str) -> list[NightVerdict]:
        """As of a night, as far back as an episode may reach that is open then, or was closed by it; newest first."""
        verdicts = []
        quiet = 0
        unknown = 0
        earlier = [night for night in self.nights if night <= through]
        for night in reversed(earlier[-MOST_LOOKED_AT:]):
            alarm = self.read(night)
            verdict = NightVerdict(
                night,
                self.version,
                self.detector,
                alarm,
            )
            verdicts.append(verdict)
            unknown = unknown + 1 if alarm is None else 0
            if alarm is not None:
                quiet = 0 if alarm else quiet + 1
            if quiet > CLOSE_AFTER or unknown > UNKNOWN_ENDS:
                break
        return verdicts

    def episodes(self, through: str) -> list[Episode]:
        """As of a night, those that are open then, or were closed by it."""
        return episodes_of(self.verdicts(through))

    def open_episode(self, through: str) -> Episode | None:
        """As of a night, the one that is open then."""
        episodes = open_episodes(self.episodes(through))
        return episodes[-1] if episodes else None


def in_words(drifted: bool, lost: bool) -> str:
    """What alarmed of a night, in a word or two."""
    words = []
    if drifted:
        words.append("drift")
    if lost:
        words.append("worse")
    return " + ".join(words) or "quiet"


def watch_drift(spec: ModelSpec, version: str, stores: Stores) -> Watch:
    """Drift of the monitored nights that a version scored."""

    def read(night: str) -> bool | None:
        return drift_verdict(spec, night, version, stores)

    monitored = stores.lake.partitions(Dataset.MONITORING, spec.name, spec.partition.column)
    nights = unplanned(spec, monitored)
    return Watch(version, "drift", nights, read)


def watch_accuracy(spec: ModelSpec, version: str, stores: Stores) -> Watch:
    """Accuracy of the labelled nights that a version scored."""

    def read(night: str) -> bool | None:
        return accuracy_verdict(spec, night, version, stores)

    labelled = stores.lake.partitions(Dataset.LABELS, spec.name, spec.partition.column)
    nights = unplanned(spec, labelled)
    return Watch(version, "accuracy", nights, read)


def drift_verdict(spec: ModelSpec, night: str, version: str, stores: Stores) -> bool | None:
    """Whether a night that a version scored had drifted; None where nothing, or only another version, can say."""
    record = looked_up(spec, night, stores)
    if record is None:
        return None
    if record.version != version:
        return None
    drift = record.drift
    return drift.alarm


def accuracy_verdict(spec: ModelSpec, night: str, version: str, stores: Stores) -> bool | None:
    """The same of lost accuracy, by a night's labels."""
    try:
        record = standing_record(spec, night, stores)
    except UnreadableRecord as error:
        log.warning("%s: %s says nothing of other nights: %s", spec.name, night, error)
        return None
    if record is None:
        return None
    is_its_own = record.version == version
    return record.lost if is_its_own else None


def unplanned(spec: ModelSpec, nights: Iterable[str]) -> list[str]:
    """The nights that may alarm, and that others are held against; oldest first."""
    usual = [night for night in nights if spec.drift.why_planned(night) is None]
    return sorted(usual)


def unplanned_through(spec: ModelSpec, partition: str, count: int) -> list[str]:
    """So many unplanned nights by the clock of the schedule, the last of them ``partition`` or before it."""
    nights: list[str] = []
    for batch in _backwards(spec, partition, count):
        nights = [*unplanned(spec, batch), *nights]
        if len(nights) >= count:
            break
    return nights[-count:]


def _backwards(spec: ModelSpec, partition: str, count: int) -> Iterator[list[str]]:
    """Runs of nights by the clock, the newest run first."""
    last = partition
    for _ in range(MOST_LOOKED_AT):
        batch = spec.nights_through(last, count)
        if not batch:
            return
        yield batch
        last = shifted(batch[0], -1)
