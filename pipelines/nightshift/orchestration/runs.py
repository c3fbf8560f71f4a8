"""What a task may ask Airflow about the runs of another Dag."""

from typing import Any


def state_of_run(ti: Any, dag_id: str, run_id: str) -> str | None:
    """The state of a run, or None where Airflow has no such run."""
    # Of a run that is not there Airflow counts none, and has no state but an error, which ends the task.
    count = ti.get_dr_count(
        dag_id,
        run_ids=[run_id],
    )
    if count == 0:
        return None
    state: str = ti.get_dagrun_state(dag_id, run_id)
    return state
