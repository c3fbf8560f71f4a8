"""The Dag ``<model>.maintain``: keep the model's lake tidy, every week."""

from airflow.sdk import DAG, CronTriggerTimetable, Param

from nightshift.contracts import Maintained
from nightshift.datasets import KEEP_DAYS, LEAST_KEEP_DAYS
from nightshift.orchestration import policies
from nightshift.orchestration.tasks import step_task, task_context
from nightshift.spec import ModelSpec

SUNDAY_NOON = "0 12 * * SUN"


def maintain_dag(spec: ModelSpec) -> DAG:
    """Every week, away from the night's runs; by hand for a look at what would go."""
    doc = f"Heal published nights of {spec.name} that a crash left behind, and collect files that no manifest names."
    arguments = policies.of_dag(spec, "maintain", doc, timeout=policies.HOUR, max_active_runs=1)
    schedule = CronTriggerTimetable(SUNDAY_NOON, timezone=spec.partition.timezone)
    with DAG(schedule=schedule, params=_parameters(), **arguments) as dag:
        maintain(spec.name)
    return dag


def _parameters() -> dict[str, Param]:
    return {
        "older_than_days": Param(
            KEEP_DAYS,
            type="number",
            minimum=LEAST_KEEP_DAYS,
            title="Older than, in days",
            description="What changed since may belong to a run that still works, and stays.",
        ),
        "dry_run": Param(False, type="boolean", title="Dry run", description="Only say what would be done."),
    }


@step_task
def maintain(model: str) -> Maintained:
    """Heal what a crash left behind, collect what no manifest names."""
    from nightshift.pages.refresh import refresh
    from nightshift.steps.maintain import maintain

    context = task_context(model)
    older_than_days = context.parameter("older_than_days")
    dry_run = context.parameter("dry_run")
    maintained = maintain(context.spec, context.stores, older_than_days=older_than_days, dry_run=dry_run)
    if not dry_run:
        refresh(context.spec, context.stores, wholly=True)
    return maintained
