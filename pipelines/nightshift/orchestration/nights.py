"""The Dags of one night: ingest, validate, predict, monitor; each starts when the one before published."""

import datetime as dt

from airflow.sdk import DAG, CronPartitionTimetable, Param, PartitionedAssetTimetable, XComArg

from nightshift.contracts import Dataset
from nightshift.orchestration import assets, policies, tasks
from nightshift.orchestration.retrain import RetrainOperator, confirm
from nightshift.spec import ModelSpec

QUARTER, HOUR = dt.timedelta(minutes=15), dt.timedelta(hours=1)
RUNS_SIDE_BY_SIDE = 4


def ingest_dag(spec: ModelSpec) -> DAG:
    """Every night by the clock: the night itself, and the outcomes of an earlier one."""
    doc = f"Bring one night of {spec.name} into the lake, and the labels that have arrived by then."
    schedule = CronPartitionTimetable(
        spec.partition.schedule, timezone=spec.partition.timezone, key_format=policies.KEY_FORMAT
    )
    arguments = policies.of_dag(spec, "ingest", doc, timeout=QUARTER, max_active_runs=RUNS_SIDE_BY_SIDE)
    with DAG(schedule=schedule, **arguments) as dag:
        tasks.ingest.override(outlets=[assets.dataset(spec, Dataset.RAW)])(spec.name)
        tasks.labels(spec.name)
    return dag


def validate_dag(spec: ModelSpec) -> DAG:
    """When a raw night is there."""
    doc = f"Check one night of {spec.name} against its spec with Great Expectations; a refused night goes no further."
    arguments = policies.of_dag(spec, "validate", doc, timeout=QUARTER, max_active_runs=RUNS_SIDE_BY_SIDE)
    with DAG(schedule=_after(spec, Dataset.RAW), **arguments) as dag:
        raw, validated = assets.dataset(spec, Dataset.RAW), assets.dataset(spec, Dataset.VALIDATED)
        tasks.validate.override(inlets=[raw], outlets=[validated])(spec.name)
    return dag


def predict_dag(spec: ModelSpec) -> DAG:
    """When a validated night is there."""
    doc = f"Score one night of {spec.name} with the champion, pinned once, and publish it whole."
    params = {
        "allow_future_model": Param(
            spec.predict.allow_future_model,
            type="boolean",
            title="Allow a model from the future",
            description="Score a night that lies inside the champion's training window.",
        )
    }
    arguments = policies.of_dag(spec, "predict", doc, timeout=HOUR, max_active_runs=RUNS_SIDE_BY_SIDE)
    with DAG(schedule=_after(spec, Dataset.VALIDATED), params=params, **arguments) as dag:
        shards = tasks.plan(spec.name)
        plan = XComArg(shards.operator, key=tasks.PLAN)
        results = tasks.score.partial(model=spec.name, plan=plan).expand(shard=shards)
        made_from = [assets.dataset(spec, Dataset.VALIDATED), assets.champion(spec)]
        published = [assets.dataset(spec, Dataset.PREDICTIONS)]
        tasks.publish.override(inlets=made_from, outlets=published)(spec.name, plan, results)
    return dag


def monitor_dag(spec: ModelSpec) -> DAG:
    """When a night's predictions are there."""
    doc = f"Measure drift and accuracy of {spec.name}, decide whether a retrain is worth it, and start it."
    arguments = policies.of_dag(spec, "monitor", doc, timeout=QUARTER, max_active_runs=RUNS_SIDE_BY_SIDE)
    with DAG(schedule=_after(spec, Dataset.PREDICTIONS), **arguments) as dag:
        # One at a time: a decision reads the records of the nights before it.
        report = tasks.monitor.override(max_active_tis_per_dag=1)(spec.name)
        decision = tasks.govern.override(max_active_tis_per_dag=1)(spec.name, report)
        decision >> RetrainOperator(model=spec.name, task_id="retrain") >> confirm(spec.name, decision)
    return dag


def _after(spec: ModelSpec, dataset: Dataset) -> PartitionedAssetTimetable:
    return PartitionedAssetTimetable(
        assets=assets.dataset(spec, dataset), default_partition_mapper=policies.nightly(spec)
    )
