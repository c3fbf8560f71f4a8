"""From the governor's decision to a retrain run, at most one per decision."""

from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from nightshift.contracts import Decision
from nightshift.errors import NightshiftError
from nightshift.orchestration.guard import explained

GOVERN = "govern"


class RetrainOperator(TriggerDagRunOperator):
    """Trigger ``<model>.retrain`` under the decision's run id; skipped, with the reason, when it says no."""

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
        self.trigger_run_id, self.conf = decision.run_id, {"partition": decision.partition}
        super().execute(context)


@task(trigger_rule="none_failed")
def confirm(model: str, decision: Decision) -> str:
    """See that a decided retrain is there: a lost answer makes the trigger look as if it had existed before."""
    with explained():
        if not decision.retrain:
            return decision.reason
        state = get_current_context()["ti"].get_dagrun_state(f"{model}.retrain", decision.run_id)
        if state is None:
            raise NightshiftError(f"{model}.retrain has no run {decision.run_id}", fix="clear the task retrain")
        return f"{decision.run_id} is {state}"
