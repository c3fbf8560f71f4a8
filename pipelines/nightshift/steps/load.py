"""History in bulk: the same ingest and validate, night by night, for nights that the lake lacks."""

import math
from dataclasses import dataclass

import pyarrow as pa

from nightshift.contracts import Dataset
from nightshift.errors import NoSourceData, UsageError
from nightshift.partitions import between, shifted
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
    last = spec.labelled_night(as_of)
    first = max(shifted(last, 1 - spec.training.window_days), spec.partition.start.isoformat())
    if last < first:
        earliest = shifted(first, spec.label.delay_days)
        raise UsageError(
            f"{spec.name}: no night is labelled as of {as_of}: the first is {first},"
            f" and labels take {spec.label.delay_days} days",
            fix=f"train as of {earliest} at the earliest",
        )
    return first, last


def chunks(first: str, last: str, parts: int) -> list[tuple[str, str]]:
    """The range cut into about equal runs of nights, for mapped tasks."""
    nights = between(first, last)
    size = max(1, math.ceil(len(nights) / parts))
    runs = []
    for start in range(0, len(nights), size):
        run = nights[start : start + size]
        runs.append((run[0], run[-1]))
    return runs


def load(spec: ModelSpec, first: str, last: str, stores: Stores) -> Loaded:
    """Ingest, label and validate every night of the range that the lake has not, or has with other columns."""
    labelled = _complete(Dataset.LABELS, label_schema(spec), spec, first, last, stores)
    validated = _complete(Dataset.VALIDATED, schema_of(spec.columns), spec, first, last, stores)
    missing = [night for night in between(first, last) if not (night in labelled and night in validated)]
    without_source = []
    for night in missing:
        try:
            if night not in validated:
                ingest(spec, night, stores)
                validate(spec, night, stores)
            if night not in labelled:
                ingest_labels(spec, night, stores)
        except NoSourceData:
            without_source.append(night)
    return Loaded(
        first,
        last,
        loaded=len(missing) - len(without_source),
        already_there=len(labelled & validated),
        without_source=without_source,
    )


def _complete(dataset: Dataset, schema: pa.Schema, spec: ModelSpec, first: str, last: str, stores: Stores) -> set[str]:
    """The nights that have the columns which the spec promises today."""
    promised = {field.name: str(field.type) for field in schema}
    nights = set()
    for night in stores.lake.partitions(dataset, spec.name):
        if not first <= night <= last:
            continue
        key = spec.key(dataset, night)
        manifest = stores.lake.require(key)
        if manifest.columns == promised:
            nights.add(night)
    return nights
