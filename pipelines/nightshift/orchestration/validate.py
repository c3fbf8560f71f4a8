"""The Dag ``<model>.validate``: a raw night passes its checks, or is refused."""

from airflow.sdk import DAG

from nightshift.contracts import Dataset, PartitionRef
from nightshift.orchestration import assets, policies
from nightshift.orchestration.deadlines import deadline
from nightshift.orchestration.tasks import step_task, task_context
from nightshift.spec import ModelSpec

DATA_DOCS = "data_docs"


def validate_dag(spec: ModelSpec) -> DAG:
    """When a raw night is there."""
    doc = f"Check one night of {spec.name} against its spec with Great Expectations; a refused night goes no further."
    arguments = policies.of_night(spec, "validate", doc)
    raw = assets.dataset(spec, Dataset.RAW)
    validated = assets.dataset(spec, Dataset.VALIDATED)
    with DAG(schedule=policies.after(spec, raw), deadline=deadline(spec), **arguments) as dag:
        validate.override(inlets=[raw], outlets=[validated])(spec.name)
    return dag


@step_task
def validate(model: str) -> PartitionRef:
    """Let the night pass, or refuse it."""
    from nightshift.steps.validate import reports_of, validate

    context = task_context(model)
    reports = reports_of(context.spec, context.partition)
    # Before the checks: a refused night has its page too.
    context.push(DATA_DOCS, reports.html)
    return validate(context.spec, context.partition, context.stores)
