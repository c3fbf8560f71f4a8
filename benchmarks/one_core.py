"""A worker of one core, in a process of its own: ``python -m benchmarks.one_core WORK < plan``.

``WORK`` is ``shards``: this process scores the plan's shards one after another, as tasks of Airflow on one worker do;
or the name of an engine, whose driver this process is. It says when it is ready, waits for a line, and says when it is
done; an engine does so twice, the second time to start alone.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import TypeAdapter

from benchmarks.engine_start import Start, get_ready, started_there
from nightshift.contracts import Plan
from nightshift.engines.known import launcher_of
from nightshift.settings import load_settings
from nightshift.spec import ModelSpec, find_spec
from nightshift.steps._engine import score_night
from nightshift.steps.score import score
from nightshift.stores import Stores


def main() -> None:
    """One plan, scored for each line that follows it."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    # Engines print; what they print is for the log, never between the answers.
    os.dup2(2, 1)
    plan = TypeAdapter(Plan).validate_json(sys.stdin.readline())
    with TemporaryDirectory(prefix="nightshift-java-") as folder:
        _find_java(Path(folder))
        works = _works(sys.argv[1], plan)
        print(json.dumps({"ready": True}), file=answers)
        for work, _ in zip(works, sys.stdin, strict=False):
            started = time.perf_counter()
            work()
            print(json.dumps({"seconds": time.perf_counter() - started}), file=answers)


def _works(name: str, plan: Plan) -> list[Callable[[], Any]]:
    settings = load_settings()
    spec = find_spec(settings.models, plan.model)
    stores = Stores(settings, {"by": "benchmarks"})
    if name != "shards":
        starts = [Start(spec, plan.pin)] * len(plan.shards)
        return [
            lambda: score_night(spec, plan, stores, name),
            lambda: launcher_of(name).run(started_there, starts),
        ]
    get_ready(Start(spec, plan.pin), stores)
    return [lambda: _score_all(spec, plan, stores)]


def _score_all(spec: ModelSpec, plan: Plan, stores: Stores) -> None:
    for shard in plan.shards:
        score(spec, plan, shard, stores)


def _find_java(folder: Path) -> None:
    """For Spark, where the machine has none of its own."""
    if "JAVA_HOME" in os.environ or sys.argv[1] != "spark":
        return
    try:
        from benchmarks.java import java_home

        os.environ["JAVA_HOME"] = str(java_home(folder / "java"))
    except ImportError:
        # Then Spark looks for the machine's own.
        return


if __name__ == "__main__":
    main()
