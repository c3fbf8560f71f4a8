"""``score.*``: 5,000,000 flights from S3 to S3, beside ONNX Runtime alone and what people do today."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.cpu import by_turns, cpu_seconds, median_and_upper_quartile
from benchmarks.nights import big_night, forget
from benchmarks.peers import PeerUnavailable, peers
from benchmarks.rivals import Run, onnxruntime_alone, pyfunc, seconds
from benchmarks.world import World
from nightshift.contracts import Plan
from nightshift.profiles.profile import load_profile
from nightshift.scoring.engine import Engine, schema
from nightshift.scoring.graph import fetch
from nightshift.steps.score import score
from nightshift.stores.parquet import with_dictionaries, write

ROWS = 5_000_000
REPEATS = 5
PROFILE_ROUNDS = 7


def figures(world: World) -> dict[str, float]:
    """Ratios of seconds, taken side by side round by round; the median of the ratios."""
    chosen = big_night(world, ROWS, world.pin)
    exact = replace(chosen, pin=replace(world.pin, sha256=world.exact.sha256, key=world.exact.key))
    console = world.console
    console.print(f"{ROWS:,} rows; chosen variant: {world.chosen.variant}, fastest exact one: {world.exact.variant}")
    runs = {
        "chosen": _ours(world, chosen),
        "exact": _ours(world, exact),
        "pyfunc": pyfunc(world, chosen),
    }
    found = _rounds(world, runs)
    for name, plan in (("chosen", chosen), ("exact", exact)):
        # By turns of its own, so that the batches in memory are not there while others are measured.
        turns = _rounds(world, {name: _ours(world, plan), "alone": onnxruntime_alone(world, plan)})
        found[f"alone_{name}"] = [ours / alone for ours, alone in zip(turns[name], turns["alone"], strict=True)]
    return {
        "score.vs_ort": 1 / median(found["alone_exact"]),
        "score.chosen_vs_ort": 1 / median(found["alone_chosen"]),
        "score.vs_pyfunc": _ratio(found, "pyfunc", "chosen"),
        "score.fp32_vs_pyfunc": _ratio(found, "pyfunc", "exact"),
        **_profile_overhead(world, chosen),
        "score.rows_per_second": ROWS / median(found["chosen"]),
        "score.fp32_rows_per_second": ROWS / median(found["exact"]),
        **_peers(world, chosen),
    }


def _rounds(world: World, runs: dict[str, Run]) -> dict[str, list[float]]:
    """Seconds of each run, ``REPEATS`` times in turn after one to warm up."""
    for run in runs.values():
        run()
    found: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(REPEATS):
        for name, run in runs.items():
            found[name].append(seconds(run))
        world.console.print(", ".join(f"{name} {taken[-1]:.1f} s" for name, taken in found.items()))
    return found


def _ratio(found: dict[str, list[float]], other: str, ours: str) -> float:
    return median(theirs / mine for theirs, mine in zip(found[other], found[ours], strict=True))


def _ours(world: World, plan: Plan, *, profiled: bool | None = None) -> Run:
    """The step as it is; or, with ``profiled`` given, its engine with and without the counting."""

    def step() -> None:
        forget(plan, world.spec, world.stores)
        score(world.spec, plan, plan.shards[0], world.stores)

    def engine() -> None:
        spec, stores = world.spec, world.stores
        profile = load_profile(plan.pin, stores.lake)
        if not profiled:
            profile = profile.model_copy(update={"features": ()})
        graph = fetch(spec, plan.pin.key, plan.pin.sha256, stores)
        with stores.lake.objects.stream("scratch/engine.parquet") as sink:
            write(
                Engine(spec, plan, graph, profile).score_shard(plan.shards[0], stores),
                with_dictionaries(schema(spec)),
                sink,
            )

    return step if profiled is None else engine


def _profile_overhead(world: World, plan: Plan) -> dict[str, float]:
    """CPU of scoring with the night's profile counted beside that without, round by round."""
    runs = {
        "with": partial(cpu_seconds, world, _ours(world, plan, profiled=True)),
        "without": partial(cpu_seconds, world, _ours(world, plan, profiled=False)),
    }
    turns = by_turns(PROFILE_ROUNDS, runs)
    ratios = [profiled / bare for profiled, bare in zip(turns["with"], turns["without"], strict=True)]
    middle, upper = median_and_upper_quartile(ratios)
    return {"score.profile_overhead": middle, "score.profile_overhead_upper_quartile": upper}


def _peers(world: World, plan: Plan) -> dict[str, float]:
    """Ray Data and Spark with the same graph, where they install; each by turns with ours."""
    found: dict[str, float] = {}
    for name, ratios, start_up in _peer_rounds(world, plan):
        found |= {f"score.vs_{name}": median(ratios), f"score.{name}_start_up_seconds": start_up}
    return found


def _peer_rounds(world: World, plan: Plan) -> Iterator[tuple[str, list[float], float]]:
    objects, ours = world.stores.lake.objects, _ours(world, plan)
    with tempfile.TemporaryDirectory(prefix="nightshift-graph-") as folder:
        graph = Path(folder) / "model.onnx"
        body = objects.get(plan.pin.key)
        assert body
        graph.write_bytes(body[0])
        source = f"s3://{objects.path(plan.shards[0].key)}"
        target = f"s3://{objects.path('scratch')}"
        threshold, keys = world.spec.predict.threshold, world.spec.keys
        for peer in peers(source, target, keys, threshold, graph, world.stack.env(), world.console):
            try:
                peer.run()
                pairs = [(peer.run(), seconds(ours)) for _ in range(REPEATS)]
            except PeerUnavailable as error:
                world.console.print(f"absent: {error}")
                continue
            for theirs, mine in pairs:
                world.console.print(f"{peer.name} {theirs:.1f} s, nightshift {mine:.1f} s")
            yield peer.name, [theirs / mine for theirs, mine in pairs], peer.start_up_s
