"""Dags run to their end in this process, without Airflow's services: ``dag.test()``, for the small demo.

The environment must be that of an Airflow before anything here is called: Airflow reads it when it is imported.
"""

import warnings
from collections.abc import Callable
from typing import Any

from nightshift.errors import StackError
from nightshift.orchestration.warmth import preload

OnTask = Callable[[str, str], object]
"""Gets the Dag's and the task's id when a task begins."""
BUNDLE = "dags-folder"
ENDED_WELL = "success"


class Rehearsal:
    """The Dags of the project, in a database of Airflow that is made here."""

    def __init__(self, on_task: OnTask) -> None:
        self._on_task = on_task
        self._dags: dict[str, Any] = {}

    def prepare(self) -> None:
        """Make Airflow's database, read the Dags, import what their tasks need. Raises ``StackError``."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._read_dags()
            preload()

    def _read_dags(self) -> None:
        from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
        from airflow.models.dagbundle import DagBundleModel
        from airflow.sdk.listener import get_listener_manager
        from airflow.utils.db import upgradedb
        from airflow.utils.session import create_session

        upgradedb()
        bag = DagBag()
        if bag.import_errors:
            file, error = next(iter(bag.import_errors.items()))
            raise StackError(f"Airflow cannot read {file}: {error.splitlines()[-1]}", fix="run `nightshift check`")
        with create_session() as session:
            session.merge(DagBundleModel(name=BUNDLE))
        sync_bag_to_db(bag, BUNDLE, None)
        self._dags = bag.dags
        get_listener_manager().add_listener(_task_listener(self._on_task))

    def run(self, dag_id: str, partition: str) -> None:
        """Run one Dag for a night. Raises ``StackError`` when a task of it fails."""
        run = self._dags[dag_id].test(run_conf={"partition": partition})
        if str(run.state) != ENDED_WELL:
            failed = [task.task_id for task in run.get_task_instances() if str(task.state) == "failed"]
            raise StackError(
                f"{dag_id} failed for {partition}: task {', '.join(failed) or 'unknown'}",
                fix="read the log that is named above; played again, the demo goes on from here",
            )


def _task_listener(say: OnTask) -> object:
    """What hears from Airflow which task begins."""
    from airflow.listeners import hookimpl

    class TaskListener:
        @hookimpl
        def on_task_instance_running(self, task_instance: Any) -> None:
            say(task_instance.dag_id, task_instance.task_id)

    return TaskListener()
