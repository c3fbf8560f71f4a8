"""The Dag ``<model>.predict``: pin the champion, score the night shard by shard, publish it whole."""

from itertools import chain
from typing import Any

from airflow.sdk import DAG, Param
from airflow.sdk.exceptions import AirflowSkipException

from nightshift.contracts import Dataset, PartitionRef, Plan, ShardResult, whole_plan
from nightshift.errors import NoChampion
from nightshift.orchestration import assets, policies
from nightshift.orchestration.tasks import step_task, task_context
from nightshift.spec import ModelSpec


def predict_dag(spec: ModelSpec) -> DAG:
    """When a validated night is there."""
    doc = f"Score one night of {spec.name} with its champion, pinned once, and publish it whole."
    arguments = policies.of_night(spec, "predict", doc, timeout=policies.HOUR)
    validated = assets.dataset(spec, Dataset.VALIDATED)
    predictions = assets.dataset(spec, Dataset.PREDICTIONS)
    made_from = [validated, assets.champion(spec)]
    with DAG(schedule=policies.after(spec, validated), params=_parameters(spec), **arguments) as dag:
        parts = plan(spec.name)
        results = score.partial(model=spec.name).expand(part=parts)
        publish.override(inlets=made_from, outlets=[predictions])(spec.name, parts, results)
    return dag


def _parameters(spec: ModelSpec) -> dict[str, Param]:
    return {
        "allow_future_model": Param(
            spec.predict.allow_future_model,
            type="boolean",
            title="Allow a model from the future",
            description="Score a night that lies inside the training window of the version that should score it.",
        )
    }


@step_task
def plan(model: str) -> list[Plan]:
    """Pin the champion and cut the night into shards: one message, so that no two tries can be mixed."""
    from nightshift.steps.plan import plan

    context = task_context(model)
    allow = bool(context.parameter("allow_future_model"))
    try:
        planned = plan(context.spec, context.partition, context.stores, allow_future_model=allow)
    except NoChampion as notice:
        # A model that is being set up: no night of it is missed yet.
        raise AirflowSkipException(f"{notice}, then {model}.predict for {context.partition}") from None
    context.link_run(planned.pin.run_id)
    return planned.parts()


@step_task
def score(model: str, part: Plan) -> list[ShardResult]:
    """Score the shard of a part; a night without rows has none."""
    from nightshift.steps.score import score

    context = task_context(model)
    return [score(context.spec, part, shard, context.stores) for shard in part.shards]


@step_task
def publish(model: str, parts: list[Plan], results: Any) -> PartitionRef:
    """Commit the night, whole or not at all."""
    from nightshift.steps.publish import publish

    context = task_context(model)
    plan = whole_plan(parts)
    scored = list(chain.from_iterable(results))
    return publish(context.spec, plan, scored, context.stores)
