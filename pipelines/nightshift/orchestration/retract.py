"""The Dag ``<model>.retract``: a night is taken back, by hand."""

from airflow.sdk import DAG, Param, PartitionedAtRuntime

from nightshift.contracts import Dataset, Retracted
from nightshift.orchestration import policies
from nightshift.orchestration.tasks import step_task, task_context
from nightshift.spec import ModelSpec


def retract_dag(spec: ModelSpec) -> DAG:
    """By hand, with a partition key or the night as a parameter; nothing follows from it."""
    doc = f"Take a night of {spec.name} back, with all that was made from it; {spec.name}.ingest brings it back."
    arguments = policies.of_dag(spec, "retract", doc, timeout=policies.QUARTER, max_active_runs=1)
    with DAG(schedule=PartitionedAtRuntime(), params=_parameters(), **arguments) as dag:
        retract(spec.name)
    return dag


def _parameters() -> dict[str, Param]:
    datasets = [str(dataset) for dataset in Dataset]
    return {
        "partition": policies.partition_param(),
        "from": Param(
            str(Dataset.RAW),
            type="string",
            enum=datasets,
            title="From",
            description="Take this back, and all that was made from it.",
        ),
        "why": Param("by hand", type="string", minLength=1, maxLength=500, title="Why"),
    }


@step_task
def retract(model: str) -> Retracted:
    """Take the night back."""
    from nightshift.steps.retract import retract

    context = task_context(model)
    dataset = Dataset(context.parameter("from"))
    why = context.parameter("why")
    return retract(context.spec, context.partition, context.stores, dataset=dataset, why=why)
