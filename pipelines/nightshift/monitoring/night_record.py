"""What monitoring saw of a night, as the lake keeps it: report, governor, pages and demo read this and nothing else."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from nightshift.contracts import Dataset, EpisodeChange, Pin
from nightshift.errors import UnreadableRecord
from nightshift.monitoring.accuracy import Accuracy
from nightshift.monitoring.drift import DriftResult
from nightshift.monitoring.matters.record import Matters
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.missing import how_to_make
from nightshift.stores.records import Record, is_none

log = logging.getLogger("nightshift")


@dataclass(frozen=True)
class NightCounts:
    """Where a night's rows went: ``rows_in`` = ``quarantined`` + ``scored`` + ``not_scored``."""

    rows_in: int
    quarantined: int
    scored: int
    not_scored: int


@dataclass(frozen=True)
class CanaryDrift:
    """How far the rows that a canary scored, a ``share`` of the night's, are from what it learnt from.

    It opens no alarm and starts no training: what becomes of a canary, its labelled nights decide. Later nights do not
    judge it anew.
    """

    pin: Pin
    share: float
    rows: int
    drift: DriftResult

    @property
    def version(self) -> str:
        """Its number."""
        return self.pin.version


class NightRecord(Record):
    """One monitored night: its drift, and the accuracy of nights whose labels arrived with it.

    ``generation`` is that of the predictions, which ``pin`` made; ``planned`` says why the night alarms nobody, and
    ``episodes`` what it did to alarms, as of then. ``matters`` ranks and informs;
    None for a version that keeps nothing to say it by. ``quarantined_by`` counts dropped rows by the rule they breach.
    Of a night with a canary all that is of the champion's rows, but for these counts, and ``canary`` of the other's.
    """

    what = "a record of a monitored night"

    format: Literal[1] = 1
    model: str
    partition: str
    version: str
    pin: Pin
    counts: NightCounts
    generation: str
    drift: DriftResult
    accuracy: tuple[Accuracy, ...]
    planned: str = ""
    episodes: tuple[EpisodeChange, ...] = ()
    matters: Matters | None = None
    canary: CanaryDrift | None = Field(None, exclude_if=is_none)
    quarantined_by: Mapping[str, int] = Field(default_factory=dict)

    @classmethod
    def remedy_for(cls, where: str) -> str:
        """To monitor the night again, which writes the record anew."""
        night = layout.drift_in(where)
        return how_to_make(night) if night else cls.remedy


def read_night_record(spec: ModelSpec, partition: str, stores: Stores) -> NightRecord | None:
    """The record of a night, or None when it was never monitored, or was predicted anew or taken back since.

    Raises ``UnreadableRecord``.
    """
    key = layout.drift(spec.key(Dataset.MONITORING, partition))
    record = stores.lake.objects.get_record(key, NightRecord)
    if record is None:
        return None
    predictions = stores.lake.published(spec.key(Dataset.PREDICTIONS, partition))
    return record if predictions and predictions.generation == record.generation else None


def looked_up(spec: ModelSpec, partition: str, stores: Stores) -> NightRecord | None:
    """The same of a night that another one is held against: a damaged record is told in the log, and is none."""
    try:
        return read_night_record(spec, partition, stores)
    except UnreadableRecord as error:
        log.warning("%s: %s says nothing of other nights: %s", spec.name, partition, error)
        return None
