"""Watch a night: has its data drifted from what its model learnt from, and how good were earlier nights?

The numbers go to the lake first: one Parquet row per feature, and beside it a record and a page (readers of
Parquet skip names that begin with ``_``). MLflow comes last, so that nothing is lost while it is down.
"""

import logging
from collections import defaultdict
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from nightshift.contracts import Dataset, NightReport, Pin
from nightshift.errors import DataError, LakeUnavailable, SchemaMismatch, Superseded
from nightshift.modelling.arrays import Int64s
from nightshift.modelling.label_types import label_type
from nightshift.monitoring.accuracy import measure_arrived
from nightshift.monitoring.age import old_champion
from nightshift.monitoring.decided import as_decided
from nightshift.monitoring.drift import DriftResult, measure
from nightshift.monitoring.night_record import NightCounts, NightRecord
from nightshift.monitoring.report import render
from nightshift.partitions import parse_partition
from nightshift.profiles.profile import Profile, load_profile
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.manifest import Manifest, sequences
from nightshift.stores.objects import ConditionFailed, ObjectHead, Objects
from nightshift.stores.pages import put_page
from nightshift.stores.registry import TAG

log = logging.getLogger("nightshift")
EPOCH_ORDINAL = 719163
MILLISECONDS = 86_400_000
SCHEMA = pa.schema([
    ("feature", pa.string()),
    ("distance", pa.float64()),
    ("alarm_distance", pa.float64()),
    ("statistic", pa.float64()),
    ("threshold", pa.float64()),
    ("ratio", pa.float64()),
    ("drifted", pa.bool_()),
    ("calibrated", pa.bool_()),
    ("null_share", pa.float64()),
    ("reference_null_share", pa.float64()),
    ("rows", pa.int64()),
    ("model_version", pa.string()),
])
Point = tuple[str, float, int, int]
"""Name, value, time in milliseconds and step, as MLflow has them."""


def monitor(spec: ModelSpec, partition: str, stores: Stores) -> NightReport:
    """Compare a scored night with the profile of the version that scored it, and measure arrived labels.

    Raises ``MissingPartition`` when the night is not validated or scored, ``DataError`` when it was
    scored from other rows than are validated now, ``ModelError`` when the version has no profile,
    ``Superseded`` when it was taken back meanwhile, and ``RegistryUnavailable`` after everything else is safely
    in the lake.
    """
    lake = stores.lake
    draft = lake.begin(spec.key(Dataset.MONITORING, partition))
    record_before = lake.objects.head(layout.drift(draft.key))
    validated = lake.require(spec.key(Dataset.VALIDATED, partition))
    predictions = lake.require(spec.key(Dataset.PREDICTIONS, partition))
    pin = _pin(spec, validated, predictions)
    drift = _drift(spec, pin, validated, predictions, stores)
    record = NightRecord(
        model=spec.name,
        partition=partition,
        version=pin.version,
        pin=pin,
        counts=_counts(validated, predictions),
        generation=predictions.generation,
        drift=drift,
        accuracy=tuple(measure_arrived(spec, partition, stores)),
    )
    provenance = stores.provenance(pin=asdict(pin), input=validated.digest, predictions=predictions.digest)
    lake.publish(draft, _table(drift, pin), provenance=provenance, inputs=sequences(validated, predictions))
    report_key = _write(as_decided(spec, predictions), record, record_before, stores)
    _require_standing(spec, record, stores)
    _log(spec, record, stores)
    accuracy_nights = [accuracy.night for accuracy in record.accuracy]
    lost_accuracy = any(accuracy.lost for accuracy in record.accuracy)
    return NightReport(
        model=spec.name,
        partition=partition,
        version=pin.version,
        drifted=drift.drifted,
        statistic=drift.statistic,
        threshold=drift.threshold,
        worst=drift.worst,
        accuracy_nights=accuracy_nights,
        lost_accuracy=lost_accuracy,
        report_key=report_key,
        notes=_notes(spec, pin, partition),
    )


def _notes(spec: ModelSpec, pin: Pin, partition: str) -> list[str]:
    old = old_champion(spec, pin.version, pin.trained_through, partition)
    if old is None:
        return []
    log.warning("%s: %s", spec.name, old)
    return [old]


def _pin(spec: ModelSpec, validated: Manifest, predictions: Manifest) -> Pin:
    pin = predictions.pin
    if predictions.provenance.get("input") != validated.digest:
        night = predictions.partition
        raise DataError(
            f"{spec.name} {night} was scored from other rows than are validated now",
            fix=f"trigger {spec.name}.predict for {night} again; monitoring follows it",
        )
    return pin


def _counts(validated: Manifest, predictions: Manifest) -> NightCounts:
    return NightCounts(
        rows_in=validated.rows_in,
        quarantined=validated.rows_quarantined,
        scored=predictions.rows,
        not_scored=predictions.rows_quarantined,
    )


def _drift(spec: ModelSpec, pin: Pin, validated: Manifest, predictions: Manifest, stores: Stores) -> DriftResult:
    profile = load_profile(pin, stores.lake)
    score = label_type(spec).drift_column
    columns = [feature.name for feature in profile.features if feature.name != score]
    missing = [name for name in columns if name not in validated.columns]
    if missing:
        raise SchemaMismatch(
            f"{spec.name} version {pin.version} watches {', '.join(missing)}, which {validated.partition} lacks",
            fix=f"trigger {spec.name}.train: a version watches what the spec said when it was trained;"
            " or keep the column's name of before in model.yaml, with source: for its name in the data",
        )
    counts = predictions.counts or _count(profile, score, validated, predictions, stores)
    return measure(spec, profile, counts, validated.rows)


def _count(
    profile: Profile, score: str, validated: Manifest, predictions: Manifest, stores: Stores
) -> dict[str, Int64s]:
    """For nights published before scoring counted them itself."""
    names = [feature.name for feature in profile.features]
    of_input = [name for name in names if name != score]
    features = stores.lake.read(validated, of_input)
    columns = {name: features[name] for name in of_input}
    if score in names:
        scores = stores.lake.read(predictions, [score])
        columns[score] = scores[score]
    return profile.count(columns)


def _table(drift: DriftResult, pin: Pin) -> pa.Table:
    rows = []
    for feature in drift.features:
        row = asdict(feature)
        rows.append({**row, "model_version": pin.version})
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _write(spec: ModelSpec, record: NightRecord, before: ObjectHead | None, stores: Stores) -> str:
    """The record over the one that was there at the beginning, then its page. Returns the page's key."""
    night = spec.key(Dataset.MONITORING, record.partition)
    objects = stores.lake.objects
    page = render(spec, record, stores.settings.mlflow_url)
    _replace(objects, layout.drift(night), record.to_json(), before.etag if before else None)
    report_key = layout.drift_report(night)
    put_page(objects, report_key, page)
    return report_key


def _replace(objects: Objects, key: str, body: bytes, etag: str | None) -> None:
    """A monitor that slept over another one's record of the night does not put its own over it."""
    try:
        objects.put_if(key, body, etag)
    except ConditionFailed as refusal:
        stored = objects.get(key)
        there, now = stored or (None, None)
        if there == body:
            return
        if now == etag:
            raise LakeUnavailable(f"{objects.uri}/{key} was not written: {refusal}") from refusal
        raise Superseded(
            f"{objects.uri}/{key} was written by another monitor, or taken back, while this one worked",
            fix="nothing to do; run again to replace it",
        ) from refusal


def _require_standing(spec: ModelSpec, record: NightRecord, stores: Stores) -> None:
    """Who took the night back meanwhile has removed what was there, not what was just written."""
    night = spec.key(Dataset.MONITORING, record.partition)
    if stores.lake.published(night) is not None:
        return
    for key in (layout.drift(night), layout.drift_report(night)):
        stores.lake.objects.delete(key)
    raise Superseded(
        f"{night} was taken back while it was monitored",
        fix="nothing to do; run again to bring it back",
    )


def _log(spec: ModelSpec, record: NightRecord, stores: Stores) -> None:
    experiment = f"{spec.name}.monitoring"
    with stores.registry.session(experiment) as mlflow:
        experiment_id = mlflow.get_experiment_by_name(experiment).experiment_id
        for version, points in _points_by_version(record).items():
            metrics = [mlflow.entities.Metric(*point) for point in points]
            run_id = _run(experiment_id, spec.name, version, stores)
            stores.registry.client.log_batch(run_id, metrics=metrics)


def _points_by_version(record: NightRecord) -> dict[str, list[Point]]:
    points: defaultdict[str, list[Point]] = defaultdict(list)
    drift = _drift_metrics(record.drift)
    points[record.version] += _points(record.partition, drift)
    for accuracy in record.accuracy:
        values = {"accuracy.limit": accuracy.limit}
        for name, value in accuracy.metrics.items():
            values[f"accuracy.{name}"] = value
        points[accuracy.version] += _points(accuracy.night, values)
    return points


def _drift_metrics(drift: DriftResult) -> dict[str, float | None]:
    metrics: dict[str, float | None] = {
        "drift.statistic": drift.statistic,
        "drift.threshold": drift.threshold,
        "drift.ratio": drift.ratio,
    }
    for feature in drift.features:
        # A part of their own for names of the data: a feature may be called statistic, threshold or ratio.
        metrics[f"drift.feature.{feature.feature}"] = feature.ratio
    return metrics


def _points(night: str, values: dict[str, float | None]) -> list[Point]:
    # The night's own date as time and step: a repeated run writes the same point, which MLflow keeps once.
    day = parse_partition(night).toordinal() - EPOCH_ORDINAL
    time = day * MILLISECONDS
    points = []
    for name, value in values.items():
        if value is not None:
            points.append((name, value, time, day))
    return points


def _run(experiment_id: str, model: str, version: str, stores: Stores) -> str:
    """The one run of a version; of two that were created side by side the older counts."""
    run = _oldest_run(experiment_id, version, stores)
    if run is None:
        tags = {f"{TAG}version": version}
        stores.registry.client.create_run(experiment_id, run_name=f"{model} version {version}", tags=tags)
        run = _oldest_run(experiment_id, version, stores)
    return str(run.info.run_id)


def _oldest_run(experiment_id: str, version: str, stores: Stores) -> Any:
    query = f"tags.`{TAG}version` = '{version}'"
    runs = stores.registry.client.search_runs(
        [experiment_id], query, max_results=1, order_by=["attributes.start_time ASC"]
    )
    return runs[0] if runs else None
