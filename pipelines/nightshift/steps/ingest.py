"""Bring a night into the lake: what is known that night, and, days later, how it turned out."""

import pyarrow as pa

from nightshift import sources
from nightshift.contracts import Dataset, PartitionKey, PartitionRef
from nightshift.errors import SchemaMismatch
from nightshift.modelling.label_types import label_type
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.parquet import conform, schema_of


def ingest(spec: ModelSpec, partition: str, stores: Stores) -> PartitionRef:
    """Write the night to ``raw/``: exactly the spec's columns, sorted by key.

    Raises ``UsageError`` for a bad key, ``NoSourceData`` when the source has no row, ``SchemaMismatch``, and
    ``SourceMissing``, ``SourceUnreadable`` or ``SourceUnavailable`` when it cannot be read.
    """
    frame = sources.features(spec, partition, stores)
    return _publish(spec, spec.key(Dataset.RAW, partition), frame, schema_of(spec.columns), stores)


def ingest_labels(spec: ModelSpec, partition: str, stores: Stores) -> PartitionRef:
    """Write the outcomes of a night to ``labels/``: keys and label, null where there never was an outcome.

    Raises as ``ingest``, and ``SchemaMismatch`` for a label that is none of its kind.
    """
    frame = with_outcomes(spec, partition, sources.labels(spec, partition, stores))
    return _publish(spec, spec.key(Dataset.LABELS, partition), frame, label_schema(spec), stores)


def label_schema(spec: ModelSpec) -> pa.Schema:
    """What a night of ``labels/`` has: keys, and the label as its kind is kept."""
    keys = schema_of({name: spec.columns[name] for name in spec.keys})
    return keys.append(pa.field(spec.label.column, label_type(spec).arrow_type))


def with_outcomes(spec: ModelSpec, partition: str, frame: sources.Frame) -> sources.Frame:
    """The same rows with the label as its kind is kept. Raises ``SchemaMismatch``."""
    name = spec.label.column
    where = str(spec.key(Dataset.LABELS, partition))
    names = frame.column_names if isinstance(frame, pa.Table) else frame.columns
    if name not in names:
        return frame
    if isinstance(frame, pa.Table):
        typed = label_type(spec).cast(pa.concat_arrays(frame[name].chunks), where)
        return frame.set_column(frame.schema.get_field_index(name), name, typed)
    try:
        outcomes = pa.Array.from_pandas(frame[name])
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise SchemaMismatch(
            f"{where}: label {name} mixes types: {error}", fix="mend the source: one type in the column"
        ) from error
    # No pandas series: it would be laid against the frame by index, not in order.
    typed = label_type(spec).cast(outcomes, where)
    return frame.assign(**{name: typed.to_numpy(zero_copy_only=False)})


def _publish(
    spec: ModelSpec, night: PartitionKey, frame: sources.Frame, schema: pa.Schema, stores: Stores
) -> PartitionRef:
    table = conform(frame, schema, str(night), spec.partition.timezone)
    ordered = table.sort_by([(key, "ascending") for key in spec.keys])
    draft = stores.lake.begin(night)
    return stores.lake.publish(draft, ordered, provenance=stores.provenance())
