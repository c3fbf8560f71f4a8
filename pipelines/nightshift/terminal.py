"""What people see: a console that never breaks a value that is piped on, and how far a long verb is."""

import time
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text
from typing_extensions import override

UNBROKEN = 100_000
"""Columns where there is no terminal: rich would take 80, and break a URL there."""
STEPS = 20
"""Lines of one stage where there is no terminal: one for each five percent."""
SPEED_SECONDS = 300
"""A night or a graph takes seconds to minutes: the speed is that of the last minutes."""


def open_console(*, stderr: bool = False, file: TextIO | None = None) -> Console:
    """A console as wide as the terminal, or as wide as need be where there is none."""
    # Without markup: [red] in a value is a text like any other.
    console = Console(stderr=stderr, file=file, markup=False)
    if console.is_terminal:
        return console
    return Console(stderr=stderr, file=file, width=UNBROKEN, markup=False)


class LiveView:
    """A context around ``rich.live``: the terminal is always given back; nothing is drawn where there is none."""

    def __init__(self, live: Live) -> None:
        self.console = live.console
        self._live = live

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.console.is_terminal:
            self._live.stop()


class SpeedColumn(ProgressColumn):
    """How many parts are done in which time; empty before it is known."""

    @override
    def render(self, task: Task) -> Text:
        """Of the last minutes."""
        return Text(_speed(task.speed) if task.speed else "")


class ProgressView(LiveView):
    """How far a verb is and how long it will take, on stderr: a bar on a terminal, elsewhere a line now and then."""

    def __init__(self, console: Console | None = None) -> None:
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            SpeedColumn(),
            TimeElapsedColumn(),
            TextColumn("left:"),
            TimeRemainingColumn(),
            console=console or open_console(stderr=True),
            transient=True,
            speed_estimate_period=SPEED_SECONDS,
        )
        super().__init__(self._bar.live)
        self._task = self._bar.add_task("", total=None)
        self._lines = _Lines(self.console)

    @override
    def __enter__(self) -> Self:
        # Not before something is said: a verb that refuses at once shows no bar.
        return self

    def on_progress(self, stage: str, done: int, total: int) -> None:
        """Take note of how far a stage is."""
        if not self.console.is_terminal:
            self._lines.show(stage, done, total)
            return
        self._bar.start()
        self._bar.update(self._task, description=stage, completed=done, total=total)


class _Lines:
    """A line for each five percent of a stage."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()
        self._last = (0, 0)
        self._shown: tuple[str, int] | None = None

    def show(self, stage: str, done: int, total: int) -> None:
        """Print a line when there is something new."""
        last_done, last_total = self._last
        if total != last_total or done < last_done:
            self._began = time.monotonic()
        self._last = (done, total)
        step = STEPS * done // max(total, 1)
        if (stage, step) == self._shown:
            return
        self._shown = (stage, step)
        seconds = time.monotonic() - self._began
        self._console.print(f"{stage}: {done} of {total}{_times(seconds, done, total)}", highlight=False)


def _times(seconds: float, done: int, total: int) -> str:
    if not done:
        return ""
    left = seconds / done * (total - done)
    speed = f"{_speed(done / seconds)}, " if seconds else ""
    return f", {seconds:.0f} s, {speed}about {left:.0f} s left"


def _speed(per_second: float) -> str:
    """In a unit in which it is no small fraction."""
    if per_second >= 1:
        return f"{per_second:.1f} a second"
    return f"{per_second * 60:.1f} a minute"
