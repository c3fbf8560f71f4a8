"""How good the scores of earlier nights were, now that their labels have arrived.

There is one record a night, written once per content of predictions and labels.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pyarrow as pa

from nightshift.contracts import Dataset
from nightshift.errors import LostRows
from nightshift.modelling.arrays import Booleans, Floats
from nightshift.modelling.label_types import label_type
from nightshift.modelling.metrics import row_losses
from nightshift.monitoring.decided import as_decided
from nightshift.monitoring.limit import loss_limit
from nightshift.partitions import last_nights
from nightshift.profiles.profile import Profile, load_profile
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.key_joins import join_by_keys
from nightshift.stores.manifest import Manifest
from nightshift.stores.records import Record

LOOK_BACK_NIGHTS = 14
# What predictions say besides keys and scores.
OF_THE_MODEL = ("model_version", "run_id")


class Accuracy(Record):
    """One night's scores against its outcomes; metrics are None where not defined.

    ``rows`` predictions = ``labelled`` + ``without_label``; ``labels_unscored`` are outcomes of rows that
    were never scored, ``labels_not_taught`` those of a class that the version, or the spec, does not know, of which
    the rows count as without label. ``limit`` is the mean ``loss`` that a quiet night passes at the false-alarm rate.
    """

    what = "an accuracy record"

    format: Literal[1] = 1
    model: str
    night: str
    version: str
    measured_by: str
    predictions: str
    labels: str
    rows: int
    labelled: int
    without_label: int
    labels_unscored: int
    labels_not_taught: int = 0
    metrics: dict[str, float | None]
    limit: float | None
    lost: bool
    loss: str = "log_loss"


def measure_arrived(spec: ModelSpec, partition: str, stores: Stores) -> list[Accuracy]:
    """Measure every night whose labels have arrived with the run of ``partition`` and keep the records.

    Looks back 14 nights from ``partition - delay_days``, or as far as labels may still change, for nights with
    predictions and labels whose record is missing or is of other predictions or labels. A run that is repeated
    returns the same nights again. Nights that were published for another kind of label, by hand, were taken back or
    have a manifest that is unreadable are left out.
    Raises ``ModelError`` for a version without profile, ``LostRows``, ``LakeUnavailable``.
    """
    profiles: dict[str, Profile] = {}
    records = []
    for night in _measurable(spec, partition, stores):
        predictions = stores.lake.readable(spec.key(Dataset.PREDICTIONS, night))
        labels = stores.lake.readable(spec.key(Dataset.LABELS, night))
        if predictions is None or labels is None:
            continue
        if not of_this_label(spec, predictions.columns, labels.columns) or not predictions.names_version:
            continue
        record = read_record(spec.name, night, stores)
        if record is None or not _is_of(record, predictions, labels):
            record = _measure(
                spec,
                night,
                partition,
                predictions,
                labels,
                profiles,
                stores,
            )
        if record.measured_by == partition:
            records.append(record)
    return records


def _measurable(spec: ModelSpec, partition: str, stores: Stores) -> list[str]:
    """The nights within the look-back that have predictions and labels, oldest first."""
    lake = stores.lake
    column = spec.partition.column
    predicted = lake.partitions(Dataset.PREDICTIONS, spec.name, column)
    labelled = lake.partitions(Dataset.LABELS, spec.name, column)
    both = set(predicted).intersection(labelled)
    return [night for night in arrived(spec, partition) if night in both]


def _is_of(record: Accuracy, predictions: Manifest, labels: Manifest) -> bool:
    if record.predictions != predictions.digest:
        return False
    return record.labels == labels.digest


def of_this_label(spec: ModelSpec, predictions: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether a night's columns, types by name, are what the spec's kind of label publishes and keeps.

    Of a label with classes some may be missing: the spec did not name them yet.
    """
    label = label_type(spec)
    known = {*spec.keys, *OF_THE_MODEL}
    for field in label.published_fields():
        published = predictions.get(field.name)
        known.add(field.name)
        is_later_class = published is None and field.name in spec.scores and bool(spec.label.classes)
        if published != str(field.type) and not is_later_class:
            return False
    if not known.issuperset(predictions) or not set(scored_columns(spec)).intersection(predictions):
        return False
    kept = labels.get(spec.label.column)
    return kept == str(label.arrow_type)


def arrived(spec: ModelSpec, partition: str) -> list[str]:
    """The nights within the look-back whose labels a run of ``partition`` can see, oldest first.

    By the clock of the schedule, and each calendar night in which labels may still change.
    """
    newest = spec.labelled_night(partition)
    by_the_clock = spec.nights_through(newest, LOOK_BACK_NIGHTS)
    lately = last_nights(max(LOOK_BACK_NIGHTS, spec.label.corrected_within + 1), newest)
    return sorted({*by_the_clock, *lately})


def read_record(model: str, night: str, stores: Stores) -> Accuracy | None:
    """A night's record, or None when there is none. Raises ``UnreadableRecord``."""
    key = layout.accuracy(model, night)
    return stores.lake.objects.get_record(key, Accuracy)


def standing_record(spec: ModelSpec, night: str, stores: Stores) -> Accuracy | None:
    """A night's record, or None when there is none of the predictions that people can read now.

    Raises ``UnreadableRecord``.
    """
    record = read_record(spec.name, night, stores)
    if record is None:
        return None
    predictions = stores.lake.published(spec.key(Dataset.PREDICTIONS, night))
    return record if predictions and predictions.digest == record.predictions else None


def join(spec: ModelSpec, predictions: pa.Table, labels: pa.Table) -> tuple[Floats, Floats, int]:
    """Scores and outcomes (NaN where unknown) of all predictions, and how many outcomes met no prediction.

    Shapes (predictions,), scores of k classes (predictions, k). Raises ``LostRows`` when the keys of either side
    are not unique, ``SchemaMismatch`` for labels of another kind.
    """
    keys = list(spec.keys)
    label = label_type(spec)
    published = [name for name in scored_columns(spec) if name in predictions.column_names]
    scored = predictions.select([*keys, *published])
    outcomes = labels.select([*keys, spec.label.column])
    joined = join_by_keys(scored, outcomes, keys, "left outer")
    orphans = _count_orphans(outcomes, scored, keys)
    matched = outcomes.num_rows - orphans
    if joined.num_rows != scored.num_rows or matched > scored.num_rows:
        raise LostRows(
            f"{spec.name}: {scored.num_rows} predictions became {joined.num_rows} rows when joined with their labels",
            fix=f"look for duplicate keys in labels/{spec.name}",
        )
    ordered = joined.sort_by([(key, "ascending") for key in keys])
    scores = label.read_scores(ordered)
    targets = label.as_targets(ordered[spec.label.column])
    return scores, targets, orphans


def _count_orphans(outcomes: pa.Table, scored: pa.Table, keys: list[str]) -> int:
    """How many outcomes met no prediction."""
    keys_of_outcomes = outcomes.select(keys)
    orphans = join_by_keys(
        keys_of_outcomes,
        scored.select(keys),
        keys,
        "left anti",
    )
    return int(orphans.num_rows)


def scored_columns(spec: ModelSpec) -> list[str]:
    """The published columns that an outcome is held against."""
    if spec.scores:
        return list(spec.scores)
    return [spec.predict.prediction]


def metrics(spec: ModelSpec, loss: str, scores: Floats, labels: Floats) -> dict[str, float | None]:
    """All metrics of labelled rows, and their mean ``loss``; None where undefined. Shapes as in ``LabelledRows``."""
    label = label_type(spec)
    measured: dict[str, float | None] = {loss: None}
    defined: Mapping[str, float] = {}
    if labels.size:
        losses = row_losses(loss, labels, scores)
        measured[loss] = float(losses.mean())
        defined = label.metrics(labels, scores)
    for name in label.metrics_kept:
        measured.setdefault(name, defined.get(name))
    return measured


def _measure(
    spec: ModelSpec,
    night: str,
    partition: str,
    predictions: Manifest,
    labels: Manifest,
    profiles: dict[str, Profile],
    stores: Stores,
) -> Accuracy:
    pin = predictions.pin
    if pin.version not in profiles:
        profiles[pin.version] = load_profile(pin, stores.lake)
    profile = profiles[pin.version]
    columns = [name for name in (*spec.keys, *scored_columns(spec)) if name in predictions.columns]
    scored = stores.lake.read(predictions, columns)
    outcomes_of_night = stores.lake.read(labels)
    scores, outcomes, orphans = join(spec, scored, outcomes_of_night)
    taught = _was_taught(scores, outcomes)
    known = np.isfinite(outcomes) & taught
    not_taught = len(taught) - int(taught.sum())
    unknown = label_type(spec).unknown(outcomes_of_night[spec.label.column])
    labelled = int(known.sum())
    measured = metrics(as_decided(spec, predictions), profile.loss, scores[known], outcomes[known])
    limit = loss_limit(profile.holdout, labelled, spec.drift.false_alarm_rate)
    record = Accuracy(
        model=spec.name,
        night=night,
        version=pin.version,
        measured_by=partition,
        predictions=predictions.digest,
        labels=labels.digest,
        rows=len(scores),
        labelled=labelled,
        without_label=len(scores) - labelled,
        labels_unscored=orphans,
        labels_not_taught=not_taught + sum(unknown.values()),
        metrics=measured,
        limit=limit,
        lost=is_lost(measured[profile.loss], limit),
        loss=profile.loss,
    )
    _keep(record, predictions, labels, stores)
    return record


def _was_taught(scores: Floats, outcomes: Floats) -> Booleans:
    """Whether the model knows the class of each outcome, (n,); true for what is no class, or is not known."""
    taught = np.ones(len(outcomes), np.bool_)
    if scores.ndim == 1:
        return taught
    places = np.flatnonzero(np.isfinite(outcomes))
    of_outcome = scores[places, outcomes[places].astype(np.int64)]
    taught[places] = ~np.isnan(of_outcome)
    return taught


def _keep(record: Accuracy, predictions: Manifest, labels: Manifest, stores: Stores) -> None:
    """Write a record, and look again: who took the night back meanwhile has removed what was there, not this."""
    key = layout.accuracy(record.model, record.night)
    stores.lake.objects.put_record(key, record)
    for manifest in (predictions, labels):
        if stores.lake.published(manifest.key) is None:
            stores.lake.objects.delete(key)


def is_lost(loss: float | None, limit: float | None) -> bool:
    """Whether a night's loss is above its limit; never where either is unknown."""
    if loss is None or limit is None:
        return False
    return loss > limit
