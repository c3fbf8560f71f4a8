"""Bring a night into the lake: what is known that night, and, days later, how it turned out."""

import logging
from collections.abc import Callable
from itertools import islice
from typing import Any

import pyarrow as pa

from nightshift import sources
from nightshift.contracts import Dataset, PartitionKey, PartitionRef
from nightshift.errors import DataError, NoSourceData, RowsGone, SchemaMismatch, Superseded
from nightshift.modelling.label_types import label_type
from nightshift.quotes import own_words, quoted
from nightshift.sources.reading import SOURCE, cut, reading_of
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.missing import how_to_take_back
from nightshift.stores.parquet import conform, schema_of
from nightshift.validation.uniqueness import repeated_rows

MOST_READINGS = 5
MOST_SHOWN = 5
MOST_MISSED = 7
"""So many nights without labels are asked for again: those that never get any must not cost every run."""
Facts = dict[str, Any]
"""What the provenance of a night says besides who made it."""

log = logging.getLogger("nightshift")


def ingest(spec: ModelSpec, partition: str, stores: Stores) -> PartitionRef:
    """Write the night to ``raw/``: exactly the spec's columns, sorted by key.

    Raises ``UsageError`` for a bad key or a night before the first, ``NoSourceData`` when the source has no row,
    ``RowsGone`` when it has none any more, ``SchemaMismatch``, and ``SourceMissing``, ``SourceUnreadable`` or
    ``SourceUnavailable`` when it cannot be read, ``Superseded`` when the night was taken back meanwhile.
    """

    def read() -> sources.Frame:
        return sources.features(spec, partition, stores)

    night = spec.key(Dataset.RAW, partition)
    spec.require_night(partition)
    schema = schema_of(spec.columns)
    facts = {SOURCE: reading_of(spec, Dataset.RAW)}
    return _publish(spec, night, read, schema, facts, stores)


def ingest_arrived_labels(spec: ModelSpec, partition: str, stores: Stores) -> list[PartitionRef]:
    """The outcomes that the run of ``partition`` fetches, newest night first: those due, and those that may change.

    After them come the last nights whose labels no run has brought, as when the one that they were due at was missed;
    one of these that is refused is a warning, since it would be again in every run.
    A night that has none yet costs the others nothing, nor does one that is refused: its error comes at the end.
    Raises as ``ingest_labels``, ``NoSourceData`` when no night has any.
    """
    brought = []
    refusals: list[DataError] = []
    due = spec.labelled_nights(partition)
    for night in due:
        try:
            brought.append(ingest_labels(spec, night, stores, as_of=partition))
        except DataError as error:
            refusals.append(error)
    faults = [refusal for refusal in refusals if not isinstance(refusal, NoSourceData)]
    missed = _missed_labels(spec, partition, due[-1], stores)
    if not brought and not faults and not missed:
        raise _no_labels(spec, partition, refusals[0])
    for fault in faults:
        raise fault
    return [*brought, *missed]


def _missed_labels(spec: ModelSpec, partition: str, before: str, stores: Stores) -> list[PartitionRef]:
    brought = []
    for night in _never_brought(spec, before, stores):
        try:
            brought.append(ingest_labels(spec, night, stores, as_of=partition))
        except NoSourceData:
            continue
        except DataError as error:
            log.warning("%s: the labels of %s, which no run has brought, are refused: %s", spec.name, night, error)
    return brought


def _no_labels(spec: ModelSpec, partition: str, first: DataError) -> NoSourceData:
    """The notice of a run whose day is a night of its own, though that of its labels may be none."""
    return NoSourceData(f"{spec.name}: no labels came with the run of {partition}: {first.message}", fix=first.fix)


def _never_brought(spec: ModelSpec, before: str, stores: Stores) -> list[str]:
    """The last nights before one that have rows and never had labels, newest first. Two listings."""
    column = spec.partition.column
    known = stores.lake.ever_published(Dataset.LABELS, spec.name, column)
    nights = []
    for night in reversed(stores.lake.partitions(Dataset.RAW, spec.name, column)):
        if night < before and night not in known:
            nights.append(night)
    return nights[:MOST_MISSED]


def ingest_labels(spec: ModelSpec, partition: str, stores: Stores, *, as_of: str | None = None) -> PartitionRef:
    """Write the outcomes of a night to ``labels/``: keys and label, null where there never was an outcome.

    ``as_of`` is the night of the run that fetches them: the manifest has that of the run in which they last changed.
    A class that the spec does not name is kept as it is, and counted. Raises as ``ingest``, but ``NoSourceData`` for
    a night before the first, or one that has no label yet, and ``SchemaMismatch`` for a label that is none of its
    kind.
    """

    def read() -> sources.Frame:
        frame = sources.labels(spec, partition, stores)
        return with_outcomes(spec, partition, frame)

    night = spec.key(Dataset.LABELS, partition)
    if spec.is_too_early(partition):
        raise NoSourceData(
            f"{spec.name}: {partition} is before partition.start, {spec.partition.start}: it has no labels",
            fix="nothing to do",
        )
    schema = label_schema(spec)
    facts: Facts = {SOURCE: reading_of(spec, Dataset.LABELS)}
    if as_of is not None:
        facts["as_of"] = as_of
    return _publish(spec, night, read, schema, facts, stores)


def label_schema(spec: ModelSpec) -> pa.Schema:
    """What a night of ``labels/`` has: keys, and the label as its kind is kept."""
    columns = {name: spec.columns[name] for name in spec.keys}
    label = pa.field(spec.label.column, label_type(spec).arrow_type)
    keys = schema_of(columns)
    return keys.append(label)


def with_outcomes(spec: ModelSpec, partition: str, frame: sources.Frame) -> sources.Frame:
    """The same rows with the label as its kind is kept. Raises ``SchemaMismatch``."""
    name = spec.label.column
    where = str(spec.key(Dataset.LABELS, partition))
    names = frame.column_names if isinstance(frame, pa.Table) else frame.columns
    if name not in names:
        return frame
    if isinstance(frame, pa.Table):
        outcomes = pa.concat_arrays(frame[name].chunks)
        typed = label_type(spec).cast(outcomes, where)
        place = frame.schema.get_field_index(name)
        return frame.set_column(place, name, typed)
    try:
        outcomes = pa.Array.from_pandas(frame[name])
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise SchemaMismatch(
            f"{where}: label {name} mixes types: {own_words(error)}", fix="mend the source: one type in the column"
        ) from error
    typed = label_type(spec).cast(outcomes, where)
    # No pandas series: it would be laid against the frame by index, not in order.
    values = typed.to_numpy(zero_copy_only=False)
    return frame.assign(**{name: values})


def _publish(
    spec: ModelSpec,
    night: PartitionKey,
    read: Callable[[], sources.Frame],
    schema: pa.Schema,
    facts: Facts,
    stores: Stores,
) -> PartitionRef:
    """Read the source after the base was taken; anew when another committed meanwhile, who may have read before us.

    So whatever stands was read after all that it replaced.
    """
    for _ in range(MOST_READINGS - 1):
        try:
            return _publish_once(spec, night, read, schema, facts, stores)
        except Superseded:
            # Taken back while this run worked: it shall not bring the night back by itself.
            if stores.lake.published(night) is None:
                raise
    return _publish_once(spec, night, read, schema, facts, stores)


def _publish_once(
    spec: ModelSpec,
    night: PartitionKey,
    read: Callable[[], sources.Frame],
    schema: pa.Schema,
    facts: Facts,
    stores: Stores,
) -> PartitionRef:
    draft = stores.lake.begin(night)
    table = conform(_rows(night, read, stores), schema, str(night), spec.partition.timezone)
    if night.dataset == Dataset.LABELS:
        _look_at(spec, night, table)
    order = [(key, "ascending") for key in spec.keys]
    return stores.lake.publish(
        draft,
        table.sort_by(order),
        provenance=stores.provenance(**facts, **_where_cut(spec, night, table)),
    )


def _where_cut(spec: ModelSpec, night: PartitionKey, table: pa.Table) -> Facts:
    return cut(spec, table.num_rows) if night.dataset == Dataset.RAW else {}


def _look_at(spec: ModelSpec, night: PartitionKey, labels: pa.Table) -> None:
    """Say which labels will count for nothing. Raises ``DataError`` for a source of their own that repeats a key."""
    unknown = label_type(spec).unknown(labels[spec.label.column])
    if unknown:
        counts = [f"{quoted(name)} ({rows})" for name, rows in islice(unknown.items(), MOST_SHOWN)]
        log.warning(
            "%s: label.classes lacks %s: these rows are counted and left out; add a class to be learnt and scored",
            night,
            ", ".join(counts),
        )
    if spec.label.own_source is None:
        # Of rows that repeat a key, validation decides; their labels go with them.
        return
    keys = labels.select(list(spec.keys))
    repeated = repeated_rows(keys.to_batches, labels.num_rows)
    if repeated:
        raise DataError(
            f"{night}: {repeated} rows repeat a key ({', '.join(spec.keys)}): which of their labels counts?",
            fix="let label.source give one row for each key, the one that counts now",
        )


def _rows(night: PartitionKey, read: Callable[[], sources.Frame], stores: Stores) -> sources.Frame:
    """What the source has of the night. That it has nothing is no news only where nothing is published."""
    try:
        return read()
    except NoSourceData as notice:
        published = stores.lake.published(night)
        if published is None or not published.rows:
            raise
        raise RowsGone(
            f"the source has no rows any more for {night}, of which {published.rows} are published and stay",
            fix=f"mend the source; or, if the night is to go: {how_to_take_back(night)}",
        ) from notice
