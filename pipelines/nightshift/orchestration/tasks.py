"""What all tasks share: a guard, the environment, and what a run is about.

A task's body finds the model and the night of its run and calls the one step of its name. Imports of steps lie
inside the bodies, so that parsing a Dag loads nothing heavy.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import structlog
from airflow.sdk import get_current_context, task

from nightshift import logs
from nightshift.errors import UsageError
from nightshift.orchestration.guard import explained
from nightshift.orchestration.retries import require_workers_that_live
from nightshift.partitions import parse_partition
from nightshift.settings import Settings, export_env, settings
from nightshift.spec import ModelSpec, find_spec
from nightshift.stores import Stores

log = logging.getLogger("nightshift")
MLFLOW_URL = "mlflow_url"
OF_NO_NIGHT = frozenset({"rollback", "maintain"})
"""Families whose runs are of no night."""
MOST_QUOTED = 60


def step_task(body: Callable[..., Any]) -> Any:
    """An Airflow task of a function that calls a step.

    Nightshift's errors end it with one clear line, as ``guard`` says, and libraries see the environment file.
    """

    @wraps(body)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        with explained():
            export_env(settings())
            logged(**logs.fields_of(*args, *kwargs.values()))
            result = body(*args, **kwargs)
            logged(**logs.fields_of(result))
            log.info("%s is done", body.__name__)
            return result

    return task(guarded)


def logged(**fields: object) -> None:
    """What stands in every line that follows in the task's log, beside what Airflow says of the task."""
    bound = logs.bind(**fields)
    structlog.contextvars.bind_contextvars(**bound)


@dataclass(frozen=True)
class TaskContext:
    """What the running task works on, and ``airflow``, what Airflow knows of it."""

    spec: ModelSpec
    stores: Stores
    airflow: Any

    @property
    def partition(self) -> str:
        """The night of the run. Raises ``UsageError`` for a missing, bad or contradicting one."""
        key = self.airflow["dag_run"].partition_key
        parameter = self.parameter("partition")
        if key and parameter and key != parameter:
            raise UsageError(f"partition key {key} and parameter partition {parameter} differ", fix="give one of them")
        partition = key or parameter
        parse_partition(partition)
        return str(partition)

    def parameter(self, name: str) -> Any:
        """What the trigger form, or who triggered the run, says; None for what the Dag does not ask."""
        return self.airflow["params"].get(name)

    def push(self, key: str, value: Any) -> None:
        """Leave something beside the task's result, for a link or a later task."""
        self.airflow["ti"].xcom_push(key=key, value=value)

    def link_run(self, run_id: str) -> None:
        """Let the task's page lead to an MLflow run."""
        _, url = self.stores.registry.run(run_id)
        self.push(MLFLOW_URL, url)


def task_context(model: str) -> TaskContext:
    """What the running task works on. Raises ``UsageError`` when the model is gone or for a parameter that
    the Dag does not have, and ``Refused``."""
    airflow = get_current_context()
    require_workers_that_live(airflow)
    require_known_parameters(airflow)
    here = settings()
    spec = find_spec(here.models, model)
    run = airflow["dag_run"]
    logged(model=spec.name, night=run.partition_key, run=run.run_id)
    # Anew when a person clears the run, not when Airflow tries a task again.
    stores = Stores(here, _origin(here, run), run.start_date)
    return TaskContext(spec, stores, airflow)


def require_known_parameters(airflow: Any) -> None:
    """A key that the Dag does not ask for is mostly one that is spelt wrongly. Raises ``UsageError``."""
    dag_id = airflow["dag_run"].dag_id
    known = set(airflow["dag"].params)
    if dag_id.rpartition(".")[2] not in OF_NO_NIGHT:
        known.add("partition")
    unknown = sorted(set(airflow["dag_run"].conf or {}) - known)
    if unknown:
        names = ", ".join(repr(name)[:MOST_QUOTED] for name in unknown)
        raise UsageError(
            f"{dag_id} has no parameter {names}; it takes {', '.join(sorted(known)) or 'none'}",
            fix="trigger it again, with these names",
        )


def _origin(here: Settings, run: Any) -> dict[str, str]:
    """Who makes what this task publishes."""
    origin = {"airflow_dag": run.dag_id, "airflow_run": run.run_id}
    if here.airflow_url:
        origin["airflow_url"] = f"{here.airflow_url}/dags/{run.dag_id}/runs/{run.run_id}"
    return origin
