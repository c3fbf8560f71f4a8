"""Score one shard, or find it scored."""

from nightshift.contracts import Plan, Shard, ShardResult
from nightshift.profiles.profile import load_profile
from nightshift.scoring import shards
from nightshift.scoring.engine import Engine, schema
from nightshift.scoring.graph import fetch
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.parquet import with_dictionaries, write


def score(spec: ModelSpec, plan: Plan, shard: Shard, stores: Stores) -> ShardResult:
    """Write the shard's predictions, or find them done. Two live copies of this task write the same bytes.

    Raises ``UnsafeGraph`` when the graph is not the pinned one, ``SchemaMismatch`` when the night lacks a
    column, ``ModelError``, ``LakeUnavailable``.
    """
    key = shards.file_key(spec, plan, shard)
    if done := shards.find(key, shard, stores):
        return done
    graph = fetch(spec, plan.pin.key, plan.pin.sha256, stores)
    engine = Engine(spec, plan, graph, load_profile(plan.pin, stores.lake))
    with stores.lake.objects.stream(key) as sink:
        rows = write(
            engine.scored(shard, stores),
            with_dictionaries(schema(spec)),
            sink,
            shards.first_rows(spec, plan, shard.rows),
        )
    counts = {name: found.tolist() for name, found in engine.counts.items()}
    return shards.keep(ShardResult(shard.index, key, rows, sink.bytes, sink.sha256, counts), stores)
