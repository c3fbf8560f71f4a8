"""History in bulk: the same ingest and validate, night by night, for nights that the lake lacks."""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import pyarrow as pa

from nightshift.contracts import Dataset
from nightshift.errors import (
    NightshiftError,
    NoSourceData,
    RowsGone,
    SchemaMismatch,
    Superseded,
    UnreadableRecord,
    UsageError,
)
from nightshift.partitions import between, shifted
from nightshift.progress import OnProgress, counted, unheard
from nightshift.sources.reading import is_read_as, reading_of
from nightshift.spec import ModelSpec
from nightshift.steps.ingest import ingest, ingest_labels, label_schema
from nightshift.steps.validate import validate
from nightshift.stores import Stores
from nightshift.stores.parquet import schema_of

log = logging.getLogger("nightshift")
LEAVES_A_NIGHT = (NoSourceData, RowsGone, Superseded, UnreadableRecord)
"""After which a load goes on with the next night."""
Fetch: TypeAlias = Callable[[ModelSpec, str, "Loaded", Stores], None]
Part: TypeAlias = tuple[dict[str, bool], Fetch]
"""Of rows or labels: nights that have today's columns, whether they were read as today, and how one is fetched."""


@dataclass(frozen=True)
class Loaded:
    """What a bulk load found and did, in nights.

    It leaves alone those that were ``retracted``, those whose manifest is ``unreadable``, and those that were read in
    another way and of which the source has nothing any more (``gone``), or nothing that model.yaml can read now, as
    under the names of before (``kept``). Nights ``without_labels`` are loaded too;
    ``without_source`` are nights of the schedule.
    """

    first: str
    last: str
    loaded: int
    already_there: int
    without_source: list[str]
    retracted: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    without_labels: list[str] = field(default_factory=list)


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


def load(spec: ModelSpec, first: str, last: str, stores: Stores, progress: OnProgress = unheard) -> Loaded:
    """Ingest, label and validate every night of the range that the lake has not, or has with other columns.

    So it does with nights that were read from another source, by another clock or in another format.
    A night that was taken back does not come back by this: who wants it ingests it.
    """
    spec.require_night(first)
    labelled = _read_as_today(Dataset.LABELS, label_schema(spec), spec, first, last, stores)
    validated = _read_as_today(Dataset.VALIDATED, schema_of(spec.columns), spec, first, last, stores)
    complete = {night for night, is_complete in validated.items() if is_complete and labelled.get(night)}
    retracted = retracted_nights(spec, stores)
    missing = [night for night in between(first, last) if night not in complete]
    loaded = Loaded(
        first,
        last,
        loaded=0,
        already_there=len(complete),
        without_source=[],
        retracted=[night for night in missing if night in retracted],
    )
    wanted = [night for night in missing if night not in retracted]
    count = 0
    for night in counted(wanted, "loading nights", progress):
        try:
            _bring(spec, night, [(validated, _fetch_rows), (labelled, _fetch_labels)], loaded, stores)
        except LEAVES_A_NIGHT as error:
            _leave(spec, night, error, loaded, stores)
            continue
        # One that was there, and has no label yet, is as it was.
        is_as_it_was = validated.get(night, False) and night in loaded.without_labels
        if not is_as_it_was and night not in loaded.kept:
            count += 1
    # On other days nobody expects rows, though some are taken where they are.
    scheduled = set(spec.partition.nights_between(first, last))
    without_source = [night for night in loaded.without_source if night in scheduled]
    return replace(loaded, loaded=count, without_source=without_source)


def _bring(spec: ModelSpec, night: str, parts: list[Part], loaded: Loaded, stores: Stores) -> None:
    """Fetch what the lake has not of a night, or has in another way; what cannot be read today stays as it is."""
    for known, fetch in parts:
        if known.get(night, False):
            continue
        try:
            fetch(spec, night, loaded, stores)
        except SchemaMismatch as error:
            # Of what is not there with today's columns it is a fault to be mended.
            if night not in known:
                raise
            log.warning("%s %s is left as it is: %s", spec.name, night, error.message)
            loaded.kept.append(night)


def _fetch_rows(spec: ModelSpec, night: str, _: Loaded, stores: Stores) -> None:
    ingest(spec, night, stores)
    validate(spec, night, stores)


def _leave(spec: ModelSpec, night: str, error: NightshiftError, loaded: Loaded, stores: Stores) -> None:
    """Take note of a night that stays as it is, and why."""
    if isinstance(error, NoSourceData):
        loaded.without_source.append(night)
        return
    log.warning("%s %s is left as it is: %s", spec.name, night, error.message)
    if isinstance(error, RowsGone):
        loaded.gone.append(night)
    elif isinstance(error, UnreadableRecord):
        loaded.unreadable.append(night)
    elif night in retracted_nights(spec, stores):
        loaded.retracted.append(night)


def retracted_nights(spec: ModelSpec, stores: Stores) -> set[str]:
    """The nights that were taken back from those who learn: as data, or their labels. Two listings."""
    column = spec.partition.column
    of_data = stores.lake.retracted(Dataset.VALIDATED, spec.name, column)
    of_labels = stores.lake.retracted(Dataset.LABELS, spec.name, column)
    return {*of_data, *of_labels}


def _fetch_labels(spec: ModelSpec, night: str, loaded: Loaded, stores: Stores) -> None:
    """Fetch the labels of a night that is there. That it has none yet, or none any more, is no fault."""
    try:
        ingest_labels(spec, night, stores)
    except NoSourceData as notice:
        if not loaded.without_labels:
            log.warning("%s", notice.message)
        loaded.without_labels.append(night)
    except RowsGone as error:
        log.warning("the labels of %s %s are left as they are: %s", spec.name, night, error)
        loaded.without_labels.append(night)


def _read_as_today(
    dataset: Dataset,
    schema: pa.Schema,
    spec: ModelSpec,
    first: str,
    last: str,
    stores: Stores,
) -> dict[str, bool]:
    """Of the nights that have the columns which the spec promises today, whether they were read as it says today."""
    promised = {column.name: str(column.type) for column in schema}
    reading = reading_of(spec, dataset)
    nights = {}
    for night in stores.lake.partitions(dataset, spec.name, spec.partition.column):
        if not first <= night <= last:
            continue
        manifest = stores.lake.readable(spec.key(dataset, night))
        if manifest and manifest.columns == promised:
            nights[night] = is_read_as(manifest.provenance, reading)
    return nights
