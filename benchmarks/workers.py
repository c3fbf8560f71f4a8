"""Processes that score a plan's shards on cores of their own, started and timed from here."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any, Self

from benchmarks import children
from benchmarks.world import World
from nightshift.concurrency import CORES
from nightshift.contracts import Plan

PROJECT = Path(__file__).parents[1]
PATIENCE_S = 60
AIRFLOW = "airflow"


class WorkersAbsent(Exception):
    """A way of scoring that this machine does not have, and why."""


@dataclass(frozen=True)
class Timing:
    """Wall seconds: until the workers could begin, and of their work."""

    start_up: float
    work: float

    @property
    def whole(self) -> float:
        """Until the night is scored."""
        return self.start_up + self.work


class Worker:
    """``benchmarks.one_core`` on some cores. Starts on enter, stops on exit."""

    def __init__(self, work: str, plan: Plan, cores: Sequence[int], python: Path, environment: dict[str, str]) -> None:
        self._work = work
        self._plan = json.dumps(asdict(plan))
        self._cores = cores
        self._command = [str(python), "-m", "benchmarks.one_core", work]
        self._environment = {
            **os.environ,
            **environment,
            CORES: str(len(cores)),
            "PYTHONPATH": f"{PROJECT / 'pipelines'}{os.pathsep}{PROJECT}",
        }

    def __enter__(self) -> Self:
        with _staying_on(self._cores):
            self._child = subprocess.Popen(
                self._command,
                cwd=PROJECT,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        self._say(self._plan)
        return self

    def __exit__(self, *_: object) -> None:
        children.end(self._child, PATIENCE_S)

    def begin(self) -> None:
        """Let it score."""
        self._say("go")

    def answer(self) -> dict[str, Any]:
        """The next it says. Raises ``WorkersAbsent`` where it ended instead."""
        line = _pipe(self._child.stdout).readline()
        if not line:
            raise WorkersAbsent(f"a worker for {self._work} ended: see above")
        return dict(json.loads(line))

    def _say(self, line: str) -> None:
        print(line, file=_pipe(self._child.stdin), flush=True)


def airflow_way(world: World, plan: Plan, cores: Sequence[int]) -> Timing:
    """A process on each core, each with its part of the shards, as mapped tasks on workers of one slot."""
    started = time.perf_counter()
    with ExitStack() as stack:
        workers = []
        for place, core in enumerate(cores):
            part = replace(plan, shards=plan.shards[place :: len(cores)])
            worker = Worker("shards", part, [core], Path(sys.executable), world.stack.env())
            workers.append(stack.enter_context(worker))
        for worker in workers:
            worker.answer()
        ready = time.perf_counter()
        for worker in workers:
            worker.begin()
        for worker in workers:
            worker.answer()
        return Timing(ready - started, time.perf_counter() - ready)


def engine_way(world: World, plan: Plan, cores: Sequence[int], engine: str) -> Timing:
    """An engine on these cores, as ``score_night`` drives it.

    Its start-up is what as many calls take that only get a worker ready: in another run of it, and taken off the first.
    """
    with Worker(engine, plan, cores, python_with(engine), world.stack.env()) as driver:
        driver.answer()
        seconds = []
        for _ in ("scored", "only started"):
            driver.begin()
            seconds.append(driver.answer()["seconds"])
    scored, only_started = seconds
    return Timing(only_started, scored - only_started)


def python_with(engine: str) -> Path:
    """An interpreter that has it beside Nightshift: of ``make engines``. Raises ``WorkersAbsent``."""
    module = {"ray": "ray", "spark": "pyspark"}[engine]
    python = PROJECT / ".venv-engines" / "bin" / "python"
    if not python.exists():
        raise WorkersAbsent(f"{engine}: there is no .venv-engines; make engines makes it")
    asked = subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False)
    if asked.returncode:
        raise WorkersAbsent(f"{engine}: .venv-engines has no {module}; make engines installs it")
    return python


@contextmanager
def _staying_on(cores: Sequence[int]) -> Iterator[None]:
    """A process that is started inside has these cores from its first thread on."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe
