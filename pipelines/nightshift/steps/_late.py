"""Which nights are late, by the clock and the lake."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nightshift.alerts import clock
from nightshift.alerts.alert import Cause
from nightshift.alerts.incident import Hit
from nightshift.alerts.lateness import due_at, newest_due
from nightshift.contracts import Dataset
from nightshift.monitoring.silences import silences
from nightshift.spec import ModelSpec
from nightshift.stores import Stores

PUBLISHES = "predict.publish"


@dataclass(frozen=True)
class LateNight:
    """A night that was due, and is late where it is not published."""

    spec: ModelSpec
    night: str
    due: dt.datetime

    @property
    def model(self) -> str:
        """Its name."""
        return self.spec.name

    @property
    def hit(self) -> Hit:
        """As an incident has it: over once it, or a later one, is published."""
        return Hit(self.model, self.spec.owner, PUBLISHES, (self.night,))

    def cause(self, others: int) -> Cause:
        """One for all nights that were due at the same time: what keeps several is mostly one thing."""
        more = f", and {others} more are not" if others else ""
        moment = self.due.astimezone(dt.UTC)
        return Cause(
            kind="late",
            key=f"late-{moment:%Y%m%dt%H%M}",
            title=f"{self.model} {self.night}: the night is not published{more}",
            evidence=f"it was due at {self.due:%Y-%m-%d %H:%M %Z}, night.published_by of model.yaml",
            next_command=f"nightshift explain {self.model} {self.night}",
        )


def due_nights(specs: Iterable[ModelSpec]) -> dict[str, LateNight]:
    """By model the newest night that is due, by the clock and model.yaml alone; a draft and a planned one are not."""
    now = clock.now()
    due = {}
    for spec in specs:
        published_by = spec.night.published_by
        night = newest_due(spec.partition, published_by, now) if published_by else None
        is_awaited = night and not (spec.paused or spec.drift.why_planned(night))
        if night and published_by and is_awaited:
            due[spec.name] = LateNight(spec, night, due_at(spec.partition, published_by, night))
    return due


def is_late(due: LateNight, stores: Stores) -> bool:
    """Whether a night that is due is not published. One listing. Raises ``LakeUnavailable``.

    A model that never published one is being set up; a muted night wakes nobody, and one that was taken back is not
    late.
    """
    published = stores.lake.ever_published(Dataset.PREDICTIONS, due.model, due.spec.partition.column)
    if not published or due.night in published:
        return False
    return not silences(due.model, stores).head().muted(due.night)


def late_nights(specs: Iterable[ModelSpec], stores: Stores) -> Iterator[LateNight]:
    """The newest night of each model that is due, where it is late. Raises ``LakeUnavailable``."""
    for due in due_nights(specs).values():
        if is_late(due, stores):
            yield due
