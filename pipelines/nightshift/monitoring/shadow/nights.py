"""Which nights of a challenger in shadow are evidence, and their records, each measured once of what there is."""

import logging
from collections.abc import Iterator
from contextlib import suppress

from nightshift.contracts import Dataset
from nightshift.errors import LostRows, UnreadableRecord
from nightshift.monitoring.labelled import of_this_label
from nightshift.monitoring.shadow.measure import measure_shadow, summed_by
from nightshift.monitoring.shadow.page import render
from nightshift.monitoring.shadow.record import ShadowNight, read_shadow_night
from nightshift.partitions import shifted
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.manifest import Manifest
from nightshift.stores.pages import put_page
from nightshift.stores.shadows import StandingShadow

log = logging.getLogger("nightshift")


def newest_published(spec: ModelSpec, stores: Stores) -> str | None:
    """The last night that people can read predictions of, or None."""
    published = stores.lake.partitions(Dataset.PREDICTIONS, spec.name, spec.partition.column)
    return published[-1] if published else None


def first_unseen(spec: ModelSpec, stores: Stores) -> str:
    """The first night that nobody has seen: who chooses a challenger now did not choose it by that one."""
    newest = newest_published(spec, stores)
    return shifted(newest, 1) if newest else spec.partition.start.isoformat()


def nights_in_shadow(spec: ModelSpec, shadow: StandingShadow, partition: str, stores: Stores) -> Iterator[ShadowNight]:
    """The records of all nights that say something of the two by the run of ``partition``, oldest first.

    A night counts once both scored the same rows of it and its labels are there. Records of other predictions, or
    other labels, are measured anew. One of which rows are lost is left out, and the log says so.
    """
    scored = stores.lake.partitions(Dataset.SHADOW, spec.name, spec.partition.column)
    last = spec.labelled_night(partition)
    for night in scored:
        if shadow.has(night) and night <= last:
            record = _of_whole_night(spec, shadow, night, stores)
            if record and record.labelled:
                yield record


def _of_whole_night(spec: ModelSpec, shadow: StandingShadow, night: str, stores: Stores) -> ShadowNight | None:
    try:
        return shadow_night(spec, shadow, night, stores)
    except LostRows as error:
        log.warning("%s: %s is no evidence for version %s in shadow: %s", spec.name, night, shadow.version, error)
        return None


def shadow_night(spec: ModelSpec, shadow: StandingShadow, night: str, stores: Stores) -> ShadowNight | None:
    """The record of a night, measured where that was not done; None where both did not score the same night.

    Nor is there one of a night of other columns than model.yaml has now. Raises ``LostRows``.
    """
    scored = stores.lake.readable(spec.key(Dataset.SHADOW, night))
    predictions = stores.lake.readable(spec.key(Dataset.PREDICTIONS, night))
    if scored is None or predictions is None or not _are_of_one_night(shadow, predictions, scored):
        return None
    labels = _labels(spec, predictions, stores)
    record = None
    with suppress(UnreadableRecord):
        record = read_shadow_night(spec.name, night, stores)
    if record and record.is_of(predictions, scored, labels) and record.metric == summed_by(spec):
        return record
    record = measure_shadow(spec, predictions, scored, labels, stores)
    if record is None:
        return None
    _keep(record, stores)
    _forget_if_taken_back(spec, record, stores)
    return record


def _are_of_one_night(shadow: StandingShadow, predictions: Manifest, scored: Manifest) -> bool:
    """Whether the champion and who stands in its shadow scored the same rows."""
    if not (predictions.names_version and scored.names_version):
        return False
    versions = (predictions.pin.version, scored.pin.version)
    if versions != (shadow.champion, shadow.version):
        return False
    return bool(predictions.provenance.get("input") == scored.provenance.get("input"))


def _labels(spec: ModelSpec, predictions: Manifest, stores: Stores) -> Manifest | None:
    """Labels of the spec's kind, or None."""
    labels = stores.lake.readable(spec.key(Dataset.LABELS, predictions.partition))
    if labels is None or not of_this_label(spec, predictions.columns, labels.columns):
        return None
    return labels


def _keep(record: ShadowNight, stores: Stores) -> None:
    """Write record and page."""
    objects = stores.lake.objects
    page = render(record, stores.settings.mlflow_url)
    put_page(objects, layout.shadow_night(record.model, record.night, ".html"), page)
    objects.put_record(layout.shadow_night(record.model, record.night), record)


def _forget_if_taken_back(spec: ModelSpec, record: ShadowNight, stores: Stores) -> None:
    """Who took the night back meanwhile has removed what was there, and not what was just written."""
    read = [Dataset.PREDICTIONS, Dataset.SHADOW]
    if record.labels:
        read.append(Dataset.LABELS)
    for dataset in read:
        if stores.lake.published(spec.key(dataset, record.night)) is None:
            stores.lake.objects.delete(layout.shadow_night(record.model, record.night))
            stores.lake.objects.delete(layout.shadow_night(record.model, record.night, ".html"))
