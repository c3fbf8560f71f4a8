"""``score.overhead_vs_floor``: what a night's scoring costs besides ONNX Runtime, beside what its bytes cost at least.

Both in CPU seconds of this process and the store, by turns in one run: the step ``score`` as a task runs it, less what
its calls of ONNX Runtime took, and each part of the floor alone (``benchmarks.floor``).
"""

from collections.abc import Callable
from functools import partial
from statistics import median

from benchmarks.cpu import by_turns, cpu_seconds, onnxruntime_timed
from benchmarks.floor import floor_of
from benchmarks.nights import big_night, forget
from benchmarks.world import World
from nightshift.contracts import Plan
from nightshift.steps.score import score

ROWS = 5_000_000
ROUNDS = 5
PER_MILLION_MS = 1e9


def figures(world: World) -> dict[str, float]:
    """The median of the rounds' ratios, and of each side what it takes in CPU milliseconds per million rows."""
    return measured(world, big_night(world, ROWS, world.pin), ROUNDS)


def measured(world: World, plan: Plan, rounds: int) -> dict[str, float]:
    """The same of a night of one shard."""
    floor = floor_of(world, plan)
    runs: dict[str, Callable[[], float]] = {"besides": partial(besides_onnxruntime, world, plan)}
    for name, part in floor.parts().items():
        runs[name] = partial(cpu_seconds, world, part)
    turns = by_turns(rounds, runs)
    besides = turns.pop("besides")
    floors = [sum(parts) for parts in zip(*turns.values(), strict=True)]
    ratios = [ours / least for ours, least in zip(besides, floors, strict=True)]
    scale = PER_MILLION_MS / plan.input_rows
    values = {
        "score.overhead_vs_floor": median(ratios),
        "score.overhead_cpu_ms": median(besides) * scale,
        "score.floor_cpu_ms": median(floors) * scale,
    }
    for name, taken in turns.items():
        values[f"score.floor_cpu_ms.{name}"] = median(taken) * scale
    rounded = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    world.console.print(f"besides ONNX Runtime, beside the floor: {rounded}")
    return values


def besides_onnxruntime(world: World, plan: Plan) -> float:
    """CPU seconds of the step on a night that is not scored yet."""
    forget(plan, world.spec, world.stores)
    (shard,) = plan.shards
    with onnxruntime_timed() as clock:
        whole = cpu_seconds(world, lambda: score(world.spec, plan, shard, world.stores))
    return whole - clock.seconds
