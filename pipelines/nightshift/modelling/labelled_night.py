"""A night's rows with their labels, as training reads them: joined, checked, written with the same bytes every time."""

from pathlib import Path

import pyarrow as pa

from nightshift.contracts import Dataset
from nightshift.errors import LostRows, SchemaMismatch
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, parquet


def write_labelled(spec: ModelSpec, night: str, file: Path, stores: Stores) -> int:
    """Write ``labelled`` into a Parquet file; the number of its rows."""
    table = labelled(spec, night, stores)
    return parquet.write(table.to_batches(), table.schema, file)


def labelled(spec: ModelSpec, night: str, stores: Stores) -> pa.Table:
    """The validated rows of a night with their label, null where there never was an outcome.

    Every validated row is kept; a label that matches neither a row of the night nor one in quarantine is an
    error, since all come from the same source. Raises ``MissingPartition``, ``LostRows``, ``SchemaMismatch``.
    """
    features = _features(spec, night, stores)
    labels = _labels(spec, night, stores)
    labels = _without_quarantined(spec, night, labels, stores)
    _check_matches(spec, night, features, labels)
    order = [(key, "ascending") for key in spec.keys]
    joined = features.join(labels, keys=list(spec.keys), join_type="left outer").sort_by(order)
    if joined.num_rows != features.num_rows:
        raise LostRows(
            f"{spec.name} {night}: {features.num_rows} rows became {joined.num_rows} when joined with their labels",
            fix=f"look for duplicate keys in labels/{spec.name}, then trigger {spec.name}.ingest again",
        )
    return joined.select([*spec.columns, spec.label.column])


def _features(spec: ModelSpec, night: str, stores: Stores) -> pa.Table:
    manifest = stores.lake.require(spec.key(Dataset.VALIDATED, night))
    features = stores.lake.read(manifest)
    absent = [name for name in spec.columns if name not in features.column_names]
    if absent:
        raise SchemaMismatch(
            f"{spec.name} {night} was validated before model.yaml had {', '.join(absent)}",
            fix=f"nightshift load {spec.name} {night} {night}",
        )
    return features


def _labels(spec: ModelSpec, night: str, stores: Stores) -> pa.Table:
    manifest = stores.lake.require(spec.key(Dataset.LABELS, night))
    return stores.lake.read(manifest)


def _without_quarantined(spec: ModelSpec, night: str, labels: pa.Table, stores: Stores) -> pa.Table:
    """The labels of rows that validation did not set aside."""
    quarantine = stores.lake.published(spec.key(Dataset.QUARANTINE, night))
    if quarantine is None or not quarantine.rows:
        return labels
    keys = list(spec.keys)
    for key in keys:
        # A row without a key joins nothing; if the night had one, it is in quarantine.
        labels = labels.filter(labels[key].is_valid())
    quarantined = stores.lake.read(quarantine, keys)
    return labels.join(quarantined, keys=keys, join_type="left anti")


def _check_matches(spec: ModelSpec, night: str, features: pa.Table, labels: pa.Table) -> None:
    keys = list(spec.keys)
    strangers = labels.join(features.select(keys), keys=keys, join_type="left anti").num_rows
    if strangers:
        raise LostRows(
            f"{spec.name} {night}: {strangers} of {labels.num_rows} labels match no row of the night",
            fix=f"look at labels/{spec.name}; the source must give both from the same rows",
        )
