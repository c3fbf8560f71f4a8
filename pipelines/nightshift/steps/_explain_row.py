"""One row of a night by its key: what was read, what was predicted, what came of it, or why it was dropped."""

import math
from collections.abc import Iterator
from dataclasses import asdict
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nightshift.contracts import Dataset, PartitionKey
from nightshift.errors import DataError, ModelError, UnreadableRecord, UsageError
from nightshift.monitoring.decided import as_decided, decided_from
from nightshift.monitoring.reasons import reasons_of
from nightshift.scoring.versions_of_rows import VERSION
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.manifest import Manifest
from nightshift.stores.parquet import schema_of
from nightshift.stores.parquet_source import iter_row_groups
from nightshift.stores.types import is_text

Row = dict[str, Any]
UNTOLD = (ModelError, DataError, UnreadableRecord)
"""Why a row's reasons are not told; all else of it is."""
RowKey = dict[str, pa.Scalar]


def parse_key(spec: ModelSpec, given: tuple[str, ...]) -> RowKey:
    """``name=value`` for every key column, as values of the columns' types, null for ``name=``; nothing for nothing.

    Raises ``UsageError`` for what is no key column, is missing, is there twice or is not of its type.
    """
    pairs = [_parse_pair(spec, text) for text in given]
    texts = dict(pairs)
    unknown = [name for name in texts if name not in spec.keys]
    missing = [name for name in spec.keys if name not in texts]
    if unknown:
        raise _not_a_key(spec, f"{', '.join(unknown)} is no key column of {spec.name}")
    if len(texts) < len(pairs):
        raise _not_a_key(spec, "a key column is given twice")
    if texts and missing:
        raise _not_a_key(spec, f"the key is not complete: {', '.join(missing)} is missing")
    return {name: _parse_value(spec, name, text) for name, text in texts.items()}


def row_of(spec: ModelSpec, row_key: RowKey, night: Manifest, stores: Stores) -> Row:
    """The row's key, values, prediction, who made that and why, outcome and quarantine; None for what there is not.

    ``night`` is that of the predictions. Raises ``UsageError`` when neither they nor the quarantine have the key.
    """
    predicted = _find(night, row_key, stores)
    quarantined = _quarantined(spec, row_key, night.key, stores)
    if predicted is None and not quarantined:
        named = ", ".join(f"{name}={value.as_py()}" for name, value in row_key.items())
        raise UsageError(
            f"{spec.name} {night.partition} has no row with {named}, published or quarantined",
            fix=f"look into {stores.lake.objects.uri}/{layout.served_night(night.key)} for the keys there are",
        )
    prediction = _without_key(predicted, spec) if predicted else None
    reasons = _reasons(spec, row_key, night, predicted.get(VERSION), stores) if predicted else None
    return {
        "key": {name: _plain(value.as_py()) for name, value in row_key.items()},
        "values": _row_in(night.key.of(Dataset.VALIDATED), spec, row_key, stores),
        "prediction": prediction,
        "scored_by": _scored_by(predicted, night),
        "outcome": _outcome(spec, row_key, night.key, stores),
        "quarantined": quarantined or None,
        "reasons": reasons,
    }


def _scored_by(predicted: Row | None, night: Manifest) -> Row | None:
    """The version of a row, and whether the canary's share or all the rest is why; None of one that nobody scored."""
    version = predicted.get(VERSION) if predicted else None
    if version is None:
        # Nor of one that a person published: it says no version.
        return None
    canary = night.canary_pin
    if canary is None:
        return {"version": version, "why": "the night's version scored all rows"}
    if version == canary.pin.version:
        share = f"the share of {canary.share:g} that entry {canary.number} of the ledger gives a canary"
        return {"version": version, "why": f"the hash of its key falls into {share}"}
    return {"version": version, "why": f"the hash of its key is outside the canary's share of {canary.share:g}"}


def _reasons(spec: ModelSpec, row_key: RowKey, night: Manifest, version: str | None, stores: Stores) -> Row:
    """By published column, of the version that scored the row; ``untold`` says why there are none."""
    if version is None:
        return {"untold": f"{spec.name} {night.partition} does not say which version scored it"}
    validated = stores.lake.readable(night.key.of(Dataset.VALIDATED))
    row = next(_tables(validated, row_key, stores), None) if validated else None
    if row is None:
        return {"untold": f"{spec.name} {night.partition} is not validated any more"}
    published = next(_tables(night, row_key, stores))
    try:
        told = reasons_of(_decided_by(spec, night, version), night.pins[version], row, published, stores)
    except UNTOLD as error:
        return {"untold": str(error)}
    return {column: asdict(of_column) for column, of_column in told.items()}


def _decided_by(spec: ModelSpec, night: Manifest, version: str) -> ModelSpec:
    """The spec with the threshold that the rows of a version were decided by."""
    canary = night.canary_pin
    if canary and version == canary.pin.version:
        return decided_from(spec, canary.threshold)
    return as_decided(spec, night)


def _parse_pair(spec: ModelSpec, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise _not_a_key(spec, f"--key {text!r} is not NAME=VALUE")
    return name, value


def _parse_value(spec: ModelSpec, name: str, text: str) -> pa.Scalar:
    column_type = schema_of({name: spec.columns[name]}).field(name).type
    if not text:
        return pa.scalar(None, column_type)
    try:
        return pc.cast(pa.scalar(text), column_type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise UsageError(
            f"--key {name}: {text!r} is not {column_type}", fix="give a value of the column's type"
        ) from error


def _not_a_key(spec: ModelSpec, what: str) -> UsageError:
    options = [f"--key {name}=..." for name in spec.keys]
    return UsageError(
        what,
        fix=f"a row of {spec.name} is named by {' '.join(options)}",
    )


def _outcome(spec: ModelSpec, row_key: RowKey, night: PartitionKey, stores: Stores) -> Row:
    """``arrived`` is whether labels of the night are there; then a value of None is a row without an outcome."""
    labels = night.of(Dataset.LABELS)
    name = spec.label.column
    row = _row_in(labels, spec, row_key, stores)
    return {
        "arrived": row is not None or stores.lake.readable(labels) is not None,
        "label": name,
        "value": row[name] if row else None,
    }


def _row_in(night: PartitionKey, spec: ModelSpec, row_key: RowKey, stores: Stores) -> Row | None:
    manifest = stores.lake.readable(night)
    if manifest is None:
        return None
    row = _find(manifest, row_key, stores)
    if row is None:
        return None
    return _without_key(row, spec)


def _quarantined(spec: ModelSpec, row_key: RowKey, night: PartitionKey, stores: Stores) -> list[Row]:
    """Every dropped row of that key: a key that is there twice may be dropped twice."""
    manifest = stores.lake.readable(night.of(Dataset.QUARANTINE))
    if manifest is None:
        return []
    dropped = []
    for row in _matching(manifest, row_key, stores):
        why = _quarantined_row(row, spec)
        dropped.append(why)
    return dropped


def _quarantined_row(row: Row, spec: ModelSpec) -> Row:
    return {
        "reasons": row.pop("reasons", []),
        "offending": row.pop("offending", []),
        "values": _without_key(row, spec),
    }


def _find(manifest: Manifest, row_key: RowKey, stores: Stores) -> Row | None:
    rows = _matching(manifest, row_key, stores)
    return next(rows, None)


def _matching(manifest: Manifest, row_key: RowKey, stores: Stores) -> Iterator[Row]:
    """Rows with this key, values as JSON has them."""
    for table in _tables(manifest, row_key, stores):
        for row in table.to_pylist():
            yield {name: _plain(value) for name, value in row.items()}


def _tables(manifest: Manifest, row_key: RowKey, stores: Stores) -> Iterator[pa.Table]:
    """The same as they are stored, at least one a table. Whole rows are read of row groups only that have the key."""
    for data_file in manifest.files:
        source = stores.lake.source(data_file)
        file = source.open()
        groups = file.metadata.num_row_groups
        for group in range(groups):
            is_there = _has(file, group, row_key)
            if is_there:
                yield from _tables_of_group(file, group, row_key)


def _has(file: pq.ParquetFile, group: int, row_key: RowKey) -> bool:
    columns = list(row_key)
    for batch in iter_row_groups(file, columns, group, group + 1):
        some = pc.any(_mask(batch, row_key))
        if some.as_py():
            return True
    return False


def _tables_of_group(file: pq.ParquetFile, group: int, row_key: RowKey) -> Iterator[pa.Table]:
    columns = file.schema_arrow.names
    for batch in iter_row_groups(file, columns, group, group + 1):
        mask = _mask(batch, row_key)
        matching = batch.filter(mask)
        if matching.num_rows:
            yield pa.Table.from_batches([matching])


def _mask(batch: pa.RecordBatch, row_key: RowKey) -> pa.BooleanArray:
    masks = []
    for name, value in row_key.items():
        column = batch.column(name)
        masks.append(pc.equal(column, value) if value.is_valid else _is_empty(column))
    return reduce(pc.and_, masks)


def _is_empty(column: pa.Array) -> pa.BooleanArray:
    """Where a key is null, or a text without a letter: at the command line they are the same."""
    if is_text(column.type):
        column = pc.fill_null(column, "")
        return pc.equal(column, "")
    return column.is_null()


def _without_key(row: Row, spec: ModelSpec) -> Row:
    rest = dict(row)
    for name in spec.keys:
        rest.pop(name, None)
    return rest


def _plain(value: Any) -> Any:
    """Dates, times, decimals and numbers that are none become texts; the rest stays."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, str | bool | int | float | list):
        return value
    return str(value)
