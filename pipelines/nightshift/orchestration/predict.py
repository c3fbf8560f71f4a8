"""The Dag ``<model>.predict``: pin the champion, score the night shard by shard, publish it whole.

Where model.yaml has ``shadow``, a challenger scores the same night afterwards; where it has ``canary``, the nights of
the one that scores a share of the rows are judged. These tasks are teardowns: whether the run has failed does not
depend on them, and what waits for the night's predictions has started before. The run lasts until they end, and a
backfill runs a few nights at once: so they have less time than the others, and less patience.
"""

from itertools import chain
from typing import Any, get_args

from airflow.sdk import DAG, Param
from airflow.sdk.exceptions import AirflowSkipException

from nightshift.contracts import CanaryVerdict, Dataset, PartitionRef, Plan, ShadowVerdict, ShardResult, whole_plan
from nightshift.errors import NoChampion
from nightshift.orchestration import assets, policies
from nightshift.orchestration.deadlines import deadline
from nightshift.orchestration.notifier import tell_of_canary
from nightshift.orchestration.tasks import step_task, task_context
from nightshift.spec import ModelSpec
from nightshift.spec.predict import AIRFLOW, EngineName

ENGINE = "engine"


def predict_dag(spec: ModelSpec) -> DAG:
    """When a validated night is there."""
    doc = f"Score one night of {spec.name} with its champion, pinned once, and publish it whole."
    arguments = policies.of_night(spec, "predict", doc, timeout=policies.HOUR) | {"deadline": deadline(spec)}
    validated = assets.dataset(spec, Dataset.VALIDATED)
    predictions = assets.dataset(spec, Dataset.PREDICTIONS)
    made_from = [validated, assets.champion(spec)]
    with DAG(schedule=policies.after(spec, validated), params=_parameters(spec), **arguments) as dag:
        parts = plan(spec.name)
        results = score.partial(model=spec.name).expand(part=parts)
        published = publish.override(inlets=made_from, outlets=[predictions])(spec.name, parts, results)
        _judge_who_stands_beside(spec, published)
    return dag


def _judge_who_stands_beside(spec: ModelSpec, published: Any) -> None:
    beside = policies.of_bystanders()
    judging = {"outlets": [assets.champion(spec)], "max_active_tis_per_dag": 1, **beside}
    before = published
    if spec.canary is not None:
        judged = canary_verdict.override(**judging)(spec.name).as_teardown()
        before >> judged
        before = judged
    if spec.shadow is not None:
        scored = shadow.override(**beside)(spec.name)
        before >> scored.as_teardown() >> shadow_verdict.override(**judging)(spec.name).as_teardown()


def _parameters(spec: ModelSpec) -> dict[str, Param]:
    return {
        "allow_future_model": Param(
            spec.predict.allow_future_model,
            type="boolean",
            title="Allow a model from the future",
            description="Score a night that lies inside the training window of the version that should score it.",
        ),
        ENGINE: Param(
            spec.predict.engine,
            enum=list(get_args(EngineName)),
            title="Engine",
            description="Whose workers score the shards of this night: Airflow's own, a task each, or those of another"
            " engine, launched by one task.",
        ),
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
    is_mapped = context.parameter(ENGINE) == AIRFLOW
    return planned.parts() if is_mapped else [planned]


@step_task
def score(model: str, part: Plan) -> list[ShardResult]:
    """Score the shard of a part; a night without rows has none. Another engine gets all shards from one task."""
    from nightshift.steps._engine import score_night
    from nightshift.steps.score import score

    context = task_context(model)
    engine = context.parameter(ENGINE)
    if engine != AIRFLOW:
        return score_night(context.spec, part, context.stores, engine)
    return [score(context.spec, part, shard, context.stores) for shard in part.shards]


@step_task
def publish(model: str, parts: list[Plan], results: Any) -> PartitionRef:
    """Commit the night, whole or not at all."""
    from nightshift.steps.publish import publish

    context = task_context(model)
    plan = whole_plan(parts)
    scored = list(chain.from_iterable(results))
    return publish(context.spec, plan, scored, context.stores)


@step_task
def shadow(model: str) -> PartitionRef:
    """Score the night with the challenger in shadow too, where nobody reads it; skipped where nobody stands there."""
    from nightshift.steps.shadow import shadow

    context = task_context(model)
    scored = shadow(context.spec, context.partition, context.stores)
    if scored is None:
        raise AirflowSkipException(f"nobody stands in the shadow of {model}'s champion on {context.partition}")
    return scored


@step_task
def shadow_verdict(model: str) -> ShadowVerdict:
    """Let its labelled nights decide whether it takes over; skipped unless it does."""
    from nightshift.steps.shadow_verdict import shadow_verdict

    context = task_context(model)
    verdict = shadow_verdict(context.spec, context.partition, context.stores)
    if verdict is None:
        raise AirflowSkipException(f"nobody stands in the shadow of {model}'s champion")
    if not verdict.moved:
        raise AirflowSkipException(f"version {verdict.version}: {verdict.reason}")
    return verdict


@step_task
def canary_verdict(model: str) -> CanaryVerdict:
    """Let its labelled nights decide about the canary: red where it did harm, skipped unless it takes over."""
    from nightshift.steps.canary_verdict import canary_verdict, taken_back

    context = task_context(model)
    verdict = canary_verdict(context.spec, context.partition, context.stores)
    if verdict is None:
        raise AirflowSkipException(f"{model} has no canary")
    if verdict.outcome == "harmful":
        tell_of_canary(verdict, context.partition)
        raise taken_back(verdict)
    if not verdict.moved:
        raise AirflowSkipException(f"version {verdict.version}: {verdict.reason}")
    return verdict
