"""The Dag ``<model>.ingest``: the night from its source, and the labels that have arrived."""

from airflow.sdk import DAG, CronPartitionTimetable

from nightshift.contracts import Dataset, PartitionRef
from nightshift.orchestration import assets, policies
from nightshift.orchestration.deadlines import deadline
from nightshift.orchestration.tasks import step_task, task_context
from nightshift.spec import ModelSpec


def ingest_dag(spec: ModelSpec) -> DAG:
    """Every night by the clock: the night itself, and the outcomes of earlier ones."""
    doc = f"Bring one night of {spec.name} into the lake, and the labels that have arrived by then."
    arguments = policies.of_night(spec, "ingest", doc)
    schedule = CronPartitionTimetable(
        spec.partition.schedule,
        timezone=spec.partition.timezone,
        key_format=policies.KEY_FORMAT,
    )
    raw = assets.dataset(spec, Dataset.RAW)
    with DAG(schedule=schedule, deadline=deadline(spec), **arguments) as dag:
        ingest.override(outlets=[raw])(spec.name)
        labels(spec.name)
    return dag


@step_task
def ingest(model: str) -> PartitionRef:
    """Bring the night into raw/."""
    from nightshift.steps.ingest import ingest

    context = task_context(model)
    return ingest(context.spec, context.partition, context.stores)


@step_task
def labels(model: str) -> list[PartitionRef]:
    """Bring in the outcomes that have arrived by this night."""
    from nightshift.steps.ingest import ingest_arrived_labels

    context = task_context(model)
    return ingest_arrived_labels(context.spec, context.partition, context.stores)
