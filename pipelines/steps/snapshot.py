"""Freeze what a training may learn from, as one DVC version."""

from pathlib import Path

import pyarrow as pa

from pipelines.contracts import SnapshotRef
from pipelines.errors import LostRows, MissingPartition, SchemaMismatch
from pipelines.spec import ModelSpec
from pipelines.steps.holdout import read_snapshot
from pipelines.steps.ingest import LABELS
from pipelines.steps.load import nights, window
from pipelines.steps.quarantine import QUARANTINE
from pipelines.steps.validate import VALIDATED
from pipelines.stores import Stores, parquet


def snapshot(spec: ModelSpec, as_of: str, stores: Stores) -> SnapshotRef:
    """Join features and labels of the window into one file per night, add it to DVC and push it.

    The window ends with the last night whose labels a run on ``as_of`` can see. Nights without source
    data are simply not there. Raises ``MissingPartition`` when too few nights are.
    """
    first, last = window(spec, as_of)
    there = set(stores.lake.partitions(VALIDATED, spec.name)) & set(stores.lake.partitions(LABELS, spec.name))
    keys = [night for night in nights(first, last) if night in there]
    missing = [night for night in nights(first, last) if night not in there]
    if len(keys) <= spec.training.holdout_days:
        raise MissingPartition(
            f"{spec.name}: {len(keys)} validated and labelled nights from {first} to {last},"
            f" of which {spec.training.holdout_days} are held out: nothing to learn from",
            fix=f"nightshift load {spec.name} {first} {last}",
        )
    rows = 0

    def write(folder: Path) -> None:
        nonlocal rows
        for night in keys:
            rows += _write_night(spec, night, folder, stores)

    md5 = stores.versions.add(write)
    return SnapshotRef(spec.name, md5, as_of, keys[0], keys[-1], len(keys), rows, missing)


def adopt(spec: ModelSpec, as_of: str, folder: Path, stores: Stores) -> SnapshotRef:
    """A snapshot that is checked out in the project: ``data/`` of ``data.dvc``.

    Raises ``UsageError`` when the folder is not what its ``.dvc`` file names.
    """
    md5 = stores.versions.adopt(folder)
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
    features = lake.read(lake.require(VALIDATED, spec.name, column, night))
    if absent := [name for name in spec.columns if name not in features.column_names]:
        raise SchemaMismatch(
            f"{spec.name} {night} was validated before model.yaml had {', '.join(absent)}",
            fix=f"nightshift load {spec.name} {night} {night}",
        )
    labels = lake.read(lake.require(LABELS, spec.name, column, night))
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
    aside = stores.lake.manifest(QUARANTINE, spec.name, spec.partition.column, night)
    if aside is None or not aside.rows:
        return labels
    keys = list(spec.keys)
    for key in keys:
        # A row without a key joins nothing; if the night had one, it is in quarantine.
        labels = labels.filter(labels[key].is_valid())
    return labels.join(stores.lake.read(aside, keys), keys=keys, join_type="left anti")


def _write_night(spec: ModelSpec, night: str, folder: Path, stores: Stores) -> int:
    table = labelled(spec, night, stores)
    target = folder / f"{spec.partition.column}={night}"
    target.mkdir(parents=True)
    return parquet.write(table.to_batches(), table.schema, target / "part-00000.parquet")
