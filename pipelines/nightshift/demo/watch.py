"""Play an act: poll, trigger, show, until it is over; a failed run ends it at once."""

import time
from pathlib import Path

from nightshift.demo.airflow_api import AirflowApi
from nightshift.demo.board import Board, BoardRun, BoardTask
from nightshift.demo.script import Act
from nightshift.demo.view import ProgressLine, View, lines, names
from nightshift.errors import NightshiftError, StackError

POLL_S = 2.0
# Said after so long without a change; given up after so long when no task runs. Tasks have time limits of their own.
QUIET_S, PATIENCE_S = 180, 600
STARTING_S = 120


def wait_for_dags(api: AirflowApi, dags: set[str]) -> None:
    """Until Airflow has read the Dag files. Raises ``StackError``."""
    deadline = time.monotonic() + STARTING_S
    while missing := dags - set(known := api.dags()):
        if errors := api.import_errors():
            raise StackError(f"Airflow cannot read {errors[0]}", fix="mend it; Airflow reads it again by itself")
        if time.monotonic() > deadline:
            raise StackError(f"Airflow does not know {', '.join(sorted(missing))}", fix="nightshift status")
        time.sleep(POLL_S)
    for dag in sorted(dag for dag, paused in known.items() if paused and dag in dags):
        api.unpause(dag)


def play(act: Act, api: AirflowApi, board: Board, view: View, logs: Path) -> None:
    """From what is there to the end of the act. Raises ``NightshiftError`` for a failed run."""
    quiet = Quiet(view, logs)
    refresh(board, api)
    board.put([api.clear(run) for run in failed(act, board)])
    while True:
        act.advance(board)
        runs = act.runs(board)
        state = lines(runs, {dag: act.expected(dag) for dag in runs}, board.tasks)
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
    return [run for runs in act.runs(board).values() for run in runs if run.state == "failed"]


def explained(run: BoardRun, api: AirflowApi) -> NightshiftError:
    """A failed run as an error: which task, and what its log said last."""
    night = f" for {run.partition}" if run.partition else ""
    tasks = api.failed_tasks(run)
    said = f": task {tasks[0].name}: {error_line(api.log(tasks[0]))}" if tasks else ""
    return NightshiftError(
        f"{run.dag} failed{night} (run {run.run_id}){said}",
        fix=f"{api.page_of(run)}; mend it, then `make demo` goes on from here",
    )


def error_line(records: list[dict[str, object]]) -> str:
    """What a task's log said last of its failure: our own words if there are any; what libraries print is not that."""
    errors = [r for r in records if r.get("level") in {"error", "critical"} and r.get("logger") != "task.stderr"]
    if not errors:
        return "no error in its log"
    last = ([r for r in errors if r.get("logger") == "nightshift"] or errors)[-1]
    details = last.get("error_detail")
    if isinstance(details, list) and details:
        return f"{details[-1]['exc_type']}: {details[-1]['exc_value']}"
    return str(last.get("event"))


class Quiet:
    """Says what waits when nothing has changed for long, and gives up in the end."""

    def __init__(self, view: View, logs: Path) -> None:
        self._view, self._logs = view, logs
        self._last, self._since, self._said = "", time.monotonic(), False

    def look(self, state: list[ProgressLine]) -> None:
        """Compare with the state before. Raises ``StackError``."""
        now = "; ".join(line.facts() for line in state)
        if now != self._last:
            self._last, self._since, self._said = now, time.monotonic(), False
        quiet = time.monotonic() - self._since
        if quiet > PATIENCE_S and not any(line.running for line in state):
            raise StackError(f"nothing has moved for {quiet:.0f} s: {waits(state)}", fix=f"logs: {self._logs}")
        if quiet > QUIET_S and not self._said:
            self._said = True
            self._view.note(f"nothing has moved for {quiet:.0f} s: {waits(state)}; logs: {self._logs}")


def waits(state: list[ProgressLine]) -> str:
    """What an act is waiting for, in words."""
    tasks: list[BoardTask] = [task for line in state for task in (*line.running, *line.waiting)]
    if tasks:
        return ", ".join(f"{task.dag} {name}" for task in tasks[:1] for name in names(tasks))
    behind = [line.dag for line in state if line.counts.done < line.expected]
    return f"the scheduler, to start {behind[0]}" if behind else "the scheduler"
