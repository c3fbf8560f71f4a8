"""What the demo shows while it runs: a live table on a terminal, one line per change elsewhere."""

import time
from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text
from typing_extensions import override

from nightshift.demo.board import BoardRun, BoardTask, RunCounts, count, tasks_of
from nightshift.terminal import LiveView

WAITING = ("queued", "scheduled", "up_for_retry")


@dataclass(frozen=True)
class ProgressLine:
    """One Dag's part of an act."""

    dag: str
    expected: int
    counts: RunCounts
    running: tuple[BoardTask, ...]
    waiting: tuple[BoardTask, ...]

    def milestone(self) -> str:
        """What is worth a line of its own in a log: each task of a single run, of many runs each that ended."""
        if self.expected == 1:
            return self.facts()
        return f"{self.counts.done} {self.counts.failed}"

    def facts(self) -> str:
        """All but the times."""
        facts = [f"{self.counts.done} of {self.expected} done"]
        for state in ("running", "queued", "failed"):
            number = getattr(self.counts, state)
            if number:
                facts.append(f"{number} {state}")
        if self.running:
            facts.append(f"[{', '.join(names(self.running))}]")
        if self.waiting:
            facts.append(f"waiting: {', '.join(names(self.waiting))}")
        return f"{self.dag}: {', '.join(facts)}"


def names(tasks: Iterable[BoardTask]) -> list[str]:
    """Task names, each once, with how often and, for a retry, that it is one."""
    counts = Counter(map(_name, tasks))
    texts = []
    for name, number in counts.items():
        times = f" x{number}" if number > 1 else ""
        texts.append(f"{name}{times}")
    return texts


def _name(task: BoardTask) -> str:
    is_retry = task.state == "up_for_retry"
    return f"{task.name} (retry)" if is_retry else task.name


def lines(
    runs: dict[str, list[BoardRun]],
    expected: dict[str, int],
    tasks: list[BoardTask],
) -> list[ProgressLine]:
    """The state of an act, Dag by Dag."""
    state = []
    for dag, dag_runs in runs.items():
        live = tasks_of(tasks, dag_runs)
        _, _, verb = dag.rpartition(".")
        line = ProgressLine(
            verb,
            expected=expected[dag],
            counts=count(dag_runs),
            running=_in_state(live, {"running"}),
            waiting=_in_state(live, WAITING),
        )
        state.append(line)
    return state


def _in_state(tasks: Iterable[BoardTask], states: Container[str]) -> tuple[BoardTask, ...]:
    matching = []
    for task in tasks:
        if task.state in states:
            matching.append(task)
    return tuple(matching)


def table(state: list[ProgressLine], now: float) -> Table:
    """The same for the terminal, with how long the oldest task of each Dag has been running."""
    headers = ("Dag", "done", "running", "queued", "tasks now", "since", "waits")
    progress = Table(*headers, box=None, padding=(0, 2))
    for line in state:
        progress.add_row(
            line.dag,
            _done(line),
            str(line.counts.running or ""),
            str(line.counts.queued or ""),
            ", ".join(names(line.running)),
            _since(line, now),
            Text(", ".join(names(line.waiting)), style="yellow"),
        )
    return progress


def _done(line: ProgressLine) -> Text:
    done = line.counts.done
    style = "green" if done == line.expected else ""
    return Text(f"{done}/{line.expected}", style)


def _since(line: ProgressLine, now: float) -> str:
    starts = [task.started for task in line.running if task.started]
    if not starts:
        return ""
    return f"{now - min(starts):.0f} s"


class View(LiveView):
    """One act on the screen; used as a context, so that the terminal is always given back."""

    def __init__(self, console: Console, title: str) -> None:
        self.title = title
        self.began = time.monotonic()
        self._state: list[ProgressLine] = []
        self._printed: dict[str, str] = {}
        live = Live(
            get_renderable=self._screen,
            console=console,
            refresh_per_second=2,
            transient=True,
        )
        super().__init__(live)

    @override
    def __enter__(self) -> Self:
        self.console.print(f"\n{self.title}", style="bold", highlight=False, soft_wrap=True)
        return super().__enter__()

    @override
    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        super().__exit__(error_type, error, traceback)
        if self.console.is_terminal:
            self.console.print(table(self._state, time.time()))
        if error is None:
            self.console.print(f"done in {self.elapsed:.0f} s", style="green", highlight=False)

    @property
    def elapsed(self) -> float:
        """Seconds since the act began."""
        return time.monotonic() - self.began

    def show(self, state: list[ProgressLine]) -> None:
        """Take a new state; without a terminal, print the lines that changed."""
        self._state = state
        if self.console.is_terminal:
            return
        for line in state:
            has_begun = line.counts != RunCounts()
            milestone = line.milestone()
            if has_begun and self._printed.get(line.dag) != milestone:
                self._printed[line.dag] = milestone
                self.note(line.facts())

    def note(self, text: str) -> None:
        """A line that stays."""
        self.console.print(
            f"{self.elapsed:5.0f} s  {text}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )

    def _screen(self) -> Group:
        progress = table(self._state, time.time())
        elapsed = Text(f"{self.elapsed:.0f} s", style="dim")
        return Group(progress, elapsed)
