"""Make a scored night the night that people read, whole or not at all."""

from collections.abc import Iterator
from dataclasses import asdict

import pyarrow as pa
import pyarrow.parquet as pq

from nightshift.concurrency import prefetch
from nightshift.contracts import CanaryRows, PartitionRef, Plan, Shard, ShardResult
from nightshift.errors import LostRows, SchemaMismatch
from nightshift.modelling.label_types import label_type
from nightshift.scoring.engine import added, draft, schema
from nightshift.scoring.shards import (
    SCORED_BY,
    SCORED_ON,
    empty_groups,
    first_rows,
    night_digest,
    scored_by,
    shard_file,
    store_result,
)
from nightshift.scoring.versions_of_rows import (
    VERSION,
    RowVersions,
    canary_of_night,
    merged,
    rows_by_version,
    summed,
)
from nightshift.spec import ModelSpec
from nightshift.steps._sample import keep_sample
from nightshift.stores import Stores
from nightshift.stores.manifest import CANARY_PIN, DataFile
from nightshift.stores.parquet_source import WHOLE_BYTES, ParquetSource, StoredFile, iter_row_groups, require_intact
from nightshift.validation.uniqueness import repeated_rows


def publish(spec: ModelSpec, plan: Plan, results: list[ShardResult], stores: Stores) -> PartitionRef:
    """Check that every shard is there once, rows and keys add up and the schema is the pinned one; then commit.

    Of ``results`` those count that lie where this plan puts them: a dead try of another plan may still speak. A night
    is one file, so that the plain prefix changes in one atomic copy: several shards are written into one first.
    Raises ``LostRows``, ``SchemaMismatch``, ``DamagedFile``, ``Superseded``, ``LakeUnavailable``; then nothing changed.
    """
    spec = spec.with_threshold(plan.threshold)
    ordered = _planned(spec, plan, results)
    canary = canary_of_night(plan, ordered)
    for result in ordered:
        # What this run will commit is young again, however long it waited: maintain leaves it alone.
        store_result(result, stores)
    _require_input(plan, stores)
    file = _one_file(spec, plan, ordered, stores)
    _check_rows(spec, plan, file, canary, stores)
    shards = [result.key for result in ordered]
    of_sample = keep_sample(spec, plan, ordered, stores)
    return stores.lake.commit(
        draft(spec, plan),
        [file],
        schema(spec),
        rows_in=plan.input_rows,
        inputs=plan.inputs,
        provenance=stores.provenance(
            pin=asdict(plan.pin),
            input=plan.input_digest,
            shards=shards,
            champion=plan.champion,
            seconds=stores.seconds,
            **_made_with(spec, ordered),
            **of_sample,
            **_pinned_beside(plan),
        ),
        counts=summed(ordered),
        moments=merged(ordered),
        rows_by_version=rows_by_version(plan, canary),
        canary=canary,
    )


def _require_input(plan: Plan, stores: Stores) -> None:
    """A large input was read in parts: what it was when it was planned it must still be."""
    large = {shard.key: shard for shard in plan.shards if shard.bytes > WHOLE_BYTES}
    for shard in large.values():
        require_intact(stores.lake.objects, shard)


def _planned(spec: ModelSpec, plan: Plan, results: list[ShardResult]) -> list[ShardResult]:
    """The result of each planned shard, in their order."""
    by_key = {result.key: result for result in results}
    ordered = []
    came = []
    for shard in plan.shards:
        result = by_key.get(shard_file(spec, plan, shard).key)
        if result:
            ordered.append(_of_shard(result, shard))
            came.append(shard.index)
    planned = [shard.index for shard in plan.shards]
    if came != planned:
        raise LostRows(
            f"{spec.name} {plan.partition}: shards {came} came back, planned were {planned}; what came under the keys"
            f" of other plans, or of other code, does not count ({len(results)} results in all)",
            fix="clear the score tasks; those that are done are taken up",
        )
    return ordered


def _of_shard(result: ShardResult, shard: Shard) -> ShardResult:
    if result.rows != shard.rows:
        raise LostRows(
            f"{result.key} has {result.rows} rows, its shard {shard.rows}; nothing was published",
            fix="this is a fault of Nightshift: keep the logs and report it",
        )
    return result


def _one_file(spec: ModelSpec, plan: Plan, ordered: list[ShardResult], stores: Stores) -> DataFile:
    if len(ordered) == 1:
        (only,) = ordered
        return DataFile(
            key=only.key,
            rows=only.rows,
            bytes=only.bytes,
            sha256=only.sha256,
        )
    batches = _rows_of(spec, ordered, stores)
    night = night_digest(spec, plan)
    return stores.lake.add(
        draft(spec, plan),
        0,
        prefetch(batches, depth=2),
        schema(spec),
        first_rows(night, plan.input_rows),
        empty_groups(night, plan.input_rows),
    )


def _rows_of(spec: ModelSpec, ordered: list[ShardResult], stores: Stores) -> Iterator[pa.RecordBatch]:
    """All rows of all shards. Each is held against its digest before a row of it counts."""
    columns = schema(spec).names
    for result in ordered:
        source = _checked(spec, result, stores)
        yield from _row_groups(source.open(), columns)


def _checked(spec: ModelSpec, file: StoredFile, stores: Stores) -> ParquetSource:
    source = stores.lake.source(file, wholly=True)
    opened = source.open()
    written = opened.schema_arrow
    _check_schema(spec, file.key, written)
    return source


def _check_schema(spec: ModelSpec, key: str, written: pa.Schema) -> None:
    pinned = schema(spec)
    if written == pinned:
        return
    raise SchemaMismatch(f"{key}: schema {written} is not the pinned {pinned}")


def _row_groups(file: pq.ParquetFile, columns: list[str]) -> Iterator[pa.RecordBatch]:
    groups = file.metadata.num_row_groups
    yield from iter_row_groups(file, columns, 0, groups)


def _check_rows(spec: ModelSpec, plan: Plan, file: DataFile, canary: CanaryRows | None, stores: Stores) -> None:
    """Read what will be the night once more: its schema, who made each row, that no key repeats."""
    source = _checked(spec, file, stores)
    keys = list(spec.keys)
    versions = RowVersions(plan, file.key)

    def rows() -> Iterator[pa.RecordBatch]:
        versions.begin()
        columns = [*keys, VERSION]
        file_of_night = source.open([VERSION])
        for batch in _row_groups(file_of_night, columns):
            of_keys = batch.select(keys)
            versions.check(of_keys, batch.column(VERSION))
            yield of_keys

    repeated = repeated_rows(rows, file.rows)
    versions.require(canary)
    if not repeated:
        return
    key = ", ".join(keys)
    raise LostRows(
        f"{spec.name} {plan.partition}: {repeated} rows repeat a key ({key})",
        fix=f"look at validated/{spec.name}; its keys should be unique",
    )


def _pinned_beside(plan: Plan) -> dict[str, object]:
    """What provenance says of a canary; nothing of a night without one."""
    return {CANARY_PIN: asdict(plan.canary)} if plan.canary else {}


def _made_with(spec: ModelSpec, results: list[ShardResult]) -> dict[str, object]:
    """What decided beside model and rows, and how many rows have a category that training has not seen."""
    unseen: dict[str, int] | None = None
    for result in results:
        unseen = added(unseen, result.unseen)
    return {
        "threshold": spec.predict.decides_from if label_type(spec).has_threshold else None,
        "model_yaml": spec.file_sha256,
        SCORED_BY: scored_by(spec),
        "unseen": unseen,
        SCORED_ON: sorted({result.scored_on for result in results if result.scored_on}),
    }
