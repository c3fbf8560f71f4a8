"""What is on the screen in the small demo: how far it is, and at the end what there is to look at."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from nightshift.contracts import Dataset
from nightshift.demo.findings import NightSummary, gather
from nightshift.demo.summary import described, verdict
from nightshift.stack import Event, Stack
from nightshift.stores import layout
from nightshift.terminal import ProgressView, open_console

if TYPE_CHECKING:
    from nightshift.spec import ModelSpec
    from nightshift.stores import Stores

REPORT = "report.html"
STDOUT = 1
STDERR = 2


@contextmanager
def aside(log: Path) -> Iterator[Console]:
    """A console for people, while all else that this process and its children print goes to a file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    kept = {stream: os.dup(stream) for stream in (STDOUT, STDERR)}
    with log.open("a", encoding="utf-8") as file, os.fdopen(os.dup(STDOUT), "w", encoding="utf-8") as screen:
        _flush()
        for stream in kept:
            os.dup2(file.fileno(), stream)
        try:
            yield open_console(file=screen)
        finally:
            _flush()
            for stream, before in kept.items():
                os.dup2(before, stream)
                os.close(before)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


class TinyView:
    """A line for each service and each run of a Dag; between them a bar, with the task that runs."""

    def __init__(self, progress: ProgressView) -> None:
        self._console = progress.console
        self._progress = progress
        self._done = 0
        self._total = 0
        self._night = ""

    def on_event(self, event: Event) -> None:
        """A service starts, or answers."""
        seconds = f" in {event.seconds:.0f} s" if event.seconds else ""
        self._console.print(f"{event.service}: {event.state}{seconds}", highlight=False)

    def expect(self, runs: int) -> None:
        """So many runs will be played."""
        self._total = runs

    @contextmanager
    def run(self, dag: str, night: str) -> Iterator[None]:
        """Around one run."""
        self._night = night
        began = time.monotonic()
        yield
        self._done += 1
        seconds = time.monotonic() - began
        self._console.print(f"{dag} {night}: done in {seconds:.0f} s", highlight=False)

    def on_task(self, dag: str, task: str) -> None:
        """A task begins."""
        self._progress.on_progress(f"{dag} {self._night}: {task}", self._done, self._total)


def show_end(console: Console, stack: Stack, spec: "ModelSpec", stores: "Stores", *, seconds: float) -> None:
    """What was published, the report of the last night, and the commands to look further."""
    nights = stores.lake.partitions(Dataset.PREDICTIONS, spec.name, spec.partition.column)
    findings = gather(spec, stores, nights, None)
    last = findings.nights[-1].night
    report = stack.project / REPORT
    stores.lake.objects.download(layout.drift_report(spec.key(Dataset.MONITORING, last)), report)
    lines = [
        "",
        f"the champion of {spec.name}: {described(findings.champion)}",
        *[_night_line(night) for night in findings.nights],
        "",
        *_look_around(stack, spec.name, last, report),
        "",
        f"all of it took {seconds:.0f} s; the services stay up until the last of these commands",
    ]
    for line in lines:
        console.print(line, soft_wrap=True, highlight=False, markup=False)


def _night_line(night: NightSummary) -> str:
    loss = "no labels yet" if night.log_loss is None else f"log_loss {night.log_loss:.3f}"
    return f"published {night.night}: {night.flights} rows by version {night.version}, {verdict(night)}, {loss}"


def _look_around(stack: Stack, model: str, night: str, report: Path) -> list[str]:
    nightshift = Path(sys.executable).with_name("nightshift")
    # A shell that points at a person's own stack shall not ask that one for the tiny project's nights.
    other = "env -u NIGHTSHIFT_PROJECT -u NIGHTSHIFT_HOME"
    env = stack.env()
    login = f"user {env['MLFLOW_TRACKING_USERNAME']}, password {env['MLFLOW_TRACKING_PASSWORD']}"
    return [
        f"the drift report of {night}: {report}",
        f"MLflow: {env['MLFLOW_TRACKING_URI']}, {login}",
        f"cd {stack.project}",
        f'eval "$({other} {nightshift} env)"',
        f"{nightshift} explain {model} {night}",
        f"{nightshift} down",
    ]
