"""Score one shard, or find it scored."""

import hashlib

import pyarrow as pa

from nightshift.contracts import CanaryRows, Plan, Shard, ShardResult
from nightshift.profiles.profile import load_profile
from nightshift.scoring import shards
from nightshift.scoring.engine import Engine, schema
from nightshift.scoring.graph import fetch
from nightshift.scoring.machine import kernels_here
from nightshift.scoring.sample import as_parquet
from nightshift.scoring.scorer import Scorer, VersionTally, unable_canary
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.parquet import with_dictionaries, write


def score(spec: ModelSpec, plan: Plan, shard: Shard, stores: Stores) -> ShardResult:
    """Write the shard's predictions, or find them done. Two live copies of this task write the same bytes.

    Raises ``UnsafeGraph`` when the graph is not the pinned one, ``SchemaMismatch`` when the night lacks a
    column, ``ModelError``, ``LakeUnavailable``.
    """
    spec = spec.with_threshold(plan.threshold)
    file = shards.shard_file(spec, plan, shard)
    finished = shards.load_result(file.key, shard, stores)
    if finished is not None:
        return finished
    graph = fetch(spec, plan.pin.key, plan.pin.sha256, stores)
    profile = load_profile(plan.pin, stores.lake)
    canary = _canary(spec, plan, stores)
    engine = Engine(spec, plan, graph, profile, canary)
    predictions = engine.score_shard(shard, stores)
    columns = with_dictionaries(schema(spec))
    with stores.lake.objects.stream(file.key) as sink:
        rows = write(predictions, columns, sink, file.first_rows, file.empty_groups)
    sample_sha256 = _keep_sample(engine, file.key, stores)
    result = ShardResult(
        index=shard.index,
        key=file.key,
        rows=rows,
        bytes=sink.bytes,
        sha256=sink.sha256,
        counts=_counts(engine.tally),
        unseen=engine.tally.unseen,
        moments=_moments(engine.tally),
        sample_sha256=sample_sha256,
        canary=_of_canary(engine),
        scored_on=kernels_here(),
    )
    return shards.store_result(result, stores)


def _canary(spec: ModelSpec, plan: Plan, stores: Stores) -> Scorer | None:
    """Who scores a share of the rows, opened. Raises as ``score``, and says how to go on without it."""
    canary = plan.canary
    if canary is None:
        return None
    pin = canary.pin
    own = spec.with_threshold(canary.threshold)
    with unable_canary(pin):
        graph = fetch(own, pin.key, pin.sha256, stores)
        profile = load_profile(pin, stores.lake)
        return Scorer(own, pin, graph, profile)


def _of_canary(engine: Engine) -> CanaryRows | None:
    if engine.canary is None:
        return None
    tally = engine.canary_tally
    return CanaryRows(
        rows=tally.rows,
        counts=_counts(tally),
        unseen=tally.unseen,
        moments=_moments(tally),
    )


def _counts(tally: VersionTally) -> dict[str, list[int]]:
    return {column: bins.tolist() for column, bins in tally.counts.items()}


def _moments(tally: VersionTally) -> dict[str, list[float]]:
    return {column: list(of_column) for column, of_column in tally.moments.items()}


def _keep_sample(engine: Engine, shard: str, stores: Stores) -> str:
    """The shard's part of a large night's sample, beside it; its digest, empty for a small night."""
    if not engine.sampled:
        return ""
    body = as_parquet(pa.Table.from_batches(engine.sampled))
    stores.lake.objects.put(layout.shard_sample(shard), body)
    return hashlib.sha256(body).hexdigest()
