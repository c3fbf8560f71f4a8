"""Watch a night: has its data drifted from what its model learnt from, and how good were earlier nights?

The numbers go to the lake first, as ``monitoring/<model>/``: one Parquet row per feature, and beside
it ``_drift.json`` and ``_report.html`` (readers of Parquet skip names that begin with ``_``). MLflow
comes last, so that nothing is lost while it is down.
"""

import json
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from nightshift.contracts import Dataset, NightReport, Pin
from nightshift.errors import DataError, SchemaMismatch
from nightshift.modelling.label_types import label_type
from nightshift.monitoring.accuracy import Accuracy, measure_arrived
from nightshift.monitoring.drift import DriftResult, measure
from nightshift.monitoring.report import render
from nightshift.partitions import parse_partition
from nightshift.profiles.bins import Counts
from nightshift.profiles.profile import Profile, load_profile
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.manifest import Manifest
from nightshift.stores.registry import TAG

FORMAT = 1
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


def monitor(spec: ModelSpec, partition: str, stores: Stores) -> NightReport:
    """Compare a scored night with the profile of the version that scored it, and measure arrived labels.

    Raises ``MissingPartition`` when the night is not validated or scored, ``DataError`` when it was
    scored from other rows than are validated now, ``ModelError`` when the version has no profile, and
    ``RegistryUnavailable`` after everything else is safely in the lake.
    """
    lake = stores.lake
    draft = lake.begin(spec.key(Dataset.MONITORING, partition))
    validated = lake.require(spec.key(Dataset.VALIDATED, partition))
    predictions = lake.require(spec.key(Dataset.PREDICTIONS, partition))
    pin = _pin(spec, partition, validated, predictions)
    drift = _drift(spec, pin, validated, predictions, stores)
    accuracy = measure_arrived(spec, partition, stores)
    provenance = stores.provenance(pin=asdict(pin), input=validated.digest, predictions=predictions.digest)
    lake.publish(draft, _table(drift, pin), provenance=provenance)
    _keep(spec, partition, pin, drift, accuracy, validated, predictions, stores)
    _log(spec, partition, pin, drift, accuracy, stores)
    return NightReport(
        model=spec.name,
        partition=partition,
        version=pin.version,
        drifted=drift.drifted,
        statistic=drift.statistic,
        threshold=drift.threshold,
        worst=drift.worst,
        accuracy_nights=[record.night for record in accuracy],
        lost_accuracy=any(record.lost for record in accuracy),
        report_key=layout.drift_report(draft.key),
    )


def read_drift(spec: ModelSpec, partition: str, stores: Stores) -> dict[str, Any] | None:
    """``_drift.json`` of a night, or None when it was never monitored."""
    found = stores.lake.objects.get(layout.drift(spec.key(Dataset.MONITORING, partition)))
    return json.loads(found[0]) if found else None


def _pin(spec: ModelSpec, partition: str, validated: Manifest, predictions: Manifest) -> Pin:
    if predictions.provenance["input"] != validated.digest:
        raise DataError(
            f"{spec.name} {partition} was scored from other rows than are validated now",
            fix=f"trigger {spec.name}.predict for {partition} again; monitoring follows it",
        )
    return predictions.pin


def _drift(spec: ModelSpec, pin: Pin, validated: Manifest, predictions: Manifest, stores: Stores) -> DriftResult:
    profile = load_profile(pin, stores.lake)
    score = label_type(spec).watched
    names = [feature.name for feature in profile.features]
    if missing := [name for name in names if name != score and name not in validated.columns]:
        raise SchemaMismatch(
            f"{spec.name} version {pin.version} watches {', '.join(missing)}, which {validated.partition} lacks",
            fix=f"trigger {spec.name}.train: a version watches what the spec said when it was trained",
        )
    counts = predictions.counts or _count(profile, score, validated, predictions, stores)
    return measure(spec, profile, counts, validated.rows)


def _count(
    profile: Profile, score: str, validated: Manifest, predictions: Manifest, stores: Stores
) -> dict[str, Counts]:
    """For nights published before scoring counted them itself."""
    names = [feature.name for feature in profile.features]
    features = stores.lake.read(validated, [name for name in names if name != score])
    columns = {name: features[name] for name in features.column_names}
    if score in names:
        columns[score] = stores.lake.read(predictions, [score])[score]
    return profile.count(columns)


def _table(drift: DriftResult, pin: Pin) -> pa.Table:
    rows = [{**asdict(feature), "model_version": pin.version} for feature in drift.features]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _keep(
    spec: ModelSpec,
    partition: str,
    pin: Pin,
    drift: DriftResult,
    accuracy: list[Accuracy],
    validated: Manifest,
    predictions: Manifest,
    stores: Stores,
) -> None:
    body = {
        "format": FORMAT,
        "model": spec.name,
        "partition": partition,
        "version": pin.version,
        "pin": asdict(pin),
        "counts": {
            "rows_in": validated.rows_in,
            "quarantined": validated.rows_quarantined,
            "scored": predictions.rows,
            "not_scored": predictions.rows_quarantined,
        },
        "generation": predictions.generation,
        "drift": asdict(drift),
        "accuracy": [asdict(record) for record in accuracy],
    }
    key, objects = spec.key(Dataset.MONITORING, partition), stores.lake.objects
    html = render(spec, body, stores.settings.mlflow_url)
    objects.put(layout.drift_report(key), html.encode(), "text/html; charset=utf-8")
    objects.put(layout.drift(key), (json.dumps(body, indent=1) + "\n").encode(), "application/json")


def _log(
    spec: ModelSpec, partition: str, pin: Pin, drift: DriftResult, accuracy: list[Accuracy], stores: Stores
) -> None:
    numbers = {pin.version: _points(partition, _drift_metrics(drift))}
    for record in accuracy:
        values = {f"accuracy.{name}": value for name, value in record.metrics.items()} | {
            "accuracy.limit": record.limit
        }
        numbers.setdefault(record.version, []).extend(_points(record.night, values))
    with stores.registry.session(f"{spec.name}.monitoring") as mlflow:
        experiment = mlflow.get_experiment_by_name(f"{spec.name}.monitoring").experiment_id
        for version, points in numbers.items():
            run_id = _run(experiment, spec.name, version, stores)
            stores.registry.client.log_batch(run_id, metrics=[mlflow.entities.Metric(*point) for point in points])


def _drift_metrics(drift: DriftResult) -> dict[str, float | None]:
    found = {"drift.statistic": drift.statistic, "drift.threshold": drift.threshold, "drift.ratio": drift.ratio}
    return {**found, **{f"drift.{feature.feature}": feature.ratio for feature in drift.features}}


def _points(night: str, values: dict[str, float | None]) -> list[tuple[str, float, int, int]]:
    # The night's own date as time and step: a repeated run writes the same point, which MLflow keeps once.
    day = parse_partition(night).toordinal() - EPOCH_ORDINAL
    return [(name, value, day * MILLISECONDS, day) for name, value in values.items() if value is not None]


def _run(experiment: str, model: str, version: str, stores: Stores) -> str:
    """The one run of a version; of two that were created side by side the older counts."""
    client = stores.registry.client
    query = f"tags.`{TAG}version` = '{version}'"
    found = client.search_runs([experiment], query, max_results=1, order_by=["attributes.start_time ASC"])
    if not found:
        client.create_run(experiment, run_name=f"{model} version {version}", tags={f"{TAG}version": version})
        found = client.search_runs([experiment], query, max_results=1, order_by=["attributes.start_time ASC"])
    return str(found[0].info.run_id)
