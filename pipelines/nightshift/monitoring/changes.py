"""What a night did to alarms: which episode it opened, carried on or closed. An alarm is told once, at its opening."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from nightshift.contracts import EpisodeChange
from nightshift.monitoring.accuracy import Accuracy
from nightshift.monitoring.episodes import NightVerdict, change_by
from nightshift.monitoring.silences import silences
from nightshift.monitoring.verdicts import Watch, watch_accuracy, watch_drift
from nightshift.spec import ModelSpec
from nightshift.stores import Stores


def changes_by(
    spec: ModelSpec, partition: str, version: str, drifted: bool | None, accuracy: Sequence[Accuracy], stores: Stores
) -> list[EpisodeChange]:
    """As of each night that was judged now: that of ``partition``, and those whose labels arrived with it.

    A labelled night that was judged again, and is what it was, changes nothing.
    """
    changes: list[EpisodeChange] = []
    if spec.drift.why_planned(partition) is None:
        verdict = NightVerdict(partition, version, "drift", drifted)
        watch = watch_drift(spec, version, stores)
        changes += _changes(spec, watch, verdict, partition, stores)
    for measured in accuracy:
        if measured.is_news and spec.drift.why_planned(measured.night) is None:
            verdict = NightVerdict(measured.night, measured.version, "accuracy", measured.lost)
            watch = watch_accuracy(spec, measured.version, stores)
            changes += _changes(spec, watch, verdict, partition, stores)
    return changes


def _changes(
    spec: ModelSpec, watch: Watch, verdict: NightVerdict, partition: str, stores: Stores
) -> Iterator[EpisodeChange]:
    """The night's own verdict is newer than its record."""
    for episode in _with(watch, verdict).episodes(verdict.night):
        change = change_by(episode, verdict)
        if change:
            said = silences(spec.name, stores).head()
            yield EpisodeChange(
                episode=episode.id_of(spec.name),
                detector=episode.detector,
                change=change,
                night=verdict.night,
                first_night=episode.first_night,
                nights=episode.nights,
                silenced=said.of(episode, partition),
            )


def _with(watch: Watch, verdict: NightVerdict) -> Watch:
    def read(night: str) -> bool | None:
        return verdict.alarm if night == verdict.night else watch.read(night)

    nights = sorted({*watch.nights, verdict.night})
    return replace(watch, nights=nights, read=read)
