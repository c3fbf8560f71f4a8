"""The Dag ``<model>.predict``: pin the champion, score the night shard by shard, publish it whole."""

from typing import Any

from airflow.sdk import DAG, Param, XComArg

from nightshift.contracts import Dataset, PartitionRef, Plan, Shard, ShardResult
from nightshift.orchestration import assets, policies
from nightshift.orchestration.tasks import step_task, task_context
from nightshift.spec import ModelSpec

PLAN = "plan"


def predict_dag(spec: ModelSpec) -> DAG:
    """When a validated night is there."""
    doc = f"Score one night of {spec.name} with the champion, pinned once, and publish it whole."
    arguments = policies.of_night(spec, "predict", doc, timeout=policies.HOUR)
    validated = assets.dataset(spec, Dataset.VALIDATED)
    predictions = assets.dataset(spec, Dataset.PREDICTIONS)
    made_from = [validated, assets.champion(spec)]
    with DAG(schedule=policies.after(spec, validated), params=_parameters(spec), **arguments) as dag:
        shards = plan(spec.name)
        planned = XComArg(shards.operator, key=PLAN)
        results = score.partial(model=spec.name, planned=planned).expand(shard=shards)
        publish.override(inlets=made_from, outlets=[predictions])(spec.name, planned, results)
    return dag


def _parameters(spec: ModelSpec) -> dict[str, Param]:
    return {
        "allow_future_model": Param(
            spec.predict.allow_future_model,
            type="boolean",
            title="Allow a model from the future",
            description="Score a night that lies inside the champion's training window.",
        )
    }


@step_task
def plan(model: str) -> list[Shard]:
    """Pin the champion and cut the night into shards; the plan itself travels beside them."""
    from nightshift.steps.plan import plan

    context = task_context(model)
    allow = bool(context.parameter("allow_future_model"))
    planned = plan(context.spec, context.partition, context.stores, allow_future_model=allow)
    context.push(PLAN, planned)
    context.link_run(planned.pin.run_id)
    return planned.shards


@step_task
def score(model: str, planned: Plan, shard: Shard) -> ShardResult:
    """Score one shard."""
    from nightshift.steps.score import score

    context = task_context(model)
    return score(context.spec, planned, shard, context.stores)


@step_task
def publish(model: str, planned: Plan, results: Any) -> PartitionRef:
    """Commit the night, whole or not at all."""
    from nightshift.steps.publish import publish

    context = task_context(model)
    return publish(context.spec, planned, list(results), context.stores)
