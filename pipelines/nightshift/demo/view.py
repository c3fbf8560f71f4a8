"""What the demo shows while it runs: a live table on a terminal, one line per change elsewhere."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from nightshift.demo.board import BoardRun, BoardTask, RunCounts, count, tasks_of

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
        return self.facts() if self.expected == 1 else f"{self.counts.done} {self.counts.failed}"

    def facts(self) -> str:
        """All but the times."""
        numbers = [("running", self.counts.running), ("queued", self.counts.queued), ("failed", self.counts.failed)]
        said = [f"{number} {word}" for word, number in numbers if number]
        tasks = [f"[{', '.join(names(self.running))}]"] if self.running else []
        waits = [f"waiting: {', '.join(names(self.waiting))}"] if self.waiting else []
        return f"{self.dag}: " + ", ".join([f"{self.counts.done} of {self.expected} done", *said, *tasks, *waits])


def names(tasks: Iterable[BoardTask]) -> list[str]:
    """Task names, each once, with how often and, for a retry, that it is one."""
    shown = [f"{task.name} (retry)" if task.state == "up_for_retry" else task.name for task in tasks]
    return [f"{name} x{shown.count(name)}" if shown.count(name) > 1 else name for name in dict.fromkeys(shown)]


def lines(runs: dict[str, list[BoardRun]], expected: dict[str, int], tasks: list[BoardTask]) -> list[ProgressLine]:
    """The state of an act, Dag by Dag."""
    found = []
    for dag, mine in runs.items():
        live = tasks_of(tasks, mine)
        found.append(
            ProgressLine(
                dag.rpartition(".")[2],
                expected[dag],
                count(mine),
                tuple(task for task in live if task.state == "running"),
                tuple(task for task in live if task.state in WAITING),
            )
        )
    return found


def table(state: list[ProgressLine], now: float) -> Table:
    """The same for the terminal, with how long the oldest task of each Dag has been running."""
    found = Table("Dag", "done", "running", "queued", "tasks now", "since", "waits", box=None, padding=(0, 2))
    for line in state:
        began = min((task.started for task in line.running if task.started), default=None)
        found.add_row(
            line.dag,
            Text(f"{line.counts.done}/{line.expected}", style="green" if line.counts.done == line.expected else ""),
            str(line.counts.running or ""),
            str(line.counts.queued or ""),
            ", ".join(names(line.running)),
            f"{now - began:.0f} s" if began else "",
            Text(", ".join(names(line.waiting)), style="yellow"),
        )
    return found


class View:
    """One act on the screen; used as a context, so that the terminal is always given back."""

    def __init__(self, console: Console, title: str) -> None:
        self.console, self.title, self.began = console, title, time.monotonic()
        self._state: list[ProgressLine] = []
        self._printed: dict[str, str] = {}
        self._live = Live(get_renderable=self._screen, console=console, refresh_per_second=2, transient=True)

    def __enter__(self) -> Self:
        self.console.print(f"\n[bold]{self.title}", highlight=False, soft_wrap=True)
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.console.is_terminal:
            self._live.stop()
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
        if not self.console.is_terminal:
            for line in state:
                if line.counts != RunCounts() and self._printed.get(line.dag) != line.milestone():
                    self._printed[line.dag] = line.milestone()
                    self.note(line.facts())

    def note(self, text: str) -> None:
        """A line that stays."""
        self.console.print(f"{self.elapsed:5.0f} s  {text}", markup=False, highlight=False, soft_wrap=True)

    def _screen(self) -> Group:
        return Group(table(self._state, time.time()), Text(f"{self.elapsed:.0f} s", style="dim"))
