"""The Dag ``<model>.rollback``: the champion alias goes back, by hand, and the last nights are scored again."""

from airflow.sdk import DAG, Param
from airflow.sdk.exceptions import AirflowSkipException

from nightshift.contracts import PartitionRef, Promotion
from nightshift.orchestration import assets, policies
from nightshift.orchestration.tasks import step_task, task_context
from nightshift.partitions import VERSION_PATTERN
from nightshift.spec import ModelSpec


def rollback_dag(spec: ModelSpec) -> DAG:
    """By hand: the champion alias goes back."""
    doc = f"Give the champion alias of {spec.name} back to the version before, or to the one named."
    arguments = policies.of_dag(spec, "rollback", doc, timeout=policies.HOUR, max_active_runs=1)
    champion = assets.champion(spec)
    with DAG(schedule=None, params=_parameters(), **arguments) as dag:
        rollback.override(outlets=[champion])(spec.name) >> rescore(spec.name)
    return dag


def _parameters() -> dict[str, Param]:
    return {
        "version": Param(
            None,
            type=["null", "string"],
            pattern=VERSION_PATTERN,
            title="Version",
            description="Empty: the one before.",
        ),
        "reason": Param("by hand", type="string", minLength=1, maxLength=500, title="Why"),
        "nights": Param(
            0,
            type="integer",
            minimum=0,
            title="Nights",
            description="Score so many of the last published nights again.",
        ),
    }


@step_task
def rollback(model: str) -> Promotion:
    """Give the champion alias back to an earlier version."""
    from nightshift.steps.rollback import rollback

    context = task_context(model)
    version = context.parameter("version")
    reason = context.parameter("reason")
    nights = int(context.parameter("nights"))
    return rollback(context.spec, context.stores, to=version, why=reason, nights=nights)


@step_task
def rescore(model: str) -> list[PartitionRef]:
    """Score the last published nights again, if that was asked for."""
    from nightshift.steps.rescore import rescore

    context = task_context(model)
    nights = int(context.parameter("nights"))
    if nights == 0:
        raise AirflowSkipException("no night is to be scored again")
    return rescore(context.spec, nights, context.stores)
