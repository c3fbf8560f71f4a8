"""Bring a night into the lake: what is known that night, and, days later, how it turned out."""

import datetime as dt

import pyarrow as pa

from pipelines.contracts import PartitionRef
from pipelines.spec import Column, ModelSpec, parse_partition
from pipelines.steps import sources
from pipelines.stores import Stores
from pipelines.stores.parquet import conform, schema_of

RAW, LABELS = "raw", "labels"


def ingest(spec: ModelSpec, partition: str, stores: Stores) -> PartitionRef:
    """Write the night to ``raw/``: exactly the spec's columns, sorted by key.

    Raises ``UsageError`` for a bad key, ``NoSourceData`` when the source has no row, ``SchemaMismatch``, and
    ``SourceMissing``, ``SourceUnreadable`` or ``SourceUnavailable`` when it cannot be read.
    """
    frame = sources.features(spec, partition, stores)
    return _publish(spec, RAW, partition, frame, schema_of(spec.columns), stores)


def ingest_labels(spec: ModelSpec, partition: str, stores: Stores) -> PartitionRef:
    """Write the outcomes of a night to ``labels/``: keys and label, null where there never was an outcome."""
    keys = {name: spec.columns[name] for name in spec.keys}
    schema = schema_of({**keys, spec.label.column: Column(type="float32", nullable=True)})
    frame = sources.labels(spec, partition, stores)
    return _publish(spec, LABELS, partition, frame, schema, stores)


def labelled_night(spec: ModelSpec, partition: str) -> str:
    """The night whose labels arrive with the run of ``partition``."""
    return (parse_partition(partition) - dt.timedelta(days=spec.label.delay_days)).isoformat()


def _publish(
    spec: ModelSpec, dataset: str, partition: str, frame: sources.Frame, schema: pa.Schema, stores: Stores
) -> PartitionRef:
    table = conform(frame, schema, f"{dataset}/{spec.name} {partition}", spec.partition.timezone)
    table = table.sort_by([(key, "ascending") for key in spec.keys])
    draft = stores.lake.begin(dataset, spec.name, spec.partition.column, partition)
    return stores.lake.publish(draft, table, provenance=stores.provenance())
