"""The Dags of a model's life: train by hand or by the clock, retrain by the governor, roll back by hand."""

import datetime as dt
from typing import Any

from airflow.sdk import DAG, CronPartitionTimetable, Param, PartitionedAtRuntime

from nightshift.contracts import Dataset
from nightshift.orchestration import assets, policies, tasks
from nightshift.spec import ModelSpec

HOUR = dt.timedelta(hours=1)


def train_dag(spec: ModelSpec) -> DAG:
    """By hand with a partition key, or by the spec's cron: train as of that night."""
    doc = f"Train {spec.name} as of a night: what a run on that night could have known, and nothing later."
    return _training(spec, "train", doc, _schedule(spec))


def retrain_dag(spec: ModelSpec) -> DAG:
    """Triggered by the governor, with the night as a parameter and a deterministic run id."""
    doc = f"Train {spec.name} anew because drift or lost accuracy made it worth it; the run id names the night."
    return _training(spec, "retrain", doc, PartitionedAtRuntime())


def rollback_dag(spec: ModelSpec) -> DAG:
    """By hand: the champion alias goes back."""
    doc = f"Give the champion alias of {spec.name} back to the version before, or to the one named."
    params = {
        "version": Param(
            None, type=["null", "string"], pattern=r"^\d+$", title="Version", description="Empty: the one before."
        ),
        "reason": Param("by hand", type="string", minLength=1, maxLength=500, title="Why"),
    }
    arguments = policies.of_dag(spec, "rollback", doc, timeout=HOUR, max_active_runs=1)
    with DAG(schedule=None, params=params, **arguments) as dag:
        tasks.rollback.override(outlets=[assets.champion(spec)])(spec.name)
    return dag


def _training(spec: ModelSpec, verb: str, doc: str, schedule: Any) -> DAG:
    arguments = policies.of_dag(spec, verb, doc, timeout=HOUR, max_active_runs=1)
    with DAG(schedule=schedule, params={"partition": policies.partition_param()}, **arguments) as dag:
        model = spec.name
        loaded = tasks.load.partial(model=model).expand(nights=tasks.window(model))
        frozen = tasks.snapshot(model)
        loaded >> frozen
        registered = tasks.register(model, tasks.train(model, frozen))
        verdict = tasks.evaluate(model, tasks.optimize(model, registered))
        learnt_from = [assets.dataset(spec, Dataset.VALIDATED)]
        tasks.promote.override(inlets=learnt_from, outlets=[assets.champion(spec)])(model, verdict)
    return dag


def _schedule(spec: ModelSpec) -> Any:
    if spec.training.schedule is None:
        return PartitionedAtRuntime()
    return CronPartitionTimetable(
        spec.training.schedule, timezone=spec.partition.timezone, key_format=policies.KEY_FORMAT
    )
