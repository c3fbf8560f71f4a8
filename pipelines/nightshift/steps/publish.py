"""Make a scored night the night that people read, whole or not at all."""

from collections.abc import Iterator
from dataclasses import asdict

import pyarrow as pa

from nightshift.concurrency import prefetch
from nightshift.contracts import PartitionRef, Plan, ShardResult
from nightshift.errors import LostRows, SchemaMismatch
from nightshift.scoring.engine import draft, schema
from nightshift.scoring.shards import first_rows, night_digest
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.lake import iter_row_groups
from nightshift.stores.manifest import DataFile
from nightshift.validation.uniqueness import repeated_rows


def publish(spec: ModelSpec, plan: Plan, results: list[ShardResult], stores: Stores) -> PartitionRef:
    """Check that every shard is there once, rows and keys add up and the schema is the pinned one; then commit.

    A night is one file, so that the plain prefix changes in one atomic copy: several shards are written
    into one first. Raises ``LostRows``, ``SchemaMismatch``, ``Superseded``, ``LakeUnavailable``; then
    nothing changed.
    """
    ordered = sorted(results, key=lambda result: result.index)
    _check_shards(spec, plan, ordered, stores)
    file = _one_file(spec, plan, ordered, stores)
    _check_keys(spec, plan, file, stores)
    provenance = stores.provenance(
        pin=asdict(plan.pin), input=plan.input_digest, shards=[result.key for result in ordered]
    )
    return stores.lake.commit(
        draft(spec, plan),
        [file],
        schema(spec),
        rows_in=plan.input_rows,
        provenance=provenance,
        counts=_summed(ordered),
    )


def _check_shards(spec: ModelSpec, plan: Plan, ordered: list[ShardResult], stores: Stores) -> None:
    if [r.index for r in ordered] != [s.index for s in plan.shards]:
        raise LostRows(
            f"{spec.name} {plan.partition}: shards {[r.index for r in ordered]} came back,"
            f" planned were {[s.index for s in plan.shards]}",
            fix="clear the missing score tasks",
        )
    for result, shard in zip(ordered, plan.shards, strict=True):
        if result.rows != shard.rows:
            raise LostRows(f"{result.key} has {result.rows} rows, its shard {shard.rows}; nothing was published")
        if (found := stores.lake.open_parquet(result.key).schema_arrow) != schema(spec):
            raise SchemaMismatch(f"{result.key}: schema {found} is not the pinned {schema(spec)}")


def _one_file(spec: ModelSpec, plan: Plan, ordered: list[ShardResult], stores: Stores) -> DataFile:
    if len(ordered) == 1:
        (only,) = ordered
        return DataFile(key=only.key, rows=only.rows, bytes=only.bytes, sha256=only.sha256)
    names = schema(spec).names
    batches = prefetch((batch for result in ordered for batch in _batches(result.key, names, stores)), depth=2)
    first = first_rows(night_digest(spec, plan), plan.input_rows)
    return stores.lake.add(draft(spec, plan), 0, batches, schema(spec), first)


def _check_keys(spec: ModelSpec, plan: Plan, file: DataFile, stores: Stores) -> None:
    again = repeated_rows(lambda: _batches(file.key, list(spec.keys), stores), file.rows)
    if again:
        raise LostRows(
            f"{spec.name} {plan.partition}: {again} rows repeat a key ({', '.join(spec.keys)})",
            fix=f"look at validated/{spec.name}; its keys should be unique",
        )


def _batches(key: str, columns: list[str], stores: Stores) -> Iterator[pa.RecordBatch]:
    file = stores.lake.open_parquet(key)
    yield from iter_row_groups(file, columns, 0, file.metadata.num_row_groups)


def _summed(ordered: list[ShardResult]) -> dict[str, list[int]]:
    names = ordered[0].counts if ordered else {}
    return {name: [sum(bins) for bins in zip(*(r.counts[name] for r in ordered), strict=True)] for name in names}
