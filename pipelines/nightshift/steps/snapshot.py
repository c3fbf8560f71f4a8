"""Freeze what a training may learn from, as one DVC version."""

from pathlib import Path

import pyarrow as pa

from nightshift.concurrency import ordered_map
from nightshift.contracts import Dataset, SnapshotRef
from nightshift.errors import LostRows, MissingPartition, SchemaMismatch
from nightshift.modelling.holdout import read_snapshot
from nightshift.partitions import between
from nightshift.spec import ModelSpec
from nightshift.steps import _join_cache as known_nights
from nightshift.steps._join_cache import CachedNight
from nightshift.steps.load import window
from nightshift.stores import Stores, parquet
from nightshift.stores.cache import Blob

FILE = "part-00000.parquet"
# One waits for the store while another joins.
READERS = 4


def snapshot(spec: ModelSpec, as_of: str, stores: Stores) -> SnapshotRef:
    """Join features and labels of the window into one file per night, and push as one DVC version.

    Only nights that were not joined before are, and only what the remote lacks is pushed. The window ends with
    the last night whose labels a run on ``as_of`` can see. Nights without source data are simply not there.
    Raises ``MissingPartition`` when too few nights are.
    """
    first, last = window(spec, as_of)
    wanted = between(first, last)
    sources = known_nights.sources(spec, stores)
    nights = [night for night in wanted if night in sources]
    if len(nights) <= spec.training.holdout_days:
        raise MissingPartition(
            f"{spec.name}: {len(nights)} validated and labelled nights from {first} to {last},"
            f" of which {spec.training.holdout_days} are held out: nothing to learn from",
            fix=f"nightshift load {spec.name} {first} {last}",
        )
    joined = _joined(spec, {night: sources[night] for night in nights}, stores)
    files = {f"{spec.partition.column}={night}/{FILE}": joined[night].blob for night in nights}
    return SnapshotRef(
        model=spec.name,
        md5=stores.snapshots.freeze(files),
        as_of=as_of,
        first_night=nights[0],
        last_night=nights[-1],
        nights=len(nights),
        rows=sum(night.rows for night in joined.values()),
        missing=[night for night in wanted if night not in sources],
    )


def adopt(spec: ModelSpec, as_of: str, folder: Path, stores: Stores) -> SnapshotRef:
    """A snapshot that is checked out in the project: ``data/`` of ``data.dvc``.

    Raises ``UsageError`` when the folder is not what its ``.dvc`` file names.
    """
    md5 = stores.snapshots.adopt(folder)
    table = read_snapshot(spec, folder)
    nights = sorted(set(table[spec.partition.column].to_pylist()))
    first, last = window(spec, as_of)
    return SnapshotRef(
        model=spec.name,
        md5=md5,
        as_of=as_of,
        first_night=nights[0],
        last_night=nights[-1],
        nights=len(nights),
        rows=table.num_rows,
        missing=[night for night in between(first, last) if night not in nights],
    )


def labelled(spec: ModelSpec, night: str, stores: Stores) -> pa.Table:
    """The validated rows of a night with their label, null where there never was an outcome.

    Every validated row is kept; a label that matches neither a row of the night nor one in quarantine is an
    error, since all come from the same source. Raises ``MissingPartition``, ``SchemaMismatch``, ``LostRows``.
    """
    features = _features(spec, night, stores)
    labels = _labels(spec, night, stores)
    keys = list(spec.keys)
    strangers = labels.join(features.select(keys), keys=keys, join_type="left anti").num_rows
    if strangers:
        raise LostRows(
            f"{spec.name} {night}: {strangers} of {labels.num_rows} labels match no row of the night",
            fix=f"look at labels/{spec.name}; the source must give both from the same rows",
        )
    joined = features.join(labels, keys=keys, join_type="left outer")
    if joined.num_rows != features.num_rows:
        raise LostRows(
            f"{spec.name} {night}: {features.num_rows} rows became {joined.num_rows} when joined with their labels",
            fix=f"look for duplicate keys in labels/{spec.name}, then trigger {spec.name}.ingest again",
        )
    ordered = joined.sort_by([(key, "ascending") for key in keys])
    return ordered.select([*spec.columns, spec.label.column])


def _features(spec: ModelSpec, night: str, stores: Stores) -> pa.Table:
    validated = stores.lake.require(spec.key(Dataset.VALIDATED, night))
    absent = [name for name in spec.columns if name not in validated.columns]
    if absent:
        raise SchemaMismatch(
            f"{spec.name} {night} was validated before model.yaml had {', '.join(absent)}",
            fix=f"nightshift load {spec.name} {night} {night}",
        )
    return stores.lake.read(validated)


def _labels(spec: ModelSpec, night: str, stores: Stores) -> pa.Table:
    """The night's labels without those of rows in quarantine."""
    labels = stores.lake.read(stores.lake.require(spec.key(Dataset.LABELS, night)))
    quarantined = stores.lake.manifest(spec.key(Dataset.QUARANTINE, night))
    if quarantined is None or not quarantined.rows:
        return labels
    keys = list(spec.keys)
    for key in keys:
        # A row without a key joins nothing; if the night had one, it is in quarantine.
        labels = labels.filter(labels[key].is_valid())
    return labels.join(stores.lake.read(quarantined, keys), keys=keys, join_type="left anti")


def _joined(spec: ModelSpec, sources: dict[str, str], stores: Stores) -> dict[str, CachedNight]:
    """The file of each night, made where it is not known or was lost. ``sources`` says what each is made from."""
    known = _known(spec, sources, stores)
    unknown = {night: made_from for night, made_from in sources.items() if night not in known}
    if not unknown:
        return known
    made = _made(spec, unknown, stores)
    sources_after = known_nights.sources(spec, stores)
    # A night that was published anew meanwhile may be of either: nothing is remembered of it.
    sure = {night: cached for night, cached in made.items() if sources_after.get(night) == cached.made_from}
    known_nights.remember(spec, sure, stores)
    return known | made


def _known(spec: ModelSpec, sources: dict[str, str], stores: Stores) -> dict[str, CachedNight]:
    """Nights that were joined before from the same, and whose file is still there."""
    cache = known_nights.recall(spec, stores)
    current = {night: cached for night, cached in cache.items() if sources.get(night) == cached.made_from}
    lost = stores.snapshots.lost({cached.blob for cached in current.values()})
    return {night: cached for night, cached in current.items() if cached.blob not in lost}


def _made(spec: ModelSpec, sources: dict[str, str], stores: Stores) -> dict[str, CachedNight]:
    files = ordered_map(lambda night: _write_night(spec, night, stores), sources, READERS, 2 * READERS)
    made = {}
    for night, (blob, rows) in zip(sources, files, strict=True):
        made[night] = CachedNight(made_from=sources[night], md5=blob.md5, size=blob.size, rows=rows)
    return made


def _write_night(spec: ModelSpec, night: str, stores: Stores) -> tuple[Blob, int]:
    table = labelled(spec, night, stores)
    return stores.snapshots.keep(lambda file: parquet.write(table.to_batches(), table.schema, file))
