"""Ask Airflow from within a task about a run that is there and one that is not. Run by test_runs.py.

Prints as JSON how the task ended, and what it was told.
"""

import json
import os

from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.models.dagbundle import DagBundleModel
from airflow.sdk import DAG, get_current_context, task
from airflow.utils.session import create_session

from nightshift.orchestration.runs import state_of_run

TOLD = {}


@task
def ask() -> None:
    """About the run that asks, and about another of its Dag."""
    context = get_current_context()
    own = context["dag_run"]
    for run_id in (own.run_id, "retrain__lost"):
        name = "own" if run_id == own.run_id else "lost"
        TOLD[name] = state_of_run(context["ti"], own.dag_id, run_id)


def main() -> None:
    """Sync the one Dag to the database, and run it."""
    with DAG("asks", schedule=None) as dag:
        ask()
    bag = DagBag(os.devnull)
    bag.bag_dag(dag)
    with create_session() as session:
        session.merge(DagBundleModel(name="dags-folder"))
    sync_bag_to_db(bag, "dags-folder", None)
    run = dag.test()
    print("\n" + json.dumps([str(run.state), TOLD]))


if __name__ == "__main__":
    main()
