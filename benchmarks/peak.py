"""Peak memory of a step on one night, in a process of its own: ``python -m benchmarks.peak VERB < order``."""

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from nightshift.contracts import Plan
from nightshift.settings import load_settings
from nightshift.spec import ModelSpec, find_spec
from nightshift.stores import Stores

if TYPE_CHECKING:
    from benchmarks.world import World


@dataclass(frozen=True)
class Peak:
    """Largest resident memory in MiB, and wall time of the steps."""

    mib: float
    seconds: float


def scoring(world: "World", plan: Plan) -> Peak:
    """Score and publish a night, every row scored."""
    return _child(world, "score", asdict(plan))


def validating(world: "World", spec: ModelSpec, night: str) -> Peak:
    """Validate a raw night."""
    return _child(world, "validate", {"spec": spec.model_dump(mode="json"), "night": night})


def _child(world: "World", verb: str, order: dict[str, Any]) -> Peak:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.peak", verb],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **world.stack.env()},
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return Peak(**json.loads(done.stdout.splitlines()[-1]))


def _score(order: dict[str, Any]) -> None:
    from benchmarks.nights import forget
    from nightshift.steps.predict import score_and_publish

    plan = TypeAdapter(Plan).validate_python(order)
    settings = load_settings()
    spec, stores = find_spec(settings.models, plan.model), Stores(settings, {"by": "benchmarks"})
    forget(plan, spec, stores)
    score_and_publish(spec, plan, stores)


def _validate(order: dict[str, Any]) -> None:
    from nightshift.steps.validate import validate

    validate(ModelSpec.model_validate(order["spec"]), order["night"], Stores(load_settings(), {"by": "benchmarks"}))


def main() -> None:
    """The steps as a worker runs them."""
    run, order = {"score": _score, "validate": _validate}[sys.argv[1]], json.load(sys.stdin)
    started = time.perf_counter()
    run(order)
    print(json.dumps(asdict(Peak(_peak_mib(), time.perf_counter() - started))))


def _peak_mib() -> float:
    # Not getrusage: its ru_maxrss begins with what the parent held when it started this process.
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024  # type: ignore[index]


if __name__ == "__main__":
    main()
