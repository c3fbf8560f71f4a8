"""Play an act: poll, trigger, show, until it is over; a failed run ends it at once."""

import time

from nightshift.demo.airflow_api import AirflowApi
from nightshift.demo.board import Board, BoardRun, BoardTask
from nightshift.demo.script import Act
from nightshift.demo.view import ProgressLine, View, lines, names
from nightshift.errors import NightshiftError, StackError

POLL_S = 2.0
# Said after so long without a change; given up after so long when no task runs. Tasks have time limits of their own.
QUIET_S = 180
PATIENCE_S = 600
STARTING_S = 120


def wait_for_dags(api: AirflowApi, dags: set[str]) -> None:
    """Until Airflow has read the Dag files. Raises ``StackError``."""
    deadline = time.monotonic() + STARTING_S
    is_paused = api.dags()
    while missing := dags - set(is_paused):
        errors = api.import_errors()
        if errors:
            raise StackError(f"Airflow cannot read {errors[0]}", fix="mend it; Airflow reads it again by itself")
        if time.monotonic() > deadline:
            raise StackError(f"Airflow does not know {', '.join(sorted(missing))}", fix="nightshift status")
        time.sleep(POLL_S)
        is_paused = api.dags()
    for dag in sorted(dags):
        if is_paused[dag]:
            api.unpause(dag)


def play(act: Act, api: AirflowApi, board: Board, view: View, logs: str) -> None:
    """From what is there to the end of the act. Raises ``NightshiftError`` for a failed run."""
    quiet = Quiet(view, logs)
    refresh(board, api)
    cleared = [api.clear(run) for run in failed(act, board)]
    board.put(cleared)
    while True:
        act.advance(board)
        runs = act.runs(board)
        expected = {dag: act.expected(dag) for dag in runs}
        state = lines(runs, expected, board.tasks)
        view.show(state)
        for run in failed(act, board):
            raise explained(run, api)
        if act.done(board):
            return
        quiet.look(state)
        time.sleep(POLL_S)
        refresh(board, api)


def refresh(board: Board, api: AirflowApi) -> None:
    """Bring the board up to date: two small requests."""
    board.put(api.changed_runs())
    board.tasks = api.live_tasks()


def failed(act: Act, board: Board) -> list[BoardRun]:
    """The act's runs that failed."""
    failed_runs = []
    for runs in act.runs(board).values():
        failed_runs += [run for run in runs if run.state == "failed"]
    return failed_runs


def explained(run: BoardRun, api: AirflowApi) -> NightshiftError:
    """A failed run as an error: which task, and what its log said last."""
    night = f" for {run.partition}" if run.partition else ""
    tasks = api.failed_tasks(run)
    cause = ""
    if tasks:
        first = tasks[0]
        cause = f": task {first.name}: {error_line(api.log(first))}"
    return NightshiftError(
        f"{run.dag} failed{night} (run {run.run_id}){cause}",
        fix=f"{api.page_of(run)}; mend it, then `make demo` goes on from here",
    )


def error_line(records: list[dict[str, object]]) -> str:
    """What a task's log said last of its failure: our own words if there are any; what libraries print is not that."""
    errors = [record for record in records if _is_error(record)]
    if not errors:
        return "no error in its log"
    own_errors = [record for record in errors if record.get("logger") == "nightshift"]
    last = own_errors[-1] if own_errors else errors[-1]
    details = last.get("error_detail")
    if isinstance(details, list) and details:
        cause = details[-1]
        return f"{cause['exc_type']}: {cause['exc_value']}"
    return str(last.get("event"))


def _is_error(record: dict[str, object]) -> bool:
    is_serious = record.get("level") in {"error", "critical"}
    return is_serious and record.get("logger") != "task.stderr"


class Quiet:
    """Says what waits when nothing has changed for long, and gives up in the end."""

    def __init__(self, view: View, logs: str) -> None:
        self._view = view
        self._logs = logs
        self._change("")

    def _change(self, facts: str) -> None:
        self._facts = facts
        self._since = time.monotonic()
        self._noted = False

    def look(self, state: list[ProgressLine]) -> None:
        """Compare with the state before. Raises ``StackError``."""
        facts = "; ".join(line.facts() for line in state)
        if facts != self._facts:
            self._change(facts)
        quiet = time.monotonic() - self._since
        message = f"nothing has moved for {quiet:.0f} s: {waits(state)}"
        something_runs = any(line.running for line in state)
        if quiet > PATIENCE_S and not something_runs:
            raise StackError(message, fix=f"logs: {self._logs}")
        if quiet > QUIET_S and not self._noted:
            self._noted = True
            self._view.note(f"{message}; logs: {self._logs}")


def waits(state: list[ProgressLine]) -> str:
    """What an act is waiting for, in words."""
    tasks: list[BoardTask] = []
    for line in state:
        tasks += [*line.running, *line.waiting]
    if tasks:
        dag = tasks[0].dag
        return ", ".join(f"{dag} {name}" for name in names(tasks))
    behind = [line.dag for line in state if line.counts.done < line.expected]
    return f"the scheduler, to start {behind[0]}" if behind else "the scheduler"
