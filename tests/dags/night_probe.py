"""Run Dags with ``dag.test()`` and print the end of each run as JSON. Run by test_night.py, one process a suite.

Usage: night_probe.py MODEL VERB:NIGHT ...
"""

import json
import sys

from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.models.dagbundle import DagBundleModel
from airflow.utils.session import create_session

# A Dag refuses a word of a conf that it does not know.
OF_NO_NIGHT = {"maintain", "rollback"}


def main() -> None:
    """Sync all Dags to the database, then run the named ones in order."""
    model, *wanted = sys.argv[1:]
    bag = DagBag()
    assert not bag.import_errors, bag.import_errors
    with create_session() as session:
        session.merge(DagBundleModel(name="dags-folder"))
    sync_bag_to_db(bag, "dags-folder", None)
    ends = []
    for verb, night in (item.split(":") for item in wanted):
        conf = {} if verb in OF_NO_NIGHT else {"partition": night}
        run = bag.dags[f"{model}.{verb}"].test(run_conf=conf)
        states = {ti.task_id: str(ti.state) for ti in run.get_task_instances()}
        ends.append([verb, night, str(run.state), states])
    print(json.dumps(ends))


if __name__ == "__main__":
    main()
