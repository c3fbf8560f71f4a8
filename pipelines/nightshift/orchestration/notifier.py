"""Airflow's notifier of nights: what its callbacks call. It tells people, and can neither fail a night nor hold it up.

Callbacks of a task run in its worker once its state is known, and for a worker that died in the Dag processor; those of
a deadline run in the triggerer. Each is left behind after ``MOST_SECONDS``.
"""

import asyncio
import logging
from typing import Any

from airflow.sdk import BaseNotifier

from nightshift.alerts.file import read_alerts_file
from nightshift.alerts.sending import within
from nightshift.contracts import CanaryVerdict
from nightshift.errors import NightshiftError
from nightshift.settings import export_env, settings
from nightshift.stores import Stores

log = logging.getLogger("nightshift")
MOST_SECONDS = 25.0
TASK_FAILED = "task failed"
TASK_WENT_WELL = "task went well"
RUN_TIMED_OUT = "run timed out"
NIGHT_IS_LATE = "night is late"
NO_ERROR = "it ended without an error of ours: its worker died, or somebody ended it"


class NightNotifier(BaseNotifier):
    """Tells of one happening. Nothing of it is a template: what it says may come from data."""

    template_fields = ()

    def __init__(self, happening: str, model: str = "", context: Any = None) -> None:
        super().__init__(context=context)
        self.happening = happening
        self.model = model

    def render_template_fields(self, context: Any, jinja_env: Any = None) -> None:
        """Nothing to do, and no Dag to ask how: a run that ended in the scheduler's process has none that knows."""

    def notify(self, context: Any) -> None:
        """Tell, or say in one line of the log why not."""
        within(MOST_SECONDS, lambda: self._tell(context), f"telling that a {self.happening}")

    async def async_notify(self, context: Any) -> None:
        """The same beside the other work of the triggerer."""
        await asyncio.to_thread(self.notify, context)

    def _tell(self, context: Any) -> None:
        current = settings()
        if self.happening == TASK_WENT_WELL and not read_alerts_file(current.project).channels:
            # Each task comes by: where nobody is to be told it costs a look at one file.
            return
        export_env(current)
        stores = Stores(current, {"by": "alerts"})
        if self.happening == NIGHT_IS_LATE:
            from nightshift.steps.tell import tell_late

            tell_late(self.model, stores, _of_connection)
        elif self.happening == TASK_WENT_WELL:
            from nightshift.steps.tell import tell_success

            tell_success(_end(context), stores, _of_connection)
        elif self.happening == TASK_FAILED or context.get("reason") == "timed_out":
            from nightshift.steps.tell import tell_failure

            tell_failure(_end(context), stores, _of_connection)


def tell_of_canary(verdict: CanaryVerdict, night: str) -> None:
    """Tell that a canary was taken back: its task is a bystander, whose end no callback tells of."""
    within(MOST_SECONDS, lambda: _tell_of_canary(verdict, night), "telling that a canary was taken back")


def _tell_of_canary(verdict: CanaryVerdict, night: str) -> None:
    from nightshift.steps.tell import tell_taken_back

    current = settings()
    export_env(current)
    tell_taken_back(verdict, night, Stores(current, {"by": "alerts"}), _of_connection)


def _of_connection(channel: Any) -> Any:
    from nightshift.orchestration.connections import of_connection

    return of_connection(channel)


def _end(context: Any) -> Any:
    """What a callback's context says of how a task, or a run, ended."""
    from nightshift.steps.tell import TaskEnd

    run = context["dag_run"]
    model, _, verb = run.dag_id.rpartition(".")
    task = getattr(context.get("ti"), "task_id", None) or "run"
    exception = context.get("exception")
    error = getattr(exception, "error", None)
    night = run.partition_key or (context.get("params") or {}).get("partition") or ""
    links = {}
    if settings().airflow_url:
        links["run"] = f"{settings().airflow_url}/dags/{run.dag_id}/runs/{run.run_id}"
    return TaskEnd(
        model=model,
        task=f"{verb}.{task}",
        night=str(night),
        error=error if isinstance(error, NightshiftError) else None,
        words=_words(context, exception),
        links=links,
    )


def _words(context: Any, exception: Any) -> str:
    """Of an error that is not ours its name alone: what it says may have a secret in it, and stands in the log."""
    if context.get("reason") == "timed_out":
        return "the run took longer than it may: dagrun_timeout"
    if isinstance(exception, BaseException):
        return f"{type(exception).__name__}; the task's log says more"
    return NO_ERROR
