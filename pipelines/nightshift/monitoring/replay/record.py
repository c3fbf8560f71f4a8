"""The record of a night's replay: how many rows of the day before it scored again, and how many had other bits."""

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from nightshift.monitoring.replay.online import OnlineDrift
from nightshift.stores import Stores, layout
from nightshift.stores.records import Record

MOST_EXAMPLES = 5


class VersionReplay(BaseModel):
    """What came of the rows that one version had answered. ``skew_rows`` have a score of other bits.

    ``largest`` is the greatest difference of such a score, None where there is none or it is no number; ``examples``
    are ids of requests. ``drift`` is that of the rows, None where it cannot be told.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int = 0
    skew_rows: int = 0
    largest: float | None = None
    examples: tuple[str, ...] = ()
    drift: OnlineDrift | None = None

    def plus(self, other: "VersionReplay") -> "VersionReplay":
        """Both together; drift is told of all files at once."""
        known = [largest for largest in (self.largest, other.largest) if largest is not None]
        examples = dict.fromkeys((*self.examples, *other.examples))
        return VersionReplay(
            rows=self.rows + other.rows,
            skew_rows=self.skew_rows + other.skew_rows,
            largest=max(known, default=None),
            examples=tuple(examples)[:MOST_EXAMPLES],
        )


class ReplayNight(Record):
    """What a night found of rows that were answered by day, and had not been replayed before.

    ``files`` are their keys in the lake. Rows that cannot be scored again are counted by the reason.
    """

    what = "a record of a replay"
    remedy = "delete it: its rows are replayed by the next night"

    format: Literal[1] = 1
    model: str
    night: str
    files: tuple[str, ...]
    versions: dict[str, VersionReplay] = Field(default_factory=dict)
    not_replayable: dict[str, int] = Field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many were scored again."""
        return sum(version.rows for version in self.versions.values())

    @property
    def skew_rows(self) -> int:
        """How many of them have other bits by night than by day."""
        return sum(version.skew_rows for version in self.versions.values())

    @property
    def drift(self) -> OnlineDrift | None:
        """That of the version which answered most rows."""
        known = [version.drift for version in self.versions.values() if version.drift is not None]
        return max(known, key=lambda drift: drift.rows, default=None)

    @property
    def not_replayed(self) -> int:
        """How many could not be scored again."""
        return sum(self.not_replayable.values())


class FileReplay(BaseModel):
    """What came of one file: ``reason`` why its rows cannot be scored again, or empty and what came of these."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = ""
    rows: int = 0
    reason: str = ""
    replayed: VersionReplay = VersionReplay()


def record_of(model: str, night: str, files: Iterable[str], outcomes: Iterable[FileReplay]) -> ReplayNight:
    """All files together."""
    versions: dict[str, VersionReplay] = {}
    reasons: Counter[str] = Counter()
    for outcome in outcomes:
        if outcome.reason:
            reasons[outcome.reason] += outcome.rows
        else:
            before = versions.get(outcome.version, VersionReplay())
            versions[outcome.version] = before.plus(outcome.replayed)
    return ReplayNight(
        model=model,
        night=night,
        files=tuple(files),
        versions=versions,
        not_replayable=dict(reasons),
    )


def read_replay(model: str, night: str, stores: Stores) -> ReplayNight | None:
    """A night's record, or None where there is none. Raises ``UnreadableRecord``."""
    return stores.lake.objects.get_record(layout.replayed(model, night), ReplayNight)


def newest_replay(model: str, stores: Stores) -> ReplayNight | None:
    """That of the newest night which has one. Raises ``UnreadableRecord``, ``LakeUnavailable``."""
    keys = list(stores.lake.objects.keys(layout.replayed_nights(model)))
    if not keys:
        return None
    return stores.lake.objects.get_record(keys[-1], ReplayNight)
