"""Decide a night's scoring before any of it happens: which model, which input, which shards."""

from collections.abc import Iterator
from contextlib import suppress

from nightshift.contracts import Dataset, Pin, Plan, Shard
from nightshift.errors import FromTheFuture, MissingPartition, NoChampion
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.manifest import CHAMPION_MOVE, DataFile, Manifest, sequences


def plan(spec: ModelSpec, partition: str, stores: Stores, *, allow_future_model: bool = False) -> Plan:
    """Take the base, pin the champion, list the input once, cut it into shards.

    Raises ``UsageError``, ``MissingPartition``, ``NoChampion``, ``ModelError`` for a version that did
    not pass its gate, or has no threshold for ``predict.share``, ``FromTheFuture`` for a night inside the champion's
    training window.
    """
    predictions = spec.key(Dataset.PREDICTIONS, partition)
    spec.require_night(partition)
    draft = stores.lake.begin(predictions)
    validated = stores.lake.require(spec.key(Dataset.VALIDATED, partition))
    published = stores.lake.manifest(predictions)
    pin, move = _champion(spec, published, stores)
    if not (allow_future_model or spec.predict.allow_future_model):
        _refuse_the_future(pin, partition)
    share = spec.predict.share
    if published:
        # What is lost of the night that stands does not keep it from being made anew.
        with suppress(MissingPartition):
            stores.lake.heal(published)
    return Plan(
        model=spec.name,
        partition=partition,
        pin=pin,
        generation=draft.generation,
        input_digest=validated.digest,
        input_rows=validated.rows,
        base_etag=draft.base_etag,
        shards=_shards(validated, spec.predict.shard_rows, stores),
        inputs=sequences(validated) | {CHAMPION_MOVE: move},
        threshold=None if share is None else stores.registry.threshold(pin, share),
    )


def _champion(spec: ModelSpec, published: Manifest | None, stores: Stores) -> tuple[Pin, int]:
    """Who scores, and by which move; where none was ever written, whom MLflow shows, if it passed its gate."""
    known = published.inputs.get(CHAMPION_MOVE, 0) if published else 0
    try:
        return stores.aliases.champion(spec.name, known)
    except NoChampion:
        return stores.registry.champion(spec.name), known


def _refuse_the_future(pin: Pin, partition: str) -> None:
    if partition <= pin.trained_through:
        raise FromTheFuture(
            f"{pin.model} version {pin.version} was trained on nights through {pin.trained_through}"
            f" and would score {partition}, which it has seen",
            fix=f"trigger {pin.model}.predict with allow_future_model, or score a later night",
        )


def _shards(manifest: Manifest, shard_rows: int, stores: Stores) -> list[Shard]:
    shards: list[Shard] = []
    for file in manifest.files:
        for first, last, rows in _ranges(file, shard_rows, stores):
            shard = Shard(
                index=len(shards),
                key=file.key,
                sha256=file.sha256,
                first=first,
                last=last,
                rows=rows,
                bytes=file.bytes,
            )
            shards.append(shard)
    return shards


def _ranges(file: DataFile, shard_rows: int, stores: Stores) -> Iterator[tuple[int, int, int]]:
    """Runs of row groups with at least ``shard_rows`` rows, but for the last: first, end and rows of each."""
    metadata = stores.lake.source(file).open().metadata
    first = 0
    rows = 0
    for group in range(metadata.num_row_groups):
        rows += metadata.row_group(group).num_rows
        is_last = group == metadata.num_row_groups - 1
        if rows >= shard_rows or is_last:
            yield first, group + 1, rows
            first = group + 1
            rows = 0
