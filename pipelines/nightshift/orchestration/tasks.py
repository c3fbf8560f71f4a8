"""Airflow tasks: each finds the night of its run and calls the one step of its name.

Imports of steps lie inside the functions, so that parsing a Dag loads nothing heavy.
"""

from dataclasses import dataclass
from typing import Any

from airflow.sdk import get_current_context, task

from nightshift.contracts import (
    Candidate,
    Decision,
    Maintained,
    NightReport,
    PartitionRef,
    Plan,
    Promotion,
    Registered,
    Shard,
    ShardResult,
    SnapshotRef,
    Trained,
    Verdict,
)
from nightshift.errors import UsageError
from nightshift.orchestration.guard import explained
from nightshift.partitions import parse_partition
from nightshift.settings import settings
from nightshift.spec import ModelSpec, find_spec
from nightshift.stores import Stores

PLAN = "plan"
MLFLOW_URL = "mlflow_url"
LOAD_TASKS = 2


@dataclass(frozen=True)
class TaskContext:
    """What a task works on: the model, the night of the run, and the stores."""

    spec: ModelSpec
    partition: str
    stores: Stores


def night(model: str) -> TaskContext:
    """From the running task's context. Raises ``UsageError`` for a missing, bad or contradicting partition."""
    spec, stores, context = _site(model)
    key, given = context["dag_run"].partition_key, context["params"].get("partition")
    if key and given and key != given:
        raise UsageError(f"partition key {key} and parameter partition {given} differ", fix="give one of them")
    parse_partition(key or given)
    return TaskContext(spec, key or given, stores)


def _site(model: str) -> tuple[ModelSpec, Stores, Any]:
    context = get_current_context()
    run, here = context["dag_run"], settings()
    origin = {"airflow_dag": run.dag_id, "airflow_run": run.run_id}
    if here.airflow_url:
        origin["airflow_url"] = f"{here.airflow_url}/dags/{run.dag_id}/runs/{run.run_id}"
    return find_spec(here.models, model), Stores(here, origin), context


def _link_run(stores: Stores, run_id: str) -> None:
    get_current_context()["ti"].xcom_push(key=MLFLOW_URL, value=stores.registry.run(run_id)[1])


@task
def ingest(model: str) -> PartitionRef:
    """Bring the night into raw/."""
    with explained():
        from nightshift.steps.ingest import ingest as step

        here = night(model)
        return step(here.spec, here.partition, here.stores)


@task
def labels(model: str) -> PartitionRef:
    """Bring in the outcomes that have arrived by this night."""
    with explained():
        from nightshift.steps.ingest import ingest_labels

        here = night(model)
        return ingest_labels(here.spec, here.spec.labelled_night(here.partition), here.stores)


@task
def validate(model: str) -> PartitionRef:
    """Let the night pass, or refuse it."""
    with explained():
        from nightshift.steps.validate import reports_of
        from nightshift.steps.validate import validate as step

        here = night(model)
        get_current_context()["ti"].xcom_push(key="data_docs", value=reports_of(here.spec, here.partition).html)
        return step(here.spec, here.partition, here.stores)


@task
def plan(model: str) -> list[Shard]:
    """Pin the champion and cut the night into shards; the plan itself travels beside them."""
    with explained():
        from nightshift.steps.plan import plan as step

        here, context = night(model), get_current_context()
        allow = bool(context["params"].get("allow_future_model"))
        decided = step(here.spec, here.partition, here.stores, allow_future_model=allow)
        context["ti"].xcom_push(key=PLAN, value=decided)
        _link_run(here.stores, decided.pin.run_id)
        return decided.shards


@task
def score(model: str, plan: Plan, shard: Shard) -> ShardResult:
    """Score one shard."""
    with explained():
        from nightshift.steps.score import score as step

        spec, stores, _ = _site(model)
        return step(spec, plan, shard, stores)


@task
def publish(model: str, plan: Plan, results: Any) -> PartitionRef:
    """Commit the night, whole or not at all."""
    with explained():
        from nightshift.steps.publish import publish as step

        spec, stores, _ = _site(model)
        return step(spec, plan, list(results), stores)


@task
def monitor(model: str) -> NightReport:
    """Drift of this night, accuracy of the nights whose labels have arrived."""
    with explained():
        from nightshift.steps.monitor import monitor as step

        here = night(model)
        return step(here.spec, here.partition, here.stores)


@task
def govern(model: str, report: NightReport) -> Decision:
    """Is a retrain worth it?"""
    with explained():
        from nightshift.steps.govern import govern as step

        spec, stores, _ = _site(model)
        return step(spec, report, stores)


@task
def window(model: str) -> list[list[str]]:
    """The nights that the training may see, in runs for the mapped load."""
    with explained():
        from nightshift.steps.load import chunks
        from nightshift.steps.load import window as step

        here = night(model)
        return [list(pair) for pair in chunks(*step(here.spec, here.partition), parts=LOAD_TASKS)]


@task
def load(model: str, nights: list[str]) -> int:
    """Ingest, label and validate the nights that the lake lacks; how many those were."""
    with explained():
        from nightshift.steps.load import load as step

        spec, stores, _ = _site(model)
        return step(spec, nights[0], nights[1], stores).loaded


@task
def snapshot(model: str) -> SnapshotRef:
    """Freeze the training data."""
    with explained():
        from nightshift.steps.snapshot import snapshot as step

        here = night(model)
        return step(here.spec, here.partition, here.stores)


@task
def train(model: str, snapshot: SnapshotRef) -> Trained:
    """Fit and log."""
    with explained():
        from nightshift.steps.train import train as step

        spec, stores, _ = _site(model)
        trained = step(spec, snapshot, stores)
        _link_run(stores, trained.run_id)
        return trained


@task
def register(model: str, trained: Trained) -> Registered:
    """Give it a version."""
    with explained():
        from nightshift.steps.train import register as step

        spec, stores, _ = _site(model)
        return step(spec, trained, stores)


@task
def optimize(model: str, registered: Registered) -> Candidate:
    """Turn it into an ONNX graph that agrees with it."""
    with explained():
        from nightshift.steps.optimize import optimize as step

        spec, stores, _ = _site(model)
        candidate = step(spec, registered, stores)
        _link_run(stores, candidate.trained.run_id)
        return candidate


@task
def evaluate(model: str, candidate: Candidate) -> Verdict:
    """Compare it with the champion on the same holdout."""
    with explained():
        from nightshift.steps.evaluate import evaluate as step

        spec, stores, _ = _site(model)
        verdict = step(spec, candidate, stores)
        _link_run(stores, candidate.trained.run_id)
        return verdict


@task
def promote(model: str, verdict: Verdict) -> Promotion:
    """Move the champion alias, if the gate was passed; skipped otherwise."""
    with explained():
        from airflow.sdk.exceptions import AirflowSkipException

        from nightshift.steps.promote import promote as step

        spec, stores, _ = _site(model)
        done = step(spec, verdict, stores)
        if not done.moved:
            raise AirflowSkipException(f"version {verdict.candidate.version} stays challenger: {done.reason}")
        return done


@task
def rollback(model: str) -> Promotion:
    """Give the champion alias back to an earlier version."""
    with explained():
        from nightshift.steps.promote import rollback as step

        spec, stores, context = _site(model)
        params = context["params"]
        return step(spec, stores, to=params["version"], why=params["reason"])


@task
def maintain(model: str) -> Maintained:
    """Heal what a crash left behind, collect what no manifest names."""
    with explained():
        from nightshift.steps.maintain import maintain as step

        spec, stores, context = _site(model)
        params = context["params"]
        return step(spec, stores, older_than_days=params["older_than_days"], dry_run=params["dry_run"])
