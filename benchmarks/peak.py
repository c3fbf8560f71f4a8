"""Peak memory of scoring and publishing one night, in a process of its own: ``python -m benchmarks.peak < plan``."""

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from pipelines.contracts import Plan
from pipelines.settings import load_settings
from pipelines.spec import find_spec
from pipelines.stores import Stores

if TYPE_CHECKING:
    from benchmarks.world import World


@dataclass(frozen=True)
class Peak:
    """Largest resident memory in MiB, and wall time from score to commit."""

    mib: float
    seconds: float


def measure(world: "World", plan: Plan) -> Peak:
    """Score and publish in a child, and ask it."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.peak"],
        input=json.dumps(asdict(plan)),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **world.stack.env()},
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return Peak(**json.loads(done.stdout))


def main() -> None:
    """The steps as a worker runs them, every row scored."""
    from benchmarks.nights import forget
    from pipelines.steps.publish import publish
    from pipelines.steps.score import score

    plan = TypeAdapter(Plan).validate_json(sys.stdin.read())
    settings = load_settings()
    spec, stores = find_spec(settings.models, plan.model), Stores(settings, {"by": "benchmarks"})
    forget(plan, spec, stores)
    started = time.perf_counter()
    publish(spec, plan, [score(spec, plan, shard, stores) for shard in plan.shards], stores)
    taken = time.perf_counter() - started
    print(json.dumps(asdict(Peak(_peak_mib(), taken))))


def _peak_mib() -> float:
    # Not getrusage: its ru_maxrss begins with what the parent held when it started this process.
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024  # type: ignore[index]


if __name__ == "__main__":
    main()
