"""Score one shard: Arrow batches from S3 through ONNX Runtime into a new generation."""

from collections.abc import Iterator

import pyarrow as pa

from pipelines.contracts import Plan, Shard, ShardResult
from pipelines.spec import ModelSpec
from pipelines.steps.graph import Graph, fetch
from pipelines.steps.plan import PREDICTIONS
from pipelines.stores import Stores
from pipelines.stores.lake import Draft, iter_row_groups
from pipelines.stores.parquet import ARROW_TYPES


def score(spec: ModelSpec, plan: Plan, shard: Shard, stores: Stores) -> ShardResult:
    """Write the shard's predictions. Two live copies of this task write the same bytes to the same key.

    Raises ``UnsafeGraph`` when the graph is not the pinned one, ``ModelError``, ``LakeUnavailable``.
    """
    graph = fetch(spec, plan.pin.key, plan.pin.sha256, stores)
    file = stores.lake.open_parquet(shard.key)
    needed = list(dict.fromkeys([*spec.keys, *spec.features]))
    batches = iter_row_groups(file, needed, shard.first, shard.last)
    written = stores.lake.add(draft(spec, plan), shard.index, _scored(spec, plan, graph, batches), schema(spec))
    return ShardResult(shard.index, written.key, written.rows, written.bytes, written.sha256)


def draft(spec: ModelSpec, plan: Plan) -> Draft:
    """The generation that a plan opened."""
    return Draft(PREDICTIONS, spec.name, spec.partition.column, plan.partition, plan.generation, plan.base_etag)


def schema(spec: ModelSpec) -> pa.Schema:
    """Keys, score, prediction, and which model said so."""
    return pa.schema([
        *(pa.field(key, ARROW_TYPES[spec.columns[key].type]) for key in spec.keys),
        pa.field(spec.predict.score, pa.float32()),
        pa.field(spec.predict.prediction, pa.bool_()),
        pa.field("model_version", pa.string()),
        pa.field("run_id", pa.string()),
    ])  # fmt: skip


def _scored(spec: ModelSpec, plan: Plan, graph: Graph, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    shape = schema(spec)
    for batch in batches:
        scores = graph.score(batch)
        columns = [
            *(batch.column(key) for key in spec.keys),
            pa.array(scores),
            pa.array(scores >= spec.predict.threshold),
            pa.repeat(plan.pin.version, batch.num_rows),
            pa.repeat(plan.pin.run_id, batch.num_rows),
        ]
        yield pa.record_batch(columns, schema=shape)
