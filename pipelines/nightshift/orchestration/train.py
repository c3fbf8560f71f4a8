"""The Dags ``<model>.train``, by hand or by the clock, and ``<model>.retrain``, by the governor: the same tasks."""

import datetime as dt
from typing import Any

from airflow.sdk import DAG, CronPartitionTimetable, PartitionedAtRuntime
from airflow.sdk.exceptions import AirflowSkipException

from nightshift.contracts import (
    Approval,
    Candidate,
    Dataset,
    Promotion,
    Registered,
    Searched,
    SnapshotRef,
    Trained,
    Verdict,
)
from nightshift.orchestration import assets, policies
from nightshift.orchestration.tasks import step_task, task_context
from nightshift.spec import ModelSpec

LOAD_TASKS = 2


def train_dag(spec: ModelSpec) -> DAG:
    """By hand with a partition key, or by the spec's cron: train as of that night."""
    doc = f"Train {spec.name} as of a night: what a run on that night could have known, and nothing later."
    return _training(spec, "train", doc, _schedule(spec))


def retrain_dag(spec: ModelSpec) -> DAG:
    """Triggered by the governor, with the night as a parameter and a deterministic run id."""
    doc = f"Train {spec.name} anew because drift or lost accuracy made it worth it; the run id names the night."
    return _training(spec, "retrain", doc, PartitionedAtRuntime())


def _schedule(spec: ModelSpec) -> Any:
    if spec.training.schedule is None:
        return PartitionedAtRuntime()
    return CronPartitionTimetable(
        spec.training.schedule, timezone=spec.partition.timezone, key_format=policies.KEY_FORMAT
    )


def _training(spec: ModelSpec, verb: str, doc: str, schedule: Any) -> DAG:
    model = spec.name
    waits = _waits(spec)
    takes = (waits or dt.timedelta()) + _searches(spec)
    arguments = policies.of_dag(spec, verb, doc, timeout=policies.HOUR, max_active_runs=1, waits=takes)
    learnt_from = assets.dataset(spec, Dataset.VALIDATED)
    champion = assets.champion(spec)
    with DAG(schedule=schedule, params={"partition": policies.partition_param()}, **arguments) as dag:
        loaded = load.partial(model=model).expand(nights=window(model))
        frozen = snapshot(model)
        loaded >> frozen
        searched = _search(spec, frozen) if spec.search else None
        trained = train(model, frozen, searched)
        registered = register(model, trained)
        candidate = optimize(model, registered)
        verdict = evaluate(model, candidate)
        approval = _approval(model, verdict, waits) if waits else None
        promoted = promote.override(inlets=[learnt_from], outlets=[champion])(model, verdict, approval)
        # It runs whatever became of the tasks before it, and whether the run has failed does not depend on it.
        promoted >> conclude(model).as_teardown()
    return dag


def _waits(spec: ModelSpec) -> dt.timedelta | None:
    """How long a run may wait for a person; None where nobody is ever asked, and then there is no such task."""
    if spec.gates.approval == "never":
        return None
    return dt.timedelta(hours=spec.gates.approval_hours)


def _searches(spec: ModelSpec) -> dt.timedelta:
    """How long a search may go on before its last trial begins."""
    minutes = spec.search.minutes if spec.search else 0
    return dt.timedelta(minutes=minutes)


def _search(spec: ModelSpec, frozen: Any) -> Any:
    longest = policies.HOUR + _searches(spec)
    return search.override(execution_timeout=longest)(spec.name, frozen)


def _approval(model: str, verdict: Any, waits: dt.timedelta) -> Any:
    # Few Dags have it, and all would load it.
    from nightshift.orchestration.approval import ApproveVerdict

    approve = ApproveVerdict(task_id="approve", model=model, verdict=verdict, response_timeout=waits)
    return approve.output


@step_task
def window(model: str) -> list[list[str]]:
    """The nights that the training may see, in runs for the mapped load."""
    from nightshift.steps.load import chunks, window

    context = task_context(model)
    first, last = window(context.spec, context.partition)
    return [list(pair) for pair in chunks(first, last, parts=LOAD_TASKS)]


@step_task
def load(model: str, nights: list[str]) -> int:
    """Ingest, label and validate the nights that the lake lacks; how many those were."""
    from nightshift.steps.load import load

    context = task_context(model)
    first, last = nights
    return load(context.spec, first, last, context.stores).loaded


@step_task
def snapshot(model: str) -> SnapshotRef:
    """Freeze the training data."""
    from nightshift.steps.snapshot import snapshot

    context = task_context(model)
    return snapshot(context.spec, context.partition, context.stores)


@step_task
def search(model: str, snapshot: SnapshotRef) -> Searched:
    """Choose what is trained, on nights before those that judge it."""
    from nightshift.steps.search import search

    context = task_context(model)
    searched = search(context.spec, snapshot, context.stores)
    context.link_run(searched.run_id)
    return searched


@step_task
def train(model: str, snapshot: SnapshotRef, searched: Searched | None = None) -> Trained:
    """Fit and log."""
    from nightshift.steps.train import train

    context = task_context(model)
    trained = train(context.spec, snapshot, context.stores, searched)
    context.link_run(trained.run_id)
    return trained


@step_task
def register(model: str, trained: Trained) -> Registered:
    """Give it a version."""
    from nightshift.steps.train import register

    context = task_context(model)
    return register(context.spec, trained, context.stores)


@step_task
def optimize(model: str, registered: Registered) -> Candidate:
    """Turn it into an ONNX graph that agrees with it."""
    from nightshift.steps.optimize import optimize

    context = task_context(model)
    candidate = optimize(context.spec, registered, context.stores)
    context.link_run(candidate.trained.run_id)
    return candidate


@step_task
def evaluate(model: str, candidate: Candidate) -> Verdict:
    """Compare it with the champion on the same holdout."""
    from nightshift.steps.evaluate import evaluate

    context = task_context(model)
    verdict = evaluate(context.spec, candidate, context.stores)
    context.link_run(candidate.trained.run_id)
    return verdict


@step_task
def promote(model: str, verdict: Verdict, approval: Approval | None = None) -> Promotion:
    """Move the champion alias, if the gate was passed and who is asked said yes; skipped otherwise."""
    from nightshift.steps.promote import promote

    context = task_context(model)
    promotion = promote(context.spec, verdict, context.stores, approval)
    if not promotion.moved:
        version = verdict.candidate.version
        raise AirflowSkipException(f"version {version} stays challenger: {promotion.reason}")
    return promotion


@step_task
def conclude(model: str) -> str:
    """Let the governor's log say how the retrain ended, also where it failed."""
    from nightshift.steps.conclude import conclude

    context = task_context(model)
    run_id = context.airflow["dag_run"].run_id
    end = conclude(context.spec, run_id, context.stores)
    return f"{end.outcome}: {end.why}" if end else f"{run_id} is none of the governor's"
