"""Decide a night's scoring before any of it happens: which model, which input, which shards."""

from nightshift.contracts import Dataset, Pin, Plan, Shard
from nightshift.errors import FromTheFuture
from nightshift.partitions import parse_partition
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.manifest import DataFile, Manifest


def plan(spec: ModelSpec, partition: str, stores: Stores, *, allow_future_model: bool = False) -> Plan:
    """Pin the champion, list the input once, cut it into shards.

    Raises ``UsageError``, ``MissingPartition``, ``NoChampion``, ``ModelError`` for a version that did
    not pass its gate, ``FromTheFuture`` for a night inside the champion's training window.
    """
    parse_partition(partition)
    lake, column = stores.lake, spec.partition.column
    validated = lake.require(Dataset.VALIDATED, spec.name, column, partition)
    pin = stores.registry.champion(spec.name)
    if not (allow_future_model or spec.predict.allow_future_model):
        _refuse_the_future(pin, partition)
    if published := lake.manifest(Dataset.PREDICTIONS, spec.name, column, partition):
        lake.heal(published)
    draft = lake.begin(Dataset.PREDICTIONS, spec.name, column, partition)
    return Plan(
        model=spec.name,
        partition=partition,
        pin=pin,
        generation=draft.generation,
        input_digest=validated.digest,
        input_rows=validated.rows,
        base_etag=draft.base_etag,
        shards=_shards(validated, spec.predict.shard_rows, stores),
    )


def _refuse_the_future(pin: Pin, partition: str) -> None:
    if partition <= pin.trained_through:
        raise FromTheFuture(
            f"{pin.model} version {pin.version} was trained on nights through {pin.trained_through}"
            f" and would score {partition}, which it has seen",
            fix=f"trigger {pin.model}.predict with allow_future_model, or score a later night",
        )


def _shards(manifest: Manifest, shard_rows: int, stores: Stores) -> list[Shard]:
    found: list[Shard] = []
    for file in manifest.files:
        for first, last, rows in _ranges(file, shard_rows, stores):
            found.append(Shard(len(found), file.key, file.sha256, first, last, rows))
    return found


def _ranges(file: DataFile, shard_rows: int, stores: Stores) -> list[tuple[int, int, int]]:
    metadata = stores.lake.open_parquet(file.key).metadata
    found, first, rows = [], 0, 0
    for group in range(metadata.num_row_groups):
        rows += metadata.row_group(group).num_rows
        if rows >= shard_rows or group == metadata.num_row_groups - 1:
            found.append((first, group + 1, rows))
            first, rows = group + 1, 0
    return found
