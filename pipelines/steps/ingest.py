"""Bring a night into the lake: what is known that night, and, days later, how it turned out."""

import datetime as dt
import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from pipelines.contracts import PartitionRef
from pipelines.errors import NoSourceData, SchemaMismatch, SpecError
from pipelines.spec import ModelSpec, parse_partition
from pipelines.steps.tasks import task_of
from pipelines.stores import Stores
from pipelines.stores.parquet import conform, schema_of

if TYPE_CHECKING:
    import pandas as pd

RAW, LABELS = "raw", "labels"


def ingest(spec: ModelSpec, partition: str, stores: Stores) -> PartitionRef:
    """Write the night to ``raw/``: exactly the spec's columns, sorted by key.

    Raises ``UsageError`` for a bad key, ``NoSourceData`` when the source has no row, ``SchemaMismatch``.
    """
    frame = _ask(spec, spec.source.features, partition, stores)
    return _publish(spec, RAW, partition, frame, schema_of(spec.columns), stores)


def ingest_labels(spec: ModelSpec, partition: str, stores: Stores) -> PartitionRef:
    """Write the outcomes of a night to ``labels/``: keys and label, null where there never was an outcome.

    Raises as ``ingest``, and ``SchemaMismatch`` for a label that is none of its kind.
    """
    frame = _ask(spec, spec.source.labels, partition, stores)
    if spec.label.column in frame.columns:
        frame = frame.assign(**{spec.label.column: _outcomes(spec, partition, frame[spec.label.column])})
    return _publish(spec, LABELS, partition, frame, label_schema(spec), stores)


def label_schema(spec: ModelSpec) -> pa.Schema:
    """What a night of ``labels/`` has: keys, and the label as its kind is kept."""
    keys = schema_of({name: spec.columns[name] for name in spec.keys})
    return keys.append(pa.field(spec.label.column, task_of(spec).label_type))


def _outcomes(spec: ModelSpec, partition: str, values: Any) -> Any:
    where = f"{LABELS}/{spec.name} {partition}"
    try:
        given = pa.Array.from_pandas(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise SchemaMismatch(
            f"{where}: label {spec.label.column} mixes types: {error}", fix="mend the source: one type in the column"
        ) from error
    # No pandas series: it would be laid against the frame by index, not in order.
    return task_of(spec).typed(given, where).to_numpy(zero_copy_only=False)


def labelled_night(spec: ModelSpec, partition: str) -> str:
    """The night whose labels arrive with the run of ``partition``."""
    return (parse_partition(partition) - dt.timedelta(days=spec.label.delay_days)).isoformat()


def _ask(spec: ModelSpec, function: str, partition: str, stores: Stores) -> "pd.DataFrame":
    night = parse_partition(partition)
    frame: pd.DataFrame = _function(stores.settings.models / spec.name / spec.source.python, function)(night)
    if frame.empty:
        raise NoSourceData(
            f"{spec.name}: the source has no rows for {partition}", fix="nothing to do: the night is skipped"
        )
    return frame


def _publish(
    spec: ModelSpec, dataset: str, partition: str, frame: "pd.DataFrame", schema: pa.Schema, stores: Stores
) -> PartitionRef:
    table = conform(frame, schema, f"{dataset}/{spec.name} {partition}")
    table = table.sort_by([(key, "ascending") for key in spec.keys])
    draft = stores.lake.begin(dataset, spec.name, spec.partition.column, partition)
    return stores.lake.publish(draft, table, provenance=stores.provenance())


def _function(file: Path, name: str) -> Callable[[dt.date], Any]:
    found = getattr(_module(file), name, None)
    if not callable(found):
        raise SpecError(f"{file} has no function {name}", fix="correct source in model.yaml")
    return found  # type: ignore[no-any-return]


@cache
def _module(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"nightshift_source_{file.parent.name}", file)
    if spec is None or spec.loader is None:
        raise SpecError(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
