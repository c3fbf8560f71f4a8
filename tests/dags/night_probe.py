"""Run Dags with ``dag.test()`` and print the end of each run as JSON. Run by test_night.py, one process a suite.

Usage: night_probe.py MODEL VERB:NIGHT ...
"""

import json
import sys

from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.models.dagbundle import DagBundleModel
from airflow.utils.session import create_session


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
        run = bag.dags[f"{model}.{verb}"].test(run_conf={"partition": night})
        states = {ti.task_id: str(ti.state) for ti in run.get_task_instances()}
        ends.append([verb, night, str(run.state), states])
    print(json.dumps(ends))


if __name__ == "__main__":
    main()
