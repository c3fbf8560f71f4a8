"""What the demo knows of Airflow's runs and tasks; pure, so that what it shows can be tested without services."""

from collections.abc import Iterable
from dataclasses import dataclass, field

LIVE = ("running", "queued", "scheduled", "up_for_retry")


@dataclass(frozen=True)
class BoardRun:
    """One run of one Dag. ``by`` is what triggered it; ``queued`` orders runs of one night."""

    dag: str
    run_id: str
    state: str
    partition: str | None = None
    by: str = ""
    queued: str = ""


@dataclass(frozen=True)
class BoardTask:
    """One task instance that is not finished, or that failed; ``started`` is in seconds since the epoch."""

    dag: str
    run_id: str
    name: str
    state: str
    started: float | None = None
    map_index: int = -1
    attempt: int = 1


@dataclass(frozen=True)
class RunCounts:
    """How many nights (or runs) of a Dag are how far."""

    done: int = 0
    running: int = 0
    queued: int = 0
    failed: int = 0


@dataclass
class Board:
    """All runs of one model's Dags, kept up to date by what each poll brings."""

    runs: dict[tuple[str, str], BoardRun] = field(default_factory=dict)
    tasks: list[BoardTask] = field(default_factory=list)

    def put(self, runs: Iterable[BoardRun]) -> None:
        """Take note of new states."""
        for run in runs:
            self.runs[run.dag, run.run_id] = run

    def get(self, dag: str, run_id: str) -> BoardRun | None:
        """One run by its id."""
        key = (dag, run_id)
        return self.runs.get(key)

    def of(self, dag: str) -> list[BoardRun]:
        """All runs of a Dag, oldest first."""
        runs = [run for run in self.runs.values() if run.dag == dag]
        runs.sort(key=lambda run: run.queued)
        return runs

    def nights(self, dag: str) -> dict[str, BoardRun]:
        """The latest run of each night; a night that was run again counts as its last run says."""
        latest = {}
        for run in self.of(dag):
            if run.partition:
                latest[run.partition] = run
        return latest


def count(runs: Iterable[BoardRun]) -> RunCounts:
    """Sum up states."""
    states = [run.state for run in runs]
    return RunCounts(
        done=states.count("success"),
        running=states.count("running"),
        queued=states.count("queued"),
        failed=states.count("failed"),
    )


def tasks_of(tasks: Iterable[BoardTask], runs: Iterable[BoardRun]) -> list[BoardTask]:
    """The live tasks of these runs."""
    run_keys = {(run.dag, run.run_id) for run in runs}
    live = []
    for task in tasks:
        key = (task.dag, task.run_id)
        if key in run_keys:
            live.append(task)
    return live
