"""Freeze what a training may learn from, as one DVC version."""

from pathlib import Path

import pyarrow as pa

from nightshift.concurrency import ordered_map
from nightshift.contracts import Dataset, SnapshotRef
from nightshift.errors import LostRows, MissingPartition, SchemaMismatch
from nightshift.extras import require
from nightshift.modelling.holdout import read_snapshot
from nightshift.spec import ModelSpec
from nightshift.steps import _join_cache as known_nights
from nightshift.steps._join_cache import CachedNight
from nightshift.steps.load import nights, window
from nightshift.stores import Stores, parquet
from nightshift.stores.cache import Blob

FILE = "part-00000.parquet"
# One waits for the store while another joins.
READERS = 4


def snapshot(spec: ModelSpec, as_of: str, stores: Stores) -> SnapshotRef:
    """Join features and labels of the window into one file per night, and push as one DVC version.

    Only nights that were not joined before are, and only what the remote lacks is pushed. The window ends with
    the last night whose labels a run on ``as_of`` can see. Nights without source data are simply not there.
    Raises ``MissingPartition`` when too few nights are, ``UsageError`` without the extra ``train``.
    """
    require("train", f"a snapshot of {spec.name}")
    first, last = window(spec, as_of)
    there = known_nights.sources(spec, stores)
    keys = [night for night in nights(first, last) if night in there]
    missing = [night for night in nights(first, last) if night not in there]
    if len(keys) <= spec.training.holdout_days:
        raise MissingPartition(
            f"{spec.name}: {len(keys)} validated and labelled nights from {first} to {last},"
            f" of which {spec.training.holdout_days} are held out: nothing to learn from",
            fix=f"nightshift load {spec.name} {first} {last}",
        )
    joined = _joined(spec, {night: there[night] for night in keys}, stores)
    md5 = stores.snapshots.freeze({f"{spec.partition.column}={night}/{FILE}": joined[night].blob for night in keys})
    rows = sum(night.rows for night in joined.values())
    return SnapshotRef(spec.name, md5, as_of, keys[0], keys[-1], len(keys), rows, missing)


def adopt(spec: ModelSpec, as_of: str, folder: Path, stores: Stores) -> SnapshotRef:
    """A snapshot that is checked out in the project: ``data/`` of ``data.dvc``.

    Raises ``UsageError`` when the folder is not what its ``.dvc`` file names.
    """
    md5 = stores.snapshots.adopt(folder)
    table = read_snapshot(spec, folder)
    keys = sorted(set(table[spec.partition.column].to_pylist()))
    first, last = window(spec, as_of)
    missing = [night for night in nights(first, last) if night not in keys]
    return SnapshotRef(spec.name, md5, as_of, keys[0], keys[-1], len(keys), table.num_rows, missing)


def labelled(spec: ModelSpec, night: str, stores: Stores) -> pa.Table:
    """The validated rows of a night with their label, null where there never was an outcome.

    Every validated row is kept; a label that matches neither a row of the night nor one in quarantine is an
    error, since all come from the same source. Raises ``MissingPartition``, ``LostRows``.
    """
    lake, column = stores.lake, spec.partition.column
    features = lake.read(lake.require(Dataset.VALIDATED, spec.name, column, night))
    if absent := [name for name in spec.columns if name not in features.column_names]:
        raise SchemaMismatch(
            f"{spec.name} {night} was validated before model.yaml had {', '.join(absent)}",
            fix=f"nightshift load {spec.name} {night} {night}",
        )
    labels = lake.read(lake.require(Dataset.LABELS, spec.name, column, night))
    labels = _without_quarantined(spec, night, labels, stores)
    strangers = labels.join(features.select(list(spec.keys)), keys=list(spec.keys), join_type="left anti").num_rows
    if strangers:
        raise LostRows(
            f"{spec.name} {night}: {strangers} of {labels.num_rows} labels match no row of the night",
            fix=f"look at labels/{spec.name}; the source must give both from the same rows",
        )
    joined = features.join(labels, keys=list(spec.keys), join_type="left outer").sort_by([
        (key, "ascending") for key in spec.keys
    ])
    if joined.num_rows != features.num_rows:
        raise LostRows(
            f"{spec.name} {night}: {features.num_rows} rows became {joined.num_rows} when joined with their labels",
            fix=f"look for duplicate keys in labels/{spec.name}, then trigger {spec.name}.ingest again",
        )
    return joined.select([*spec.columns, spec.label.column])


def _without_quarantined(spec: ModelSpec, night: str, labels: pa.Table, stores: Stores) -> pa.Table:
    aside = stores.lake.manifest(Dataset.QUARANTINE, spec.name, spec.partition.column, night)
    if aside is None or not aside.rows:
        return labels
    keys = list(spec.keys)
    for key in keys:
        # A row without a key joins nothing; if the night had one, it is in quarantine.
        labels = labels.filter(labels[key].is_valid())
    return labels.join(stores.lake.read(aside, keys), keys=keys, join_type="left anti")


def _joined(spec: ModelSpec, wanted: dict[str, str], stores: Stores) -> dict[str, CachedNight]:
    """The file of each night, made where it is not known or was lost. ``wanted`` has what each is made from."""
    recalled = known_nights.recall(spec, stores)
    known = {night: recalled[night] for night in wanted if night in recalled}
    known = {night: one for night, one in known.items() if one.made_from == wanted[night]}
    lost = stores.snapshots.lost({one.blob for one in known.values()})
    known = {night: one for night, one in known.items() if one.blob not in lost}
    todo = [night for night in wanted if night not in known]
    if not todo:
        return known
    files = ordered_map(lambda night: _write_night(spec, night, stores), todo, READERS, 2 * READERS)
    made = {
        night: CachedNight(made_from=wanted[night], md5=blob.md5, size=blob.size, rows=rows)
        for night, (blob, rows) in zip(todo, files, strict=True)
    }
    after = known_nights.sources(spec, stores)
    # A night that was published anew meanwhile may be of either: nothing is remembered of it.
    known_nights.remember(
        spec, {night: one for night, one in made.items() if after.get(night) == one.made_from}, stores
    )
    return known | made


def _write_night(spec: ModelSpec, night: str, stores: Stores) -> tuple[Blob, int]:
    table = labelled(spec, night, stores)
    return stores.snapshots.keep(lambda file: parquet.write(table.to_batches(), table.schema, file))
