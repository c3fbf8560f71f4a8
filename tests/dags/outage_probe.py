"""night_probe, with a service away at the beginning of each task's first try. Run by test_night.py.

OUTAGES says by night which service that is and how: {"2024-01-12": ["s3", "gone", 0.5]}. DOOR is the file of the doors.
At the end the tries of each task lie in TRIES.
"""

import datetime as dt
import json
import os
from collections import Counter
from pathlib import Path

import flaky
import night_probe
from airflow.sdk import DAG

from nightshift.orchestration import tasks
from nightshift.stores import objects

OUTAGES = json.loads(os.environ["OUTAGES"])
TIME_LIMIT = dt.timedelta(seconds=5)
tries = Counter()


def shut_first(context):
    """A service goes away when a task begins."""
    ti, night = context["ti"], context["params"]["partition"]
    name = f"{ti.dag_id.partition('.')[2]}.{ti.task_id} {night}"
    tries[name] += 1
    service, mode, seconds = OUTAGES.get(night, ["", "", 0])
    if tries[name] == 1 and service and (mode == "gone" or ti.task_id == "ingest"):
        # It reads by pyarrow first, whose own retries take some seconds.
        longer = 12 if ti.task_id == "publish" and service == "s3" else 1
        flaky.shut(Path(os.environ["DOOR"]), name, service, mode, longer * seconds)
    require_workers_that_live(context)


def test(dag, *, run_conf):
    """A hang is found by a short time limit."""
    _, mode, _ = OUTAGES.get(run_conf["partition"], ["", "", 0])
    for task in dag.tasks if mode == "hangs" else ():
        task.execution_timeout = TIME_LIMIT
    return dag_test(dag, run_conf=run_conf)


require_workers_that_live = tasks.require_workers_that_live
tasks.require_workers_that_live = shut_first
dag_test, DAG.test = DAG.test, test
# Retries of the SDK would outlast these short outages.
connect = objects.connect
objects.connect = lambda settings, attempts: connect(settings, 1)

if __name__ == "__main__":
    night_probe.main()
    Path(os.environ["TRIES"]).write_text(json.dumps(tries))
