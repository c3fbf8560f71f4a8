"""A night's rows with their labels, as training reads them: joined, checked, written with the same bytes every time."""

import time
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

from nightshift.contracts import Dataset
from nightshift.errors import LostRows, MissingPartition, SchemaMismatch
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, parquet
from nightshift.stores.manifest import Manifest
from nightshift.stores.missing import how_to_make

READINGS = 4
PAUSE_SECONDS = 0.5


class InMotion(MissingPartition):
    """Quarantine and night are of two validations."""


def write_labelled(spec: ModelSpec, night: str, file: Path, stores: Stores) -> int:
    """Write ``labelled`` into a Parquet file; the number of its rows."""
    table = labelled(spec, night, stores)
    return parquet.write(table.to_batches(), table.schema, file)


def labelled(spec: ModelSpec, night: str, stores: Stores) -> pa.Table:
    """The validated rows of a night with their label, null where there never was an outcome.

    Every validated row is kept; a label that matches neither a row of the night nor one in quarantine is an
    error, since all come from the same source. Raises ``MissingPartition``, ``LostRows``, ``SchemaMismatch``.
    """
    for _ in range(READINGS - 1):
        with suppress(InMotion):
            return _joined(spec, night, stores)
        # Between the two commits of a validation lie some requests.
        time.sleep(PAUSE_SECONDS)
    return _joined(spec, night, stores)


def _joined(spec: ModelSpec, night: str, stores: Stores) -> pa.Table:
    validated = stores.lake.require(spec.key(Dataset.VALIDATED, night))
    features = _features(spec, validated, stores)
    labels = _labels(spec, night, stores)
    labels = _without_quarantined(spec, validated, labels, stores)
    _check_matches(spec, night, features, labels)
    order = [(key, "ascending") for key in spec.keys]
    joined = features.join(labels, keys=list(spec.keys), join_type="left outer").sort_by(order)
    if joined.num_rows != features.num_rows:
        raise LostRows(
            f"{spec.name} {night}: {features.num_rows} rows became {joined.num_rows} when joined with their labels",
            fix=f"look for duplicate keys in labels/{spec.name}, then trigger {spec.name}.ingest again",
        )
    return joined.select([*spec.columns, spec.label.column])


def _features(spec: ModelSpec, validated: Manifest, stores: Stores) -> pa.Table:
    night = validated.partition
    features = stores.lake.read(validated)
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


def _without_quarantined(spec: ModelSpec, validated: Manifest, labels: pa.Table, stores: Stores) -> pa.Table:
    """The labels of rows that validation did not set aside."""
    quarantine = stores.lake.published(validated.key.of(Dataset.QUARANTINE))
    if quarantine is None:
        return labels
    _check_one_run(validated, quarantine)
    if not quarantine.rows:
        return labels
    keys = list(spec.keys)
    for key in keys:
        # A row without a key joins nothing; if the night had one, it is in quarantine.
        labels = labels.filter(labels[key].is_valid())
    quarantined = stores.lake.read(quarantine, keys)
    return labels.join(quarantined, keys=keys, join_type="left anti")


def _check_one_run(validated: Manifest, quarantine: Manifest) -> None:
    """Whoever made both names one in the other; between its two commits, or when it died there, they do not fit."""
    named = validated.inputs.get(str(Dataset.QUARANTINE), quarantine.sequence)
    if named != quarantine.sequence:
        raise InMotion(
            f"{validated.key}: its quarantine is of another validation, which has not published its night",
            fix=f"once no validation of it works: {how_to_make(validated.key)}",
        )


def _check_matches(spec: ModelSpec, night: str, features: pa.Table, labels: pa.Table) -> None:
    keys = list(spec.keys)
    strangers = labels.join(features.select(keys), keys=keys, join_type="left anti").num_rows
    if strangers:
        raise LostRows(
            f"{spec.name} {night}: {strangers} of {labels.num_rows} labels match no row of the night",
            fix=f"look at labels/{spec.name}; the source must give both from the same rows",
        )
