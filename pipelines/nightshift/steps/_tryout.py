"""Whether a version could score now: its graph opens, is that of its record, and takes the newest night's columns."""

from nightshift.contracts import Dataset, Pin, Plan, Shard
from nightshift.profiles.profile import load_profile
from nightshift.scoring.engine import Engine
from nightshift.scoring.graph import fetch
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.manifest import DataFile, Manifest

MOST_NIGHTS = 7


def try_out(spec: ModelSpec, pin: Pin, stores: Stores) -> str | None:
    """Score one row of the newest validated night that has any; that night, or None where there is none.

    Raises ``MissingPartition``, ``UnsafeGraph``, ``OtherLabel``, ``SchemaMismatch``, ``ModelError``, and
    ``UnreadableRecord`` or ``DamagedFile`` for its profile: all before anything has moved.
    """
    graph = fetch(spec, pin.key, pin.sha256, stores)
    profile = load_profile(pin, stores.lake)
    newest = _newest(spec, stores)
    if newest is None:
        return None
    night, file = newest
    plan = Plan(
        model=spec.name,
        partition=night.partition,
        pin=pin,
        generation=night.generation,
        input_digest=night.digest,
        input_rows=night.rows,
        base_etag=None,
        shards=[],
    )
    engine = Engine(spec, plan, graph, profile)
    shard = _first_rows(file, stores)
    for batch in engine.read(shard, stores):
        if batch.num_rows:
            engine.score_unit(batch.slice(0, 1))
            break
    return night.partition


def _newest(spec: ModelSpec, stores: Stores) -> tuple[Manifest, DataFile] | None:
    column = spec.partition.column
    nights = stores.lake.partitions(Dataset.VALIDATED, spec.name, column)
    newest = nights[-MOST_NIGHTS:]
    for partition in reversed(newest):
        key = spec.key(Dataset.VALIDATED, partition)
        night = stores.lake.readable(key)
        if night is None:
            continue
        for file in night.files:
            if file.rows:
                return night, file
    return None


def _first_rows(file: DataFile, stores: Stores) -> Shard:
    metadata = stores.lake.source(file).open().metadata
    sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    first = next(group for group, rows in enumerate(sizes) if rows)
    return Shard(
        index=0,
        key=file.key,
        sha256=file.sha256,
        first=first,
        last=first + 1,
        rows=sizes[first],
        bytes=file.bytes,
    )
