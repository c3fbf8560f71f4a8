"""What a decision of the governor rests on, read from the lake as of its night."""

from typing import Protocol

from nightshift.contracts import Dataset
from nightshift.errors import MissingPartition
from nightshift.monitoring.episodes import Detector, Episode
from nightshift.monitoring.night_record import read_night_record
from nightshift.monitoring.retrains import Causes, StartedRetrains, warn_of_unsealed
from nightshift.monitoring.silences import silences
from nightshift.monitoring.verdicts import (
    accuracy_verdict,
    drift_verdict,
    unplanned,
    unplanned_through,
    watch_accuracy,
    watch_drift,
)
from nightshift.partitions import days_between
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.registry import CHAMPION


class MonitoredNight(Protocol):
    """A night that a version scored and that was monitored: its report, or its record."""

    @property
    def model(self) -> str:
        """The model."""

    @property
    def partition(self) -> str:
        """The night."""

    @property
    def version(self) -> str:
        """The version that scored it."""


def gather(spec: ModelSpec, report: MonitoredNight, retrains: StartedRetrains, stores: Stores) -> Causes:
    """Read what a decision rests on, as of its night. Verdicts of other model versions are left out."""
    record = read_night_record(spec, report.partition, stores)
    if record is None:
        raise MissingPartition(
            f"{spec.name}: {report.partition} has no monitoring record",
            fix=f"nightshift monitor {spec.name} {report.partition}",
        )
    version = report.version
    newest_labelled = spec.labelled_night(report.partition)
    nights = last_nights(spec, report.partition)
    labelled_nights = last_labelled(spec, report.partition)
    drifted = {night: drift_verdict(spec, night, version, stores) for night in nights}
    lost = {night: accuracy_verdict(spec, night, version, stores) for night in labelled_nights}
    trained_through = record.pin.trained_through
    tried_through = _tried_through(spec, version, retrains)
    seen_through = max(trained_through, tried_through)
    episodes = _episodes(spec, report.partition, version, stores)
    return Causes(
        partition=report.partition,
        version=version,
        drifted=drifted,
        lost=lost,
        started=_started(spec, report.partition, retrains, stores),
        trained_through=trained_through,
        new_nights=_count_labelled(spec, seen_through, newest_labelled, stores),
        champion=stores.aliases.version(spec.name, CHAMPION),
        episodes=episodes,
        answered=_answered(episodes, retrains),
        failed=_failed(episodes, retrains),
        silenced=_silenced(spec, report.partition, episodes, stores),
        planned=spec.drift.why_planned(report.partition) or "",
        tried_through=tried_through,
        this_month=len(retrains.of_month(report.partition)),
        rejected=retrains.rejected(version),
    )


def last_nights(spec: ModelSpec, partition: str) -> list[str]:
    """The last unplanned nights by the clock of the schedule, and this one, which may be none of them."""
    by_the_clock = unplanned_through(spec, partition, spec.retrain.window)
    nights = {*by_the_clock, *unplanned(spec, [partition])}
    return sorted(nights)[-spec.retrain.window :]


def last_labelled(spec: ModelSpec, partition: str) -> list[str]:
    """The last unplanned nights whose labels the run of a night can see."""
    newest_labelled = spec.labelled_night(partition)
    return unplanned_through(spec, newest_labelled, spec.retrain.window)


def _episodes(spec: ModelSpec, partition: str, version: str, stores: Stores) -> dict[Detector, Episode]:
    """The open ones, by detector."""
    drift = watch_drift(spec, version, stores)
    accuracy = watch_accuracy(spec, version, stores)
    newest_labelled = spec.labelled_night(partition)
    still_open = [
        drift.open_episode(partition),
        accuracy.open_episode(newest_labelled),
    ]
    episodes = [episode for episode in still_open if episode]
    return {episode.detector: episode for episode in episodes}


def _answered(episodes: dict[Detector, Episode], retrains: StartedRetrains) -> dict[Detector, str]:
    """The run that an episode started and that did not fail, by detector."""
    answered = {}
    for detector, episode in episodes.items():
        for started in retrains.standing:
            is_answer = started.is_for(episode)
            if is_answer:
                answered[detector] = started.run_id
    return answered


def _failed(episodes: dict[Detector, Episode], retrains: StartedRetrains) -> dict[Detector, int]:
    failed = {}
    for detector, episode in episodes.items():
        runs = [started for started in retrains.runs if started.is_for(episode)]
        count = [started.outcome for started in runs].count("failed")
        if count:
            failed[detector] = count
    return failed


def _silenced(
    spec: ModelSpec, partition: str, episodes: dict[Detector, Episode], stores: Stores
) -> dict[Detector, str]:
    if not episodes:
        return {}
    head = silences(spec.name, stores).head()
    silenced = {}
    for detector, episode in episodes.items():
        why = head.of(episode, partition)
        if why:
            silenced[detector] = why
    return silenced


def _tried_through(spec: ModelSpec, version: str, retrains: StartedRetrains) -> str:
    """The last labelled night that a retrain about a version could learn from."""
    through = ""
    for started in retrains.standing:
        if started.version == version:
            through = max(through, spec.labelled_night(started.night))
    return through


def _count_labelled(spec: ModelSpec, after: str, through: str, stores: Stores) -> int:
    """The labelled nights after one and up to another, without those that were taken back."""
    column = spec.partition.column
    retracted = stores.lake.retracted(Dataset.VALIDATED, spec.name, column)
    count = 0
    for night in stores.lake.partitions(Dataset.LABELS, spec.name, column):
        if after < night <= through and night not in retracted:
            count += 1
    return count


def _started(spec: ModelSpec, partition: str, retrains: StartedRetrains, stores: Stores) -> list[str]:
    # A backfill may decide nights out of order: a retrain that a later night started counts as well.
    started = set()
    for retrain in retrains.standing:
        if abs(days_between(retrain.night, partition)) <= spec.retrain.cooldown_days:
            started.add(retrain.night)
    warn_of_unsealed(spec, partition, retrains, stores)
    return sorted(started)
