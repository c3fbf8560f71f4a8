"""A monitored night as MLflow shows it: one run a version, one point a night."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from nightshift.monitoring.accuracy_record import Accuracy
from nightshift.monitoring.drift import DriftResult
from nightshift.monitoring.night_record import NightRecord
from nightshift.monitoring.replay.record import ReplayNight
from nightshift.partitions import parse_partition
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.registry import TAG

EPOCH_ORDINAL = 719163
MILLISECONDS = 86_400_000
Point = tuple[str, float, int, int]
"""Name, value, time in milliseconds and step, as MLflow has them."""


def log_points(spec: ModelSpec, records: Sequence[NightRecord], stores: Stores) -> None:
    """Each figure of the nights and of those measured with them. Raises ``RegistryUnavailable``."""
    experiment = f"{spec.name}.monitoring"
    runs: dict[str, str] = {}
    with stores.registry.session(experiment) as mlflow:
        experiment_id = mlflow.get_experiment_by_name(experiment).experiment_id
        for record in records:
            for version, points in _points_by_version(record).items():
                metrics = [mlflow.entities.Metric(*point) for point in points]
                if version not in runs:
                    runs[version] = _run(experiment_id, spec.name, version, stores)
                stores.registry.client.log_batch(runs[version], metrics=metrics)


def log_replay(spec: ModelSpec, record: ReplayNight, stores: Stores) -> None:
    """What came of rows that were answered by day, by the version that answered. Raises ``RegistryUnavailable``."""
    experiment = f"{spec.name}.monitoring"
    with stores.registry.session(experiment) as mlflow:
        experiment_id = mlflow.get_experiment_by_name(experiment).experiment_id
        for version, replayed in record.versions.items():
            values = {"replay.rows": float(replayed.rows), "replay.skew_rows": float(replayed.skew_rows)}
            drift = replayed.drift.ratio if replayed.drift else None
            points = _points(record.night, {**values, "replay.largest": replayed.largest, "replay.drift": drift})
            metrics = [mlflow.entities.Metric(*point) for point in points]
            run = _run(experiment_id, spec.name, version, stores)
            stores.registry.client.log_batch(run, metrics=metrics)


def _points_by_version(record: NightRecord) -> dict[str, list[Point]]:
    points: defaultdict[str, list[Point]] = defaultdict(list)
    drift = _drift_metrics(record.drift)
    points[record.version] += _points(record.partition, drift)
    if record.canary:
        of_canary = _drift_metrics(record.canary.drift)
        points[record.canary.version] += _points(record.partition, of_canary)
    if record.matters:
        points[record.version] += _points(record.partition, record.matters.metrics)
    for accuracy in record.accuracy:
        values = _accuracy_metrics(accuracy)
        points[accuracy.version] += _points(accuracy.night, values)
        if accuracy.canary:
            of_canary = _named(accuracy.canary.metrics)
            points[accuracy.canary.version] += _points(accuracy.night, of_canary)
    return points


def _accuracy_metrics(accuracy: Accuracy) -> dict[str, float | None]:
    values = {"accuracy.limit": accuracy.limit, **_named(accuracy.metrics)}
    skill = accuracy.skill
    pooled = accuracy.pooled
    if skill:
        values["accuracy.skill"] = skill.skill
        values["accuracy.rank"] = skill.rank
    if pooled:
        values["accuracy.evidence_of_loss"] = pooled.evidence
    return values


def _named(metrics: dict[str, float | None]) -> dict[str, float | None]:
    return {f"accuracy.{name}": value for name, value in metrics.items()}


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
        if value is None:
            continue
        point = (name, value, time, day)
        points.append(point)
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
