"""How good the scores of earlier nights were, now that their labels have arrived.

There is one record a night, written once per content of predictions and labels.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pyarrow as pa

from nightshift.contracts import Dataset
from nightshift.errors import LostRows
from nightshift.modelling.arrays import Floats
from nightshift.modelling.label_types import label_type
from nightshift.modelling.metrics import row_losses
from nightshift.partitions import last_nights
from nightshift.profiles.profile import HoldoutNight, Profile, load_profile
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.manifest import Manifest
from nightshift.stores.records import Record

LOOK_BACK_NIGHTS = 14
# Fewer holdout nights than this give no limit worth an alarm.
MIN_NIGHTS = 5


class Accuracy(Record):
    """One night's scores against its outcomes; metrics are None where not defined.

    ``rows`` predictions = ``labelled`` + ``without_label``; ``labels_unscored`` are outcomes of rows that
    were never scored. ``limit`` is the mean ``loss`` that a quiet night passes at the false-alarm rate.
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
    metrics: dict[str, float | None]
    limit: float | None
    lost: bool
    loss: str = "log_loss"


def measure_arrived(spec: ModelSpec, partition: str, stores: Stores) -> list[Accuracy]:
    """Measure every night whose labels have arrived with the run of ``partition`` and keep the records.

    Looks back 14 nights from ``partition - delay_days``, for nights with predictions and labels
    whose record is missing or is of other predictions or labels. A run that is repeated returns the same
    nights again. Nights that were published for another kind of label, by hand, were taken back or have a manifest
    that is unreadable are left out.
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
    """Whether a night's columns, types by name, are what the spec's kind of label publishes and keeps."""
    label = label_type(spec)
    for field in label.published_fields():
        published = predictions.get(field.name)
        if published != str(field.type):
            return False
    kept = labels.get(spec.label.column)
    return kept == str(label.arrow_type)


def arrived(spec: ModelSpec, partition: str) -> list[str]:
    """The nights within the look-back whose labels a run of ``partition`` can see, oldest first."""
    newest = spec.labelled_night(partition)
    return last_nights(LOOK_BACK_NIGHTS, newest)


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
    scored = predictions.select([*keys, *scored_columns(spec)])
    outcomes = labels.select([*keys, spec.label.column])
    joined = scored.join(
        outcomes,
        keys=keys,
        join_type="left outer",
    )
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
    orphans = keys_of_outcomes.join(
        scored.select(keys),
        keys=keys,
        join_type="left anti",
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


def loss_limit(holdout: Sequence[HoldoutNight], rows: int, false_alarm_rate: float) -> float | None:
    """The mean loss of a row that one more night like the holdout's passes with that probability.

    The one-sided normal prediction limit m + t s sqrt(1 + 1/H) over H nights (Hahn and Meeker,
    Statistical Intervals, 1991, section 4.8). A night of fewer rows than the holdout's gets a wider one: the
    variance within nights, over the rows it lacks, is added. None with fewer than ``MIN_NIGHTS`` nights.
    """
    if len(holdout) < MIN_NIGHTS or rows == 0:
        return None
    from scipy.stats import t

    losses = np.array([night.loss for night in holdout])
    nights = len(holdout)
    noise = _noise_within_nights(holdout, rows)
    variance = float(losses.var(ddof=1))
    variance_of_another = variance * (1 + 1 / nights)
    spread = math.sqrt(variance_of_another + noise)
    quantile = t.ppf(1 - false_alarm_rate, nights - 1)
    mean = losses.mean()
    margin = quantile * spread
    return float(mean + margin)


def _noise_within_nights(holdout: Sequence[HoldoutNight], rows: int) -> float:
    """The variance of a mean loss that comes of fewer ``rows`` than the holdout's nights have."""
    variances = []
    rows_of_nights = []
    for night in holdout:
        variances.append(night.variance)
        rows_of_nights.append(night.rows)
    usual_rows = float(np.median(rows_of_nights))
    variance = float(np.mean(variances))
    scarcity = 1 / rows - 1 / usual_rows
    return variance * max(scarcity, 0.0)


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
    columns = [*spec.keys, *scored_columns(spec)]
    scored = stores.lake.read(predictions, columns)
    scores, outcomes, orphans = join(spec, scored, stores.lake.read(labels))
    known = np.isfinite(outcomes)
    labelled = int(known.sum())
    measured = metrics(spec, profile.loss, scores[known], outcomes[known])
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
        metrics=measured,
        limit=limit,
        lost=is_lost(measured[profile.loss], limit),
        loss=profile.loss,
    )
    _keep(record, predictions, labels, stores)
    return record


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
