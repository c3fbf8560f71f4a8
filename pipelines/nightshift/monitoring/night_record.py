"""What monitoring saw of a night, as the lake keeps it: report, governor, pages and demo read this and nothing else."""

from dataclasses import dataclass
from typing import Literal

from nightshift.contracts import Dataset, Pin
from nightshift.monitoring.accuracy import Accuracy
from nightshift.monitoring.drift import DriftResult
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.records import Record


@dataclass(frozen=True)
class NightCounts:
    """Where a night's rows went: ``rows_in`` = ``quarantined`` + ``scored`` + ``not_scored``."""

    rows_in: int
    quarantined: int
    scored: int
    not_scored: int


class NightRecord(Record):
    """One monitored night: its drift, and the accuracy of nights whose labels arrived with it.

    ``generation`` is that of the predictions, which ``pin`` made.
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
