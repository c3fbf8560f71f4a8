"""The readout of an A/B test: what champion and canary did with their rows of some nights, with intervals."""

from dataclasses import dataclass

from nightshift.contracts import Dataset
from nightshift.errors import MissingPartition, UsageError
from nightshift.monitoring.canary.nights import CanaryOfNights, nights_of_canary
from nightshift.monitoring.canary.readout import FigureReading, readings
from nightshift.monitoring.canary.record import CanaryNight, GroupOfRows
from nightshift.partitions import parse_partition
from nightshift.spec import ModelSpec
from nightshift.stores import Stores

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Readout:
    """Of the nights of one canary; ``rows`` and ``labelled`` by version. Intervals are of ``confidence``."""

    model: str
    champion: str
    canary: str
    first: str
    last: str
    nights: int
    labelled_nights: int
    rows: dict[str, int]
    labelled: dict[str, int]
    metric: str
    confidence: float
    readings: list[FigureReading]


def ab(spec: ModelSpec, stores: Stores, first: str | None = None, last: str | None = None) -> Readout:
    """What the newest canary between two nights and the champion beside it did, by labels that are there by the last.

    Raises ``UsageError`` for nights that are none, ``MissingPartition`` where no night between them had a canary.
    """
    nights = _published(spec, stores, first, last)
    canary = _newest(spec, nights, stores)
    if canary is None:
        begin = first or "the first"
        end = last or "the last"
        raise MissingPartition(
            f"{spec.name}: no published night from {begin} to {end} had a canary",
            fix=f"nightshift canary {spec.name} tells who is one; `canary: {{}}` in model.yaml lets them be",
        )
    newest = nights[-1]
    records = list(nights_of_canary(spec, canary, nights[0], newest, stores))
    if not records:
        raise MissingPartition(
            f"{spec.name}: no night of version {canary.version} as a canary can be read as model.yaml has it now",
            fix=f"nightshift explain {spec.name} {newest} tells what is there",
        )
    return _readout(spec, canary, records)


def _published(spec: ModelSpec, stores: Stores, first: str | None, last: str | None) -> list[str]:
    """The nights between two, oldest first."""
    for night in (first, last):
        if night is not None:
            parse_partition(night)
    if first and last and first > last:
        raise UsageError(
            f"{spec.name}: {first} is after {last}", fix=f"nightshift ab {spec.name} --from {last} --to {first}"
        )
    published = stores.lake.partitions(Dataset.PREDICTIONS, spec.name, spec.partition.column)
    later = [night for night in published if not first or first <= night]
    return [night for night in later if not last or night <= last]


def _newest(spec: ModelSpec, nights: list[str], stores: Stores) -> CanaryOfNights | None:
    """The canary of the last of these nights that had one."""
    for night in reversed(nights):
        key = spec.key(Dataset.PREDICTIONS, night)
        predictions = stores.lake.readable(key)
        canary = CanaryOfNights.in_night(predictions) if predictions else None
        if canary:
            return canary
    return None


def _readout(spec: ModelSpec, canary: CanaryOfNights, records: list[CanaryNight]) -> Readout:
    champions = [record.of_champion for record in records]
    canaries = [record.of_canary for record in records]
    return Readout(
        model=spec.name,
        champion=canary.champion,
        canary=canary.version,
        first=records[0].night,
        last=records[-1].night,
        nights=len(records),
        labelled_nights=sum(record.has_labels for record in records),
        rows={canary.champion: _rows(champions), canary.version: _rows(canaries)},
        labelled={canary.champion: _labelled(champions), canary.version: _labelled(canaries)},
        metric=records[-1].metric,
        confidence=CONFIDENCE,
        readings=readings(records, CONFIDENCE),
    )


def _rows(groups: list[GroupOfRows]) -> int:
    return sum(group.rows for group in groups)


def _labelled(groups: list[GroupOfRows]) -> int:
    return sum(group.labelled for group in groups)
