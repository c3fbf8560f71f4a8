"""The Dag that keeps a model's lake tidy."""

import datetime as dt

from airflow.sdk import DAG, CronTriggerTimetable, Param

from nightshift.contracts import KEEP_DAYS, LEAST_KEEP_DAYS
from nightshift.orchestration import policies, tasks
from nightshift.spec import ModelSpec

SUNDAY_NOON = "0 12 * * SUN"


def maintain_dag(spec: ModelSpec) -> DAG:
    """Every week, away from the night's runs; by hand for a look at what would go."""
    doc = f"Heal published nights of {spec.name} that a crash left behind, and collect files that no manifest names."
    params = {
        "older_than_days": Param(
            KEEP_DAYS,
            type="number",
            minimum=LEAST_KEEP_DAYS,
            title="Older than, in days",
            description="What changed since may belong to a run that still works, and stays.",
        ),
        "dry_run": Param(False, type="boolean", title="Dry run", description="Only say what would be done."),
    }
    arguments = policies.of_dag(spec, "maintain", doc, timeout=dt.timedelta(hours=1), max_active_runs=1)
    schedule = CronTriggerTimetable(SUNDAY_NOON, timezone=spec.partition.timezone)
    with DAG(schedule=schedule, params=params, **arguments) as dag:
        tasks.maintain(spec.name)
    return dag
