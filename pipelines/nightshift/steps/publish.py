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
    shards = [result.key for result in ordered]
    return stores.lake.commit(
        draft(spec, plan),
        [file],
        schema(spec),
        rows_in=plan.input_rows,
        provenance=stores.provenance(pin=asdict(plan.pin), input=plan.input_digest, shards=shards),
        counts=_summed(ordered),
    )


def _check_shards(spec: ModelSpec, plan: Plan, ordered: list[ShardResult], stores: Stores) -> None:
    came = [result.index for result in ordered]
    planned = [shard.index for shard in plan.shards]
    if came != planned:
        raise LostRows(
            f"{spec.name} {plan.partition}: shards {came} came back, planned were {planned}",
            fix="clear the missing score tasks",
        )
    pinned = schema(spec)
    for result, shard in zip(ordered, plan.shards, strict=True):
        if result.rows != shard.rows:
            raise LostRows(f"{result.key} has {result.rows} rows, its shard {shard.rows}; nothing was published")
        written = stores.lake.open_parquet(result.key).schema_arrow
        if written != pinned:
            raise SchemaMismatch(f"{result.key}: schema {written} is not the pinned {pinned}")


def _one_file(spec: ModelSpec, plan: Plan, ordered: list[ShardResult], stores: Stores) -> DataFile:
    if len(ordered) == 1:
        (only,) = ordered
        return DataFile(
            key=only.key,
            rows=only.rows,
            bytes=only.bytes,
            sha256=only.sha256,
        )
    keys = [result.key for result in ordered]
    pinned = schema(spec)
    batches = _batches(keys, pinned.names, stores)
    night = night_digest(spec, plan)
    return stores.lake.add(
        draft(spec, plan),
        0,
        prefetch(batches, depth=2),
        pinned,
        first_rows(night, plan.input_rows),
    )


def _check_keys(spec: ModelSpec, plan: Plan, file: DataFile, stores: Stores) -> None:
    def keys() -> Iterator[pa.RecordBatch]:
        return _batches([file.key], list(spec.keys), stores)

    repeated = repeated_rows(keys, file.rows)
    if repeated:
        raise LostRows(
            f"{spec.name} {plan.partition}: {repeated} rows repeat a key ({', '.join(spec.keys)})",
            fix=f"look at validated/{spec.name}; its keys should be unique",
        )


def _batches(keys: list[str], columns: list[str], stores: Stores) -> Iterator[pa.RecordBatch]:
    for key in keys:
        file = stores.lake.open_parquet(key)
        groups = file.metadata.num_row_groups
        yield from iter_row_groups(file, columns, 0, groups)


def _summed(results: list[ShardResult]) -> dict[str, list[int]]:
    """Rows per bin of the whole night, by feature."""
    summed: dict[str, list[int]] = {}
    for result in results:
        for name, counts in result.counts.items():
            before = summed.get(name, [0] * len(counts))
            summed[name] = [sum(pair) for pair in zip(before, counts, strict=True)]
    return summed
