"""One row of a night by its key: what was read, what was predicted, what came of it, or why it was dropped."""

import math
from collections.abc import Iterator
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nightshift.contracts import Dataset
from nightshift.errors import UsageError
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.lake import iter_row_groups
from nightshift.stores.manifest import Manifest
from nightshift.stores.parquet import schema_of

Row = dict[str, Any]
Key = dict[str, pa.Scalar]


def parse_key(spec: ModelSpec, given: tuple[str, ...]) -> Key:
    """``name=value`` for every key column, as values of the columns' types; nothing for nothing.

    Raises ``UsageError`` for what is no key column, is missing, is there twice or is not of its type.
    """
    named = [part.partition("=") for part in given]
    texts = {name: text for name, _, text in named}
    needs = f"a row of {spec.name} is named by {' '.join(f'--key {name}=...' for name in spec.keys)}"
    if wrong := [part for part, (name, equals, _) in zip(given, named, strict=True) if not equals or not name]:
        raise UsageError(f"--key {wrong[0]!r} is not NAME=VALUE", fix=needs)
    if unknown := [name for name in texts if name not in spec.keys]:
        raise UsageError(f"{', '.join(unknown)} is no key column of {spec.name}", fix=needs)
    if len(texts) < len(named):
        raise UsageError("a key column is given twice", fix=needs)
    if texts and (missing := [name for name in spec.keys if name not in texts]):
        raise UsageError(f"the key is not complete: {', '.join(missing)} is missing", fix=needs)
    return {name: _typed(spec, name, text) for name, text in texts.items()}


def row_of(spec: ModelSpec, partition: str, key: Key, night: Manifest, stores: Stores) -> Row:
    """The row's key, values, prediction, outcome and quarantine; None for what there is not.

    Raises ``UsageError`` when neither the predictions nor the quarantine of the night have the key.
    """
    predicted = _find(night, key, stores)
    dropped = _quarantined(spec, partition, key, stores)
    if predicted is None and not dropped:
        said = ", ".join(f"{name}={value.as_py()}" for name, value in key.items())
        raise UsageError(
            f"{spec.name} {partition} has no row with {said}, published or quarantined",
            fix=f"look into {stores.lake.objects.uri}/{night.plain_folder} for the keys there are",
        )
    return {
        "key": {name: _plain(value.as_py()) for name, value in key.items()},
        "values": _of(Dataset.VALIDATED, spec, partition, key, stores),
        "prediction": _without_key(predicted, spec) if predicted else None,
        "outcome": _outcome(spec, partition, key, stores),
        "quarantined": dropped or None,
    }


def _typed(spec: ModelSpec, name: str, text: str) -> pa.Scalar:
    kind = schema_of({name: spec.columns[name]}).field(name).type
    try:
        return pc.cast(pa.scalar(text), kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise UsageError(f"--key {name}: {text!r} is not {kind}", fix="give a value of the column's type") from error


def _outcome(spec: ModelSpec, partition: str, key: Key, stores: Stores) -> Row:
    """``arrived`` is whether labels of the night are there; then a value of None is a row without an outcome."""
    there = stores.lake.manifest(Dataset.LABELS, spec.name, spec.partition.column, partition) is not None
    found = _of(Dataset.LABELS, spec, partition, key, stores) if there else None
    return {"arrived": there, "label": spec.label.column, "value": found[spec.label.column] if found else None}


def _of(dataset: str, spec: ModelSpec, partition: str, key: Key, stores: Stores) -> Row | None:
    manifest = stores.lake.manifest(dataset, spec.name, spec.partition.column, partition)
    found = _find(manifest, key, stores) if manifest else None
    return _without_key(found, spec) if found else None


def _quarantined(spec: ModelSpec, partition: str, key: Key, stores: Stores) -> list[Row]:
    """Every dropped row of that key: a key that is there twice may be dropped twice."""
    manifest = stores.lake.manifest(Dataset.QUARANTINE, spec.name, spec.partition.column, partition)
    rows = _matching(manifest, key, stores) if manifest else iter(())
    return [
        {
            "reasons": row.pop("reasons", []),
            "offending": row.pop("offending", []),
            "values": _without_key(row, spec),
        }
        for row in rows
    ]


def _find(manifest: Manifest, key: Key, stores: Stores) -> Row | None:
    return next(_matching(manifest, key, stores), None)


def _matching(manifest: Manifest, key: Key, stores: Stores) -> Iterator[Row]:
    """Rows with this key, values as JSON has them. Whole rows are read of row groups only that have the key."""
    for data in manifest.files:
        file = stores.lake.open_parquet(data.key)
        for group in range(file.metadata.num_row_groups):
            if any(pc.any(_same(batch, key)).as_py() for batch in iter_row_groups(file, list(key), group, group + 1)):
                for batch in iter_row_groups(file, file.schema_arrow.names, group, group + 1):
                    for row in batch.filter(_same(batch, key)).to_pylist():
                        yield {name: _plain(value) for name, value in row.items()}


def _same(batch: pa.RecordBatch, key: Key) -> pa.BooleanArray:
    return reduce(pc.and_, (pc.equal(batch.column(name), value) for name, value in key.items()))


def _without_key(row: Row, spec: ModelSpec) -> Row:
    return {name: value for name, value in row.items() if name not in spec.keys}


def _plain(value: Any) -> Any:
    """Dates, times, decimals and numbers that are none become texts; the rest stays."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return value if value is None or isinstance(value, str | bool | int | list) else str(value)
