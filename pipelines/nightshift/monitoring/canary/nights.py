"""Which nights had a canary, and their records, each measured once of what there is."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from nightshift.contracts import Dataset
from nightshift.errors import LaterRecord, LostRows, UnreadableRecord
from nightshift.monitoring.canary.measure import CanaryPartition, measure_canary
from nightshift.monitoring.canary.page import render
from nightshift.monitoring.canary.record import CanaryNight, read_canary_night
from nightshift.monitoring.labelled import of_this_label, published_as
from nightshift.monitoring.shadow.measure import summed_by
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.canaries import StandingCanary
from nightshift.stores.manifest import Manifest
from nightshift.stores.pages import put_page

log = logging.getLogger("nightshift")


@dataclass(frozen=True)
class CanaryOfNights:
    """Which canary is asked about: the entry of the ledger that put a version beside a champion."""

    number: int
    version: str
    champion: str

    @classmethod
    def standing(cls, canary: StandingCanary) -> "CanaryOfNights":
        """The one of now."""
        return cls(canary.number, canary.version, canary.champion)

    @classmethod
    def in_night(cls, predictions: Manifest) -> "CanaryOfNights | None":
        """The one that scored some rows of a night, if one did."""
        pin = predictions.canary_pin
        if pin is None or not predictions.names_version:
            return None
        return cls(pin.number, pin.pin.version, predictions.pin.version)


def nights_of_canary(
    spec: ModelSpec, canary: CanaryOfNights, first: str, last: str, stores: Stores
) -> Iterator[CanaryNight]:
    """The records of all nights between two, both included, of which it scored some rows; oldest first.

    Records of other predictions, or other labels, are measured anew. One of columns that model.yaml has no more is left
    out, and so is one of which rows are lost, as the log says.
    """
    published = stores.lake.partitions(Dataset.PREDICTIONS, spec.name, spec.partition.column)
    before = _last_of(spec, canary, [night for night in published if night < first], stores)
    for night in published:
        if not first <= night <= last:
            continue
        partition = _partition(spec, canary, night, stores)
        record = _kept(spec, partition, before, stores) if partition else None
        if record is None or partition is None:
            continue
        yield record
        before = partition


def _last_of(spec: ModelSpec, canary: CanaryOfNights, nights: list[str], stores: Stores) -> CanaryPartition | None:
    """The last of some nights, where it is the canary's: who asks from a later one on is told by the same records."""
    for night in reversed(nights):
        predictions = stores.lake.readable(spec.key(Dataset.PREDICTIONS, night))
        if predictions is None or CanaryOfNights.in_night(predictions) != canary:
            return None
        partition = _partition(spec, canary, night, stores)
        if partition:
            return partition
    return None


def _partition(spec: ModelSpec, canary: CanaryOfNights, night: str, stores: Stores) -> CanaryPartition | None:
    """None of a night that it scored nothing of, or of other columns than model.yaml has now."""
    predictions = stores.lake.readable(spec.key(Dataset.PREDICTIONS, night))
    if predictions is None or not published_as(spec, predictions.columns):
        return None
    pin = predictions.canary_pin
    if pin is None or CanaryOfNights.in_night(predictions) != canary:
        return None
    return CanaryPartition(predictions, pin, _labels(spec, predictions, stores))


def _labels(spec: ModelSpec, predictions: Manifest, stores: Stores) -> Manifest | None:
    """Labels of the spec's kind, or None."""
    labels = stores.lake.readable(spec.key(Dataset.LABELS, predictions.partition))
    if labels is None or not of_this_label(spec, predictions.columns, labels.columns):
        return None
    return labels


def _kept(
    spec: ModelSpec, partition: CanaryPartition, before: CanaryPartition | None, stores: Stores
) -> CanaryNight | None:
    """The record of a night, measured and kept where that was not done; None of lost rows.

    What a later version kept of it is left to that one.
    """
    night = partition.predictions.partition
    night_before = before.digests if before else ""
    is_later = False
    record = None
    try:
        record = read_canary_night(spec.name, night, stores)
    except UnreadableRecord as error:
        is_later = isinstance(error, LaterRecord)
    is_right = record is not None and record.is_of(partition.predictions, partition.labels, night_before)
    if record and is_right and record.metric == summed_by(spec):
        return record
    try:
        record = measure_canary(spec, partition, before, stores)
    except LostRows as error:
        log.warning("%s: %s is no evidence of its canary: %s", spec.name, night, error)
        return None
    if not is_later:
        _keep(record, stores)
        _forget_if_taken_back(spec, record, stores)
    return record


def _keep(record: CanaryNight, stores: Stores) -> None:
    """Write record and page."""
    objects = stores.lake.objects
    put_page(objects, layout.canary_night(record.model, record.night, ".html"), render(record))
    objects.put_record(layout.canary_night(record.model, record.night), record)


def _forget_if_taken_back(spec: ModelSpec, record: CanaryNight, stores: Stores) -> None:
    """Who took the night back meanwhile has removed what was there, and not what was just written."""
    read = [Dataset.PREDICTIONS]
    if record.labels:
        read.append(Dataset.LABELS)
    for dataset in read:
        if stores.lake.published(spec.key(dataset, record.night)) is None:
            stores.lake.objects.delete(layout.canary_night(record.model, record.night))
            stores.lake.objects.delete(layout.canary_night(record.model, record.night, ".html"))
