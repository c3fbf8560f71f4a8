"""What all Dags of all models share: owners, tags, retries, timeouts, the partition parameter."""

import datetime as dt
from typing import Any

from airflow.sdk import Asset, Param, PartitionedAssetTimetable, StartOfDayMapper

from nightshift.orchestration.notifier import RUN_TIMED_OUT, TASK_FAILED, TASK_WENT_WELL, NightNotifier
from nightshift.orchestration.retries import LITTLE_PATIENCE, RETRIES, OnlyOutages
from nightshift.partitions import PARTITION_PATTERN
from nightshift.settings import settings
from nightshift.spec import ModelSpec

KEY_FORMAT = "%Y-%m-%d"
QUARTER = dt.timedelta(minutes=15)
HOUR = dt.timedelta(hours=1)
NIGHTS_SIDE_BY_SIDE = 4
OF_TRAINING = frozenset({"train", "retrain", "rollback"})
"""Families that work with MLflow most of the time, and that no night waits for."""
MLFLOW_POOL = "mlflow"
LAKE_POOL = "s3"
HOW_TO_GO_ON = (
    "**A draft, and paused.** Read `models/{model}/model.yaml`; train a first champion: unpause `{model}.train` and"
    " trigger it with a night, or `nightshift load` and `nightshift train`; then unpause the other Dags of the tag"
    " `{model}`, and take `paused` out of model.yaml.\n\n"
)


def of_night(spec: ModelSpec, verb: str, doc: str, *, timeout: dt.timedelta = QUARTER) -> dict[str, Any]:
    """Arguments of a Dag that runs once a night; a few nights may run at once, as a backfill has them."""
    return of_dag(spec, verb, doc, timeout=timeout, max_active_runs=NIGHTS_SIDE_BY_SIDE)


def of_dag(
    spec: ModelSpec,
    verb: str,
    doc: str,
    *,
    timeout: dt.timedelta,
    max_active_runs: int,
    waits: dt.timedelta | None = None,
) -> dict[str, Any]:
    """Arguments of the Dag ``<model>.<verb>``; ``timeout`` is that of one task, and for ``waits`` a person decides."""
    return {
        "dag_id": f"{spec.name}.{verb}",
        "description": doc,
        "doc_md": f"{doc}\n\n{_about(spec)}",
        "tags": ["nightshift", spec.name, verb],
        "start_date": dt.datetime.combine(spec.partition.start, dt.time(), dt.UTC),
        "catchup": False,
        "max_active_runs": max_active_runs,
        "dagrun_timeout": timeout * 4 + (waits or dt.timedelta()),
        "default_args": _of_tasks(spec, verb, timeout),
        # Of a failed task its own callback tells, in the worker.
        "on_failure_callback": [NightNotifier(RUN_TIMED_OUT)],
        "render_template_as_native_obj": True,
        # None leaves it to the site's airflow.cfg.
        "is_paused_upon_creation": True if spec.paused else None,
    }


def _of_tasks(spec: ModelSpec, verb: str, timeout: dt.timedelta) -> dict[str, Any]:
    policy = OnlyOutages(settings().retry_seconds)
    return {
        **_of_waiting(spec, verb),
        "owner": spec.owner,
        "retries": RETRIES,
        "retry_policy": policy,
        # Of what never comes to the policy, a worker that died; Airflow makes each up to twice as long, by chance.
        "retry_delay": policy.delay(1),
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": policy.longest_delay,
        "execution_timeout": timeout,
        "on_failure_callback": [NightNotifier(TASK_FAILED)],
        "on_success_callback": [NightNotifier(TASK_WENT_WELL)],
    }


def _of_waiting(spec: ModelSpec, verb: str) -> dict[str, Any]:
    """Who goes first where workers are few: the model of the higher priority, of one model its nights."""
    is_training = verb in OF_TRAINING
    arguments: dict[str, Any] = {
        "priority_weight": 2 * spec.priority + (not is_training),
        "weight_rule": "absolute",
    }
    pool = MLFLOW_POOL if is_training else LAKE_POOL
    if pool in settings().pools:
        # A task of a pool that Airflow does not have is never begun.
        arguments["pool"] = pool
    return arguments


def of_bystanders() -> dict[str, Any]:
    """Arguments of tasks that nobody waits for, though their run lasts until they end, and only so many run at once."""
    return {
        "execution_timeout": QUARTER,
        "retry_policy": OnlyOutages(settings().retry_seconds, LITTLE_PATIENCE),
        "on_failure_callback": [],
        "on_success_callback": [],
    }


def partition_param() -> Param:
    """The night, for runs that have no partition key: the form refuses what is no date."""
    return Param(
        None,
        type=["null", "string"],
        pattern=PARTITION_PATTERN,
        title="Night",
        description="YYYY-MM-DD. Leave empty when the partition key above says it.",
    )


def after(spec: ModelSpec, asset: Asset) -> PartitionedAssetTimetable:
    """A run for each night that an asset gets, under the same key; a key that is no date is refused by the API."""
    mapper = StartOfDayMapper(timezone=spec.partition.timezone, input_format=KEY_FORMAT, output_format=KEY_FORMAT)
    return PartitionedAssetTimetable(assets=asset, default_partition_mapper=mapper)


def _about(spec: ModelSpec) -> str:
    draft = HOW_TO_GO_ON.format(model=spec.name) if spec.paused else ""
    return (
        f"{draft}**{spec.name}**: {spec.description}\n\n"
        f"A partition is one night, `{spec.partition.column}` as YYYY-MM-DD. Spec: `models/{spec.name}/model.yaml`."
    )
