"""``score.two_workers``: a night on two workers of one core each, beside one; ``python -m benchmarks.two_workers``.

5,000,000 rows, the exact graph, wall seconds by turns; start-up is given apart, and the ratio with it besides. Workers
are processes with shards of the night each, as Airflow's tasks are, or those that Ray and Spark start. It says
something on a quiet machine alone.
"""

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

import pyarrow.parquet as pq
from rich.console import Console

from benchmarks.nights import big_night, forget
from benchmarks.workers import AIRFLOW, Timing, WorkersAbsent, airflow_way, engine_way
from benchmarks.world import World
from nightshift.contracts import Plan, Shard

ROWS = 5_000_000
SHARDS = 8
ROUNDS = 3
Way = Callable[[World, Plan, Sequence[int]], Timing]
WAYS: dict[str, Way] = {
    AIRFLOW: airflow_way,
    "ray": partial(engine_way, engine="ray"),
    "spark": partial(engine_way, engine="spark"),
}


def figures(world: World) -> dict[str, float]:
    """Ratios of wall seconds, the median of the rounds; what is absent, ``world.absent`` tells why."""
    return measured(world, ROWS, ROUNDS)


def measured(world: World, rows: int, rounds: int) -> dict[str, float]:
    """The same of a night of so many rows."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        world.absent["score.two_workers"] = "this machine gives one core"
        return {}
    night = big_night(world, rows, world.pin)
    exact = replace(night, pin=replace(world.pin, sha256=world.exact.sha256, key=world.exact.key))
    plan = in_shards(world, exact, SHARDS)
    values: dict[str, float] = {}
    for name, way in WAYS.items():
        figure = "score.two_workers" if name == AIRFLOW else f"score.two_workers_{name}"
        try:
            values |= _compared(world, plan, figure, partial(_timed, world, plan, way), cores[:2], rounds)
        except WorkersAbsent as error:
            world.absent[figure] = str(error)
            world.console.print(f"absent: {error}")
    return values


def in_shards(world: World, plan: Plan, count: int) -> Plan:
    """A night of one shard as so many of about equal rows, cut between row groups as plans are."""
    (night,) = plan.shards
    footer = world.stores.lake.source(night).open().metadata
    count = min(count, footer.num_row_groups)
    edges = [footer.num_row_groups * place // count for place in range(count + 1)]
    shards = []
    for index in range(count):
        shards.append(_part(night, index, range(edges[index], edges[index + 1]), footer))
    return replace(plan, shards=shards)


def _part(night: Shard, index: int, groups: range, footer: pq.FileMetaData) -> Shard:
    rows = sum(footer.row_group(group).num_rows for group in groups)
    return replace(night, index=index, first=groups.start, last=groups.stop, rows=rows)


def _timed(world: World, plan: Plan, way: Way, cores: Sequence[int]) -> Timing:
    forget(plan, world.spec, world.stores)
    return way(world, plan, cores)


def _compared(
    world: World,
    plan: Plan,
    figure: str,
    run: Callable[[Sequence[int]], Timing],
    cores: Sequence[int],
    rounds: int,
) -> dict[str, float]:
    ones, twos = [], []
    for number in range(rounds):
        for count in _in_turn(number):
            timing = run(cores[:count])
            (ones if count == 1 else twos).append(timing)
            world.console.print(f"{figure}, {count}: {timing.work:.1f} s after {timing.start_up:.1f} s")
    pairs = list(zip(ones, twos, strict=True))
    return {
        figure: median(two.work / one.work for one, two in pairs),
        f"{figure}.with_start_up": median(two.whole / one.whole for one, two in pairs),
        f"{figure}.seconds_of_one": median(one.work for one in ones),
        f"{figure}.start_up_seconds": median(two.start_up for two in twos),
    }


def _in_turn(number: int) -> Iterator[int]:
    """One worker and two; every second round begins with two."""
    yield from ((1, 2) if number % 2 == 0 else (2, 1))


def main() -> None:
    """By itself, on a night of any size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.two_workers", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory(prefix="nightshift-bench-") as folder, World(Path(folder), console) as world:
        for name, value in measured(world, arguments.rows, arguments.rounds).items():
            console.print(f"{name}: {value:.3f}")


if __name__ == "__main__":
    main()
