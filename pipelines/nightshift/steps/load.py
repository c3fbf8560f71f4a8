"""History in bulk: the same ingest and validate, night by night, for nights that the lake lacks."""

import datetime as dt
from dataclasses import dataclass

import pyarrow as pa

from nightshift.contracts import Dataset
from nightshift.errors import NoSourceData, UsageError
from nightshift.partitions import parse_partition
from nightshift.spec import ModelSpec
from nightshift.steps.ingest import ingest, ingest_labels, label_schema
from nightshift.steps.validate import validate
from nightshift.stores import Stores
from nightshift.stores.parquet import schema_of


@dataclass(frozen=True)
class Loaded:
    """What a bulk load found and did, in nights."""

    first: str
    last: str
    loaded: int
    already_there: int
    without_source: list[str]


def window(spec: ModelSpec, as_of: str) -> tuple[str, str]:
    """First and last labelled night that a training as of a night may see. Raises ``UsageError`` when there is none."""
    last = parse_partition(as_of) - dt.timedelta(days=spec.label.delay_days)
    first = max(last - dt.timedelta(days=spec.training.window_days - 1), spec.partition.start)
    if last < first:
        earliest = first + dt.timedelta(days=spec.label.delay_days)
        raise UsageError(
            f"{spec.name}: no night is labelled as of {as_of}: the first is {first},"
            f" and labels take {spec.label.delay_days} days",
            fix=f"train as of {earliest} at the earliest",
        )
    return first.isoformat(), last.isoformat()


def nights(first: str, last: str) -> list[str]:
    """Partition keys from first to last, both included."""
    start, end = parse_partition(first), parse_partition(last)
    return [(start + dt.timedelta(days=n)).isoformat() for n in range((end - start).days + 1)]


def chunks(first: str, last: str, parts: int) -> list[tuple[str, str]]:
    """The range cut into about equal runs of nights, for mapped tasks."""
    keys = nights(first, last)
    size = -(-len(keys) // parts)
    return [] if not keys else [(keys[i], keys[min(i + size, len(keys)) - 1]) for i in range(0, len(keys), size)]


def load(spec: ModelSpec, first: str, last: str, stores: Stores) -> Loaded:
    """Ingest, label and validate every night of the range that the lake has not, or has with other columns."""
    labelled = _there(Dataset.LABELS, label_schema(spec), spec, first, last, stores)
    validated = _there(Dataset.VALIDATED, schema_of(spec.columns), spec, first, last, stores)
    loaded, without_source = 0, []
    keys = nights(first, last)
    for night in keys:
        try:
            loaded += _load_night(spec, night, night in labelled, night in validated, stores)
        except NoSourceData:
            without_source.append(night)
    return Loaded(first, last, loaded, len(keys) - loaded - len(without_source), without_source)


def _there(dataset: str, schema: pa.Schema, spec: ModelSpec, first: str, last: str, stores: Stores) -> set[str]:
    """The nights that have the columns which the spec promises today."""
    promised = {field.name: str(field.type) for field in schema}
    nights = [night for night in stores.lake.partitions(dataset, spec.name) if first <= night <= last]
    found = {night: stores.lake.require(dataset, spec.name, spec.partition.column, night) for night in nights}
    return {night for night, manifest in found.items() if manifest.columns == promised}


def _load_night(spec: ModelSpec, night: str, labelled: bool, validated: bool, stores: Stores) -> bool:
    if not validated:
        ingest(spec, night, stores)
        validate(spec, night, stores)
    if not labelled:
        ingest_labels(spec, night, stores)
    return not (labelled and validated)
