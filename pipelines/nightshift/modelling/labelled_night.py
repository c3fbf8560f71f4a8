"""A night's rows with their labels, as training reads them: joined, checked, written with the same bytes every time."""

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from nightshift.contracts import Dataset
from nightshift.errors import LostRows, MissingPartition, SchemaMismatch
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, parquet
from nightshift.stores.key_joins import join_by_keys
from nightshift.stores.manifest import Manifest
from nightshift.stores.missing import how_to_make

READINGS = 4
PAUSE_SECONDS = 0.5


class InMotion(MissingPartition):
    """Quarantine and night are of two validations."""


@dataclass(frozen=True)
class JoinedNight:
    """The validated rows of a night with their label, and how many labels are of no row of it."""

    table: pa.Table
    labels_without_row: int

    def write(self, file: Path) -> int:
        """Write the rows into a Parquet file; how many they are."""
        return parquet.write(self.table.to_batches(), self.table.schema, file)


def labelled(spec: ModelSpec, night: str, stores: Stores) -> pa.Table:
    """The rows of ``join_night``."""
    return join_night(spec, night, stores).table


def join_night(spec: ModelSpec, night: str, stores: Stores) -> JoinedNight:
    """The validated rows of a night with their label, null where there never was an outcome.

    Every validated row is kept. Labels that match neither a row of the night nor one in quarantine are counted:
    their rows came after the night was ingested, or were taken back since.
    Raises ``MissingPartition``, ``LostRows``, ``SchemaMismatch``.
    """
    for _ in range(READINGS - 1):
        with suppress(InMotion):
            return _joined(spec, night, stores)
        # Between the two commits of a validation lie some requests.
        time.sleep(PAUSE_SECONDS)
    return _joined(spec, night, stores)


def _joined(spec: ModelSpec, night: str, stores: Stores) -> JoinedNight:
    validated = stores.lake.require(spec.key(Dataset.VALIDATED, night))
    features = _features(spec, validated, stores)
    labels = _labels(spec, night, stores)
    labels = _without_quarantined(spec, validated, labels, stores)
    order = [(key, "ascending") for key in spec.keys]
    joined = join_by_keys(features, labels, spec.keys, "left outer").sort_by(order)
    if joined.num_rows != features.num_rows:
        raise LostRows(
            f"{spec.name} {night}: {features.num_rows} rows became {joined.num_rows} when joined with their labels",
            fix=f"look for duplicate keys in labels/{spec.name}, then trigger {spec.name}.ingest again",
        )
    return JoinedNight(
        table=joined.select([*spec.columns, spec.label.column]),
        labels_without_row=_strangers(spec, features, labels),
    )


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
    quarantined = stores.lake.read(quarantine, keys)
    return join_by_keys(labels, quarantined, keys, "left anti")


def _check_one_run(validated: Manifest, quarantine: Manifest) -> None:
    """Whoever made both names one in the other; between its two commits, or when it died there, they do not fit."""
    named = validated.inputs.get(str(Dataset.QUARANTINE), quarantine.sequence)
    if named != quarantine.sequence:
        raise InMotion(
            f"{validated.key}: its quarantine is of another validation, which has not published its night",
            fix=f"once no validation of it works: {how_to_make(validated.key)}",
        )


def _strangers(spec: ModelSpec, features: pa.Table, labels: pa.Table) -> int:
    """How many labels are of no row of the night."""
    keys_of_rows = features.select(list(spec.keys))
    strangers = join_by_keys(labels, keys_of_rows, spec.keys, "left anti")
    return int(strangers.num_rows)
