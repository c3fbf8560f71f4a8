"""What the stages of a training cost: seconds, seconds of the CPU, and the largest memory that the process held.

Peaks are sampled by a thread, since what the system keeps is the peak of a whole process, not of one stage.
"""

import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import psutil

PAUSE = 0.05
"""Seconds between two looks at the memory."""
MEGABYTE = 1e6


@dataclass(frozen=True)
class StageCost:
    """One stage; memory in bytes, of the whole process."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


class StageCosts:
    """Costs of the stages of a ``with`` block, one after the other: each begins where ``stage`` names it."""

    def __init__(self) -> None:
        self.of: dict[str, StageCost] = {}
        self._process = psutil.Process()
        self._stop = threading.Event()
        self._watch = threading.Thread(target=self._look, name="nightshift-cost", daemon=True)
        self._name = ""
        self._began = (0.0, 0.0)
        self._peak = 0

    def __enter__(self) -> Self:
        self._watch.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.end()
        self._stop.set()
        self._watch.join()

    def stage(self, name: str) -> None:
        """From here on it is this stage."""
        self.end()
        self._name = name
        self._began = (time.monotonic(), self._cpu_seconds())
        self._peak = self._memory()

    def end(self) -> None:
        """The end of the stage that is under way, if one is."""
        if not self._name:
            return
        began, cpu_began = self._began
        self.of[self._name] = StageCost(
            seconds=time.monotonic() - began,
            cpu_seconds=self._cpu_seconds() - cpu_began,
            peak_bytes=max(self._peak, self._memory()),
        )
        self._name = ""

    def metrics(self) -> dict[str, float]:
        """By names of metrics; stages so far, without the one that is under way."""
        metrics: dict[str, float] = {}
        for name, cost in self.of.items():
            stage = f"cost_{name}"
            metrics[f"{stage}_seconds"] = cost.seconds
            metrics[f"{stage}_cpu_seconds"] = cost.cpu_seconds
            metrics[f"{stage}_peak_mb"] = cost.peak_bytes / MEGABYTE
        return metrics

    def _look(self) -> None:
        while not self._stop.wait(PAUSE):
            memory = self._memory()
            self._peak = max(self._peak, memory)

    def _memory(self) -> int:
        return int(self._process.memory_info().rss)

    def _cpu_seconds(self) -> float:
        used = self._process.cpu_times()
        return float(used.user + used.system)
