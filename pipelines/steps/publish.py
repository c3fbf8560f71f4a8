"""Make a scored night the night that people read, whole or not at all."""

from dataclasses import asdict

from pipelines.contracts import PartitionRef, Plan, ShardResult
from pipelines.errors import LostRows, SchemaMismatch
from pipelines.spec import ModelSpec
from pipelines.steps.score import draft, schema
from pipelines.stores import Stores
from pipelines.stores.lake import reading
from pipelines.stores.manifest import DataFile


def publish(spec: ModelSpec, plan: Plan, results: list[ShardResult], stores: Stores) -> PartitionRef:
    """Check that every shard is there once, rows and keys add up and the schema is the pinned one; then commit.

    Raises ``LostRows``, ``SchemaMismatch``, ``Superseded``, ``LakeUnavailable``; then nothing changed.
    """
    ordered = sorted(results, key=lambda result: result.index)
    if [r.index for r in ordered] != [s.index for s in plan.shards]:
        raise LostRows(
            f"{spec.name} {plan.partition}: shards {[r.index for r in ordered]} came back,"
            f" planned were {[s.index for s in plan.shards]}",
            fix="clear the missing score tasks",
        )
    files = [DataFile(key=r.key, rows=r.rows, bytes=r.bytes, sha256=r.sha256) for r in ordered]
    _check_files(spec, plan, files, stores)
    provenance = stores.provenance(pin=asdict(plan.pin), input=plan.input_digest)
    return stores.lake.commit(draft(spec, plan), files, schema(spec), rows_in=plan.input_rows, provenance=provenance)


def _check_files(spec: ModelSpec, plan: Plan, files: list[DataFile], stores: Stores) -> None:
    import pyarrow as pa

    keys = []
    for file in files:
        opened = stores.lake.open_parquet(file.key)
        if opened.schema_arrow != schema(spec):
            raise SchemaMismatch(f"{file.key}: schema {opened.schema_arrow} is not the pinned {schema(spec)}")
        with reading(file.key):
            keys.append(opened.read(columns=list(spec.keys)))
    night = pa.concat_tables(keys)
    distinct = night.group_by(list(spec.keys)).aggregate([]).num_rows
    if distinct != night.num_rows:
        raise LostRows(
            f"{spec.name} {plan.partition}: {night.num_rows - distinct} rows repeat a key ({', '.join(spec.keys)})",
            fix=f"look at validated/{spec.name}; its keys should be unique",
        )
