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
    nights again. Nights that were published for another kind of label are left out. Raises ``ModelError``
    for a version without profile, ``LostRows``, ``LakeUnavailable``.
    """
    lake = stores.lake
    there = set(lake.partitions(Dataset.PREDICTIONS, spec.name)) & set(lake.partitions(Dataset.LABELS, spec.name))
    found, profiles = [], dict[str, Profile]()
    for night in sorted(there & set(arrived(spec, partition))):
        predictions = lake.require(spec.key(Dataset.PREDICTIONS, night))
        labels = lake.require(spec.key(Dataset.LABELS, night))
        if not of_this_label(spec, predictions.columns, labels.columns):
            continue
        record = read_record(spec.name, night, stores)
        if record is None or (record.predictions, record.labels) != (predictions.digest, labels.digest):
            record = _measure(spec, night, partition, predictions, labels, profiles, stores)
        if record.measured_by == partition:
            found.append(record)
    return found


def of_this_label(spec: ModelSpec, predictions: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether a night's columns, types by name, are what the spec's kind of label publishes and keeps."""
    label = label_type(spec)
    promised = {field.name: str(field.type) for field in label.published_fields()}
    return promised.items() <= predictions.items() and labels.get(spec.label.column) == str(label.arrow_type)


def arrived(spec: ModelSpec, partition: str) -> list[str]:
    """The nights within the look-back whose labels a run of ``partition`` can see, oldest first."""
    return last_nights(LOOK_BACK_NIGHTS, spec.labelled_night(partition))


def read_record(model: str, night: str, stores: Stores) -> Accuracy | None:
    """A night's record, or None when there is none. Raises ``UnreadableRecord``."""
    return stores.lake.objects.get_record(layout.accuracy(model, night), Accuracy)


def join(spec: ModelSpec, predictions: pa.Table, labels: pa.Table) -> tuple[Floats, Floats, int]:
    """Scores and outcomes (NaN where unknown) of all predictions, and how many outcomes met no prediction.

    Shapes (predictions,), scores of k classes (predictions, k). Raises ``LostRows`` when the keys of either side
    are not unique, ``SchemaMismatch`` for labels of another kind.
    """
    keys, label = list(spec.keys), label_type(spec)
    left = predictions.select([*keys, *scored_columns(spec)])
    joined = left.join(labels.select([*keys, spec.label.column]), keys=keys, join_type="left outer")
    orphans = labels.select(keys).join(left.select(keys), keys=keys, join_type="left anti").num_rows
    if joined.num_rows != left.num_rows or labels.num_rows - orphans > left.num_rows:
        raise LostRows(
            f"{spec.name}: {left.num_rows} predictions became {joined.num_rows} rows when joined with their labels",
            fix=f"look for duplicate keys in labels/{spec.name}",
        )
    joined = joined.sort_by([(key, "ascending") for key in keys])
    return label.read_scores(joined), label.as_targets(joined[spec.label.column]), orphans


def scored_columns(spec: ModelSpec) -> list[str]:
    """The published columns that an outcome is held against."""
    return list(spec.scores) or [spec.predict.prediction]


def metrics(spec: ModelSpec, loss: str, scores: Floats, labels: Floats) -> dict[str, float | None]:
    """All metrics of labelled rows, and their mean ``loss``; None where undefined. Shapes as in ``LabelledRows``."""
    label = label_type(spec)
    found = label.metrics(labels, scores) if labels.size else {}
    mean = float(row_losses(loss, labels, scores).mean()) if labels.size else None
    return {loss: mean, **{name: found.get(name) for name in label.metrics_kept if name != loss}}


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
    within = float(np.mean([night.variance for night in holdout]))
    noise = within * max(1 / rows - 1 / float(np.median([night.rows for night in holdout])), 0.0)
    spread = math.sqrt(float(losses.var(ddof=1)) * (1 + 1 / losses.size) + noise)
    return float(losses.mean() + t.ppf(1 - false_alarm_rate, losses.size - 1) * spread)


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
    profile, columns = profiles[pin.version], [*spec.keys, *scored_columns(spec)]
    scores, outcomes, orphans = join(spec, stores.lake.read(predictions, columns), stores.lake.read(labels))
    known = np.isfinite(outcomes)
    measured = metrics(spec, profile.loss, scores[known], outcomes[known])
    limit = loss_limit(profile.holdout, int(known.sum()), spec.drift.false_alarm_rate)
    record = Accuracy(
        model=spec.name,
        night=night,
        version=pin.version,
        measured_by=partition,
        predictions=predictions.digest,
        labels=labels.digest,
        rows=len(scores),
        labelled=int(known.sum()),
        without_label=int((~known).sum()),
        labels_unscored=orphans,
        metrics=measured,
        limit=limit,
        lost=is_lost(measured[profile.loss], limit),
        loss=profile.loss,
    )
    stores.lake.objects.put_record(layout.accuracy(spec.name, night), record)
    return record


def is_lost(loss: float | None, limit: float | None) -> bool:
    """Whether a night's loss is above its limit; never where either is unknown."""
    return loss is not None and limit is not None and loss > limit
