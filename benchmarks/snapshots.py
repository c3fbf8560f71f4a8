"""``snapshot.*``: a thousand small nights frozen as one DVC version, and the same window moved by a day.

The nights are published as ingest and validate publish them; what they hold is drawn from the real snapshot.
"""

import time
from datetime import date, timedelta
from statistics import median

import numpy as np
import pyarrow as pa

from benchmarks.world import World
from nightshift.contracts import SnapshotRef
from nightshift.modelling.holdout import read_snapshot
from nightshift.settings import Settings
from nightshift.spec import ModelSpec
from nightshift.steps.snapshot import snapshot
from nightshift.stores import Stores

PARTITIONS = 1_000
MANY_PARTITIONS = 10_000
MOVES = 5
ROWS = 200
FIRST = date(2000, 1, 1)


def figures(world: World) -> dict[str, float]:
    """Seconds of a snapshot that finds nothing known, and of later ones that each find all nights but one."""
    full, moved = _measured(world, PARTITIONS)
    return {
        "snapshot.seconds_per_1000_partitions": full * 1_000 / PARTITIONS,
        "snapshot.moved_vs_full": median(moved) / full,
    }


def long_figures(world: World) -> dict[str, float]:
    """The same for ten times the nights."""
    full, moved = _measured(world, MANY_PARTITIONS)
    return {
        "snapshot.seconds_per_1000_of_10000_partitions": full * 1_000 / MANY_PARTITIONS,
        "snapshot.moved_vs_full_of_10000": median(moved) / full,
    }


def _measured(world: World, partitions: int) -> tuple[float, list[float]]:
    """Seconds of the first snapshot, and of ``MOVES`` later ones."""
    spec = _model(world.spec, partitions)
    _publish(world, spec, partitions + MOVES)
    stores = Stores(_elsewhere(world, spec.name), {"by": "benchmarks"})
    last = FIRST + timedelta(days=partitions - 1)
    full, first = _timed(spec, last, stores)
    assert first.nights == partitions
    moved = [_timed(spec, last + timedelta(days=day), stores)[0] for day in range(1, MOVES + 1)]
    shown = ", ".join(f"{seconds:.2f}" for seconds in moved)
    world.console.print(f"{partitions} nights: full {full:.2f} s, moved {shown} s")
    return full, moved


def _timed(spec: ModelSpec, last: date, stores: Stores) -> tuple[float, SnapshotRef]:
    as_of = (last + timedelta(days=spec.label.delay_days)).isoformat()
    started = time.perf_counter()
    frozen = snapshot(spec, as_of, stores)
    return time.perf_counter() - started, frozen


def _model(spec: ModelSpec, partitions: int) -> ModelSpec:
    """The flights with a window of so many nights, under a name of its own."""
    return spec.model_copy(
        update={
            "name": f"bench_snapshots_{partitions}",
            "partition": spec.partition.model_copy(update={"start": FIRST}),
            "training": spec.training.model_copy(update={"window_days": partitions}),
        }
    )


def _elsewhere(world: World, name: str) -> Settings:
    """A machine and a remote that have nothing yet."""
    home = world.settings.home / name
    remote = f"{world.settings.dvc_remote}/{name}"
    return world.settings.model_copy(update={"home": home, "dvc_remote": remote})


def _publish(world: World, spec: ModelSpec, nights: int) -> None:
    real = read_snapshot(spec, world.stores.snapshots.checkout(world.snapshot.md5))
    random, numbers = np.random.default_rng(0), pa.array(np.arange(ROWS, dtype=np.int32))
    for day in range(nights):
        rows = real.take(pa.array(random.integers(0, real.num_rows, ROWS)))
        rows = rows.set_column(rows.schema.get_field_index("flight"), rows.schema.field("flight"), numbers)
        night = (FIRST + timedelta(days=day)).isoformat()
        for dataset, columns in (("validated", list(spec.columns)), ("labels", [*spec.keys, spec.label.column])):
            draft = world.stores.lake.begin(spec.key(dataset, night))
            table = rows.select(columns).sort_by([(key, "ascending") for key in spec.keys])
            world.stores.lake.publish(draft, table, provenance={})
