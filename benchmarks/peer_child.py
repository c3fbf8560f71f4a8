"""A peer's side of the talk with ``benchmarks.peers``: one line in, one line of JSON out."""

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Job:
    """What every peer is asked for: rows of ``input_uri`` scored by ``graph_file`` into ``output_uri``."""

    input_uri: str
    output_uri: str
    keys: list[str]
    threshold: float
    graph_file: str

    @property
    def graph(self) -> Path:
        """Where workers find the graph."""
        return Path(self.graph_file)


def serve(start: Callable[[Job], AbstractContextManager[Callable[[], None]]]) -> None:
    """Start, say so, then one pass per line read. Ends when the parent hangs up."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    # Engines print; what they print is for the log, never between the answers.
    os.dup2(2, 1)
    with start(Job(**json.loads(sys.argv[1]))) as run:
        print(json.dumps({"ready": True}), file=answers)
        for _ in sys.stdin:
            started = time.perf_counter()
            run()
            print(json.dumps({"seconds": time.perf_counter() - started}), file=answers)


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))
