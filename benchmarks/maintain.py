"""``maintain.*``, and ``page.*`` of a model: many nights kept and shown, beside maintenance before listings."""

import datetime as dt
import time
import tracemalloc
from statistics import mean, median

from benchmarks import pages
from benchmarks.former_maintain import former_sweep
from benchmarks.many_nights import publish_anew, write_nights
from benchmarks.requests import beyond_listings, counted
from benchmarks.world import World
from nightshift.datasets import KEEP_DAYS, Dataset
from nightshift.spec import ModelSpec
from nightshift.steps.maintain import maintain

NIGHTS = 1_000
MANY_NIGHTS = 10_000
# What it was took as long for each night, however many there were.
FORMER_NIGHTS = 60
CHANGED_NIGHTS = 20
RUNS = 3
CACHES = 2 * len(Dataset)
MIB = 2**20


def figures(world: World) -> dict[str, float]:
    """Requests and seconds at a thousand nights."""
    former_requests, before = _former(world, "bench_nights_before")
    measured = _measured(world, NIGHTS)
    _, after = _former(world, "bench_nights_after")
    former_seconds = mean([before, after])
    seconds = measured["maintain.seconds_per_1000_nights"]
    cold = measured["maintain.cold_seconds_per_1000_nights"]
    return {
        **measured,
        "maintain.former_requests_per_night": former_requests,
        "maintain.former_seconds_per_1000_nights": former_seconds,
        "maintain.vs_former": seconds / former_seconds,
        "maintain.cold_vs_former": cold / former_seconds,
    }


def long_figures(world: World) -> dict[str, float]:
    """The same for ten times the nights."""
    measured = _measured(world, MANY_NIGHTS)
    return {f"{name}_at_10000": value for name, value in measured.items()}


def _measured(world: World, nights: int) -> dict[str, float]:
    spec = _model(world.spec, f"bench_nights_{nights}")
    lake = world.stores.lake
    world.console.print(f"writing {nights:,} nights ...")
    partitions = write_nights(lake, spec, nights)
    cold_requests, cold_seconds = _maintained(world, spec)
    warm = [_maintained(world, spec) for _ in range(RUNS)]
    warm_requests, _ = warm[0]
    warm_seconds = median(seconds for _, seconds in warm)
    mib = _peak_mib(world, spec)
    for night in partitions[-CHANGED_NIGHTS:]:
        publish_anew(lake, spec, night)
    changed_requests, _ = _maintained(world, spec)
    page = pages.of_nights(world, spec)
    world.console.print(f"{nights:,} nights: cold {cold_seconds:.1f} s, unchanged {warm_seconds:.1f} s")
    return {
        "maintain.requests_per_night": warm_requests / nights,
        "maintain.cold_requests_per_night": cold_requests / nights,
        "maintain.requests_per_changed_night": (changed_requests - CACHES) / CHANGED_NIGHTS,
        "maintain.seconds_per_1000_nights": warm_seconds * 1_000 / nights,
        "maintain.cold_seconds_per_1000_nights": cold_seconds * 1_000 / nights,
        "maintain.peak_mib": mib,
        **page,
    }


def _maintained(world: World, spec: ModelSpec) -> tuple[int, float]:
    """Requests beyond listings, and seconds."""
    with counted(world.stores.lake) as requests:
        started = time.perf_counter()
        maintain(spec, world.stores, older_than_days=KEEP_DAYS)
        seconds = time.perf_counter() - started
    return beyond_listings(requests), seconds


def _peak_mib(world: World, spec: ModelSpec) -> float:
    """What one more run takes at most, in Python's own memory."""
    tracemalloc.start()
    maintain(spec, world.stores, older_than_days=KEEP_DAYS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / MIB


def _former(world: World, name: str) -> tuple[float, float]:
    """Requests of a night, and seconds of a thousand; before and after, so that noise of the machine meets both."""
    spec = _model(world.spec, name)
    lake = world.stores.lake
    write_nights(lake, spec, FORMER_NIGHTS)
    with counted(lake) as requests:
        started = time.perf_counter()
        to_do = former_sweep(spec, lake, dt.datetime.now(dt.UTC))
        seconds = time.perf_counter() - started
    assert to_do == 0
    world.console.print(f"before listings: {requests.total() / FORMER_NIGHTS:.0f} requests a night")
    return requests.total() / FORMER_NIGHTS, seconds * 1_000 / FORMER_NIGHTS


def _model(spec: ModelSpec, name: str) -> ModelSpec:
    """The flights under a name of their own."""
    return spec.model_copy(update={"name": name})
