"""The Dag ``<model>.monitor``: drift and accuracy of a night, and a retrain where that is worth it."""

from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowSkipException

from nightshift.contracts import Dataset, Decision, NightReport, Replayed
from nightshift.errors import NightshiftError
from nightshift.orchestration import assets, policies
from nightshift.orchestration.runs import state_of_run
from nightshift.orchestration.tasks import step_task, task_context
from nightshift.spec import ModelSpec

GOVERN = "govern"


def monitor_dag(spec: ModelSpec) -> DAG:
    """When a night's predictions are there."""
    doc = f"Measure drift and accuracy of {spec.name}, decide whether a retrain is worth it, and start it."
    arguments = policies.of_night(spec, "monitor", doc)
    predictions = assets.dataset(spec, Dataset.PREDICTIONS)
    with DAG(schedule=policies.after(spec, predictions), **arguments) as dag:
        # One at a time: a decision reads the records of the nights before it.
        report = monitor.override(max_active_tis_per_dag=1)(spec.name)
        decision = govern.override(max_active_tis_per_dag=1)(spec.name, report)
        retrain = RetrainOperator(model=spec.name, task_id="retrain")
        if spec.predict.replay:
            replay(spec.name)
        decision >> retrain >> confirm.override(trigger_rule="none_failed")(spec.name, decision)
    return dag


@step_task
def monitor(model: str) -> NightReport:
    """Drift of this night, accuracy of the nights whose labels have arrived."""
    from nightshift.steps.monitor import monitor

    context = task_context(model)
    return monitor(context.spec, context.partition, context.stores)


@step_task
def replay(model: str) -> Replayed:
    """Score again what a server answered by day; skipped where none kept a row. Nothing of the night waits for it."""
    from nightshift.steps.replay import replay

    context = task_context(model)
    replayed = replay(context.spec, context.partition, context.stores)
    if replayed is None:
        raise AirflowSkipException(f"no row of {model} that was answered by day is left to score again")
    return replayed


@step_task
def govern(model: str, report: NightReport) -> Decision:
    """Is a retrain worth it?"""
    from nightshift.steps.govern import govern

    context = task_context(model)

    def state_of(run_id: str) -> str | None:
        return state_of_run(context.airflow["ti"], f"{model}.retrain", run_id)

    return govern(context.spec, report, context.stores, state_of)


class RetrainOperator(TriggerDagRunOperator):
    """Trigger ``<model>.retrain`` under the decision's run id, so at most once; skipped, with the reason, on a no."""

    def __init__(self, *, model: str, **kwargs: Any) -> None:
        decision = f"ti.xcom_pull(task_ids='{GOVERN}')"
        super().__init__(
            trigger_dag_id=f"{model}.retrain",
            trigger_run_id=f"{{{{ {decision}.run_id }}}}",
            conf={"partition": f"{{{{ {decision}.partition }}}}"},
            skip_when_already_exists=True,
            **kwargs,
        )

    def execute(self, context: Any) -> None:
        """Ask the decision first."""
        decision: Decision = context["ti"].xcom_pull(task_ids=GOVERN)
        if not decision.retrain:
            raise AirflowSkipException(decision.reason)
        # Rendering to native objects may have made a date of what must stay a key.
        self.trigger_run_id = decision.run_id
        self.conf = {"partition": decision.partition}
        super().execute(context)


@step_task
def confirm(model: str, decision: Decision) -> str:
    """See that a decided retrain is there: a lost answer makes the trigger look as if it had existed before."""
    from nightshift.pages.refresh import refresh

    context = task_context(model)
    # Last of all: no retrain waits for a page.
    refresh(context.spec, context.stores)
    if not decision.retrain:
        return decision.reason
    state = state_of_run(context.airflow["ti"], f"{model}.retrain", decision.run_id)
    if state is None:
        raise NightshiftError(f"{model}.retrain has no run {decision.run_id}", fix="clear the task retrain")
    return f"{decision.run_id} is {state}"
