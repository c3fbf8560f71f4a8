"""Score one shard, or find it scored."""

import hashlib

import pyarrow as pa

from nightshift.contracts import Plan, Shard, ShardResult
from nightshift.profiles.profile import load_profile
from nightshift.scoring import shards
from nightshift.scoring.engine import Engine, schema
from nightshift.scoring.graph import fetch
from nightshift.scoring.sample import as_parquet
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
    engine = Engine(spec, plan, graph, load_profile(plan.pin, stores.lake))
    predictions = engine.score_shard(shard, stores)
    columns = with_dictionaries(schema(spec))
    with stores.lake.objects.stream(file.key) as sink:
        rows = write(predictions, columns, sink, file.first_rows, file.empty_groups)
    counts = {column: bins.tolist() for column, bins in engine.counts.items()}
    moments = {column: list(of_column) for column, of_column in engine.moments.items()}
    result = ShardResult(
        index=shard.index,
        key=file.key,
        rows=rows,
        bytes=sink.bytes,
        sha256=sink.sha256,
        counts=counts,
        unseen=engine.unseen,
        moments=moments,
        sample_sha256=_keep_sample(engine, file.key, stores),
    )
    return shards.store_result(result, stores)


def _keep_sample(engine: Engine, shard: str, stores: Stores) -> str:
    """The shard's part of a large night's sample, beside it; its digest, empty for a small night."""
    if not engine.sampled:
        return ""
    body = as_parquet(pa.Table.from_batches(engine.sampled))
    stores.lake.objects.put(layout.shard_sample(shard), body)
    return hashlib.sha256(body).hexdigest()
