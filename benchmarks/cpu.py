"""CPU seconds of what is measured: this process and the store that serves it, without ONNX Runtime where that is asked.

Other processes share the machine and say nothing about what scoring costs; CPU time leaves them out, wall time does
not. Neighbours on a core still slow it down: so what is compared is measured by turns.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median, quantiles
from threading import Lock
from typing import Any

import psutil

from benchmarks.world import World
from nightshift.scoring import graph


def store_seconds(world: World) -> float:
    """Of the store's process, since it began."""
    home = f"-dir={world.stack.home}"
    processes = psutil.process_iter(["cmdline"])
    stores = [process for process in processes if any(home in word for word in process.info["cmdline"] or ())]
    return sum(sum(process.cpu_times()[:2]) for process in stores)


def cpu_seconds(world: World, work: Callable[[], object]) -> float:
    """Of all threads of this process and of the store, while ``work`` runs."""
    of_store = store_seconds(world)
    of_process = time.process_time()
    work()
    return time.process_time() - of_process + store_seconds(world) - of_store


def by_turns(rounds: int, runs: dict[str, Callable[[], float]]) -> dict[str, list[float]]:
    """What each run gives, round by round after one to warm up; every second round has them in the other order."""
    for run in runs.values():
        run()
    measured: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds):
        names = list(runs) if number % 2 == 0 else list(reversed(runs))
        for name in names:
            measured[name].append(runs[name]())
    return measured


def median_and_upper_quartile(ratios: Sequence[float]) -> tuple[float, float]:
    """Of at least two; quartiles lie between ratios that were seen."""
    _, _, upper = quantiles(ratios, n=4, method="inclusive")
    return median(ratios), upper


class OnnxRuntimeClock:
    """CPU seconds inside of ONNX Runtime's calls: it runs each in the thread that makes it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._lock = Lock()

    def run(self, session: Any, arguments: tuple[Any, ...]) -> Any:
        """One call of a session."""
        started = time.thread_time()
        outputs = session.run(*arguments)
        taken = time.thread_time() - started
        with self._lock:
            self.seconds += taken
        return outputs


class TimedSession:
    """A session whose calls are timed."""

    def __init__(self, session: Any, clock: OnnxRuntimeClock) -> None:
        self._session = session
        self._clock = clock

    def run(self, *arguments: Any) -> Any:
        """As the session's."""
        return self._clock.run(self._session, arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


@contextmanager
def onnxruntime_timed() -> Iterator[OnnxRuntimeClock]:
    """Graphs that are opened inside say how long ONNX Runtime was at work."""
    clock = OnnxRuntimeClock()
    opened = graph.open_session

    def open_timed(*arguments: Any) -> TimedSession:
        return TimedSession(opened(*arguments), clock)

    graph.open_session = open_timed
    try:
        yield clock
    finally:
        graph.open_session = opened
