"""Bring a night into the lake: what is known that night, and, days later, how it turned out."""

import datetime as dt

import pyarrow as pa

from nightshift import sources
from nightshift.contracts import Dataset, PartitionRef
from nightshift.errors import SchemaMismatch
from nightshift.modelling.label_types import label_type
from nightshift.partitions import parse_partition
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.parquet import conform, schema_of


def ingest(spec: ModelSpec, partition: str, stores: Stores) -> PartitionRef:
    """Write the night to ``raw/``: exactly the spec's columns, sorted by key.

    Raises ``UsageError`` for a bad key, ``NoSourceData`` when the source has no row, ``SchemaMismatch``, and
    ``SourceMissing``, ``SourceUnreadable`` or ``SourceUnavailable`` when it cannot be read.
    """
    frame = sources.features(spec, partition, stores)
    return _publish(spec, Dataset.RAW, partition, frame, schema_of(spec.columns), stores)


def ingest_labels(spec: ModelSpec, partition: str, stores: Stores) -> PartitionRef:
    """Write the outcomes of a night to ``labels/``: keys and label, null where there never was an outcome.

    Raises as ``ingest``, and ``SchemaMismatch`` for a label that is none of its kind.
    """
    frame = with_outcomes(spec, partition, sources.labels(spec, partition, stores))
    return _publish(spec, Dataset.LABELS, partition, frame, label_schema(spec), stores)


def label_schema(spec: ModelSpec) -> pa.Schema:
    """What a night of ``labels/`` has: keys, and the label as its kind is kept."""
    keys = schema_of({name: spec.columns[name] for name in spec.keys})
    return keys.append(pa.field(spec.label.column, label_type(spec).arrow_type))


def with_outcomes(spec: ModelSpec, partition: str, frame: sources.Frame) -> sources.Frame:
    """The same rows with the label as its kind is kept. Raises ``SchemaMismatch``."""
    name, where = spec.label.column, f"{Dataset.LABELS}/{spec.name} {partition}"
    if name not in (frame.column_names if isinstance(frame, pa.Table) else frame.columns):
        return frame
    if isinstance(frame, pa.Table):
        typed = label_type(spec).cast(pa.concat_arrays(frame[name].chunks), where)
        return frame.set_column(frame.schema.get_field_index(name), name, typed)
    try:
        given = pa.Array.from_pandas(frame[name])
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise SchemaMismatch(
            f"{where}: label {name} mixes types: {error}", fix="mend the source: one type in the column"
        ) from error
    # No pandas series: it would be laid against the frame by index, not in order.
    return frame.assign(**{name: label_type(spec).cast(given, where).to_numpy(zero_copy_only=False)})


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
