"""History in bulk: the same ingest and validate, night by night, for nights that the lake lacks."""

import logging
import math
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field, replace

import pyarrow as pa

from nightshift.contracts import Dataset
from nightshift.errors import (
    DataError,
    NightshiftError,
    NoSourceData,
    RowsGone,
    UnreadableRecord,
    UsageError,
)
from nightshift.partitions import between, shifted
from nightshift.progress import OnProgress, counted, unheard
from nightshift.sources.reading import is_read_as, reading_of
from nightshift.spec import ModelSpec
from nightshift.steps._bring_night import Bringing, Brought, Wanted
from nightshift.steps.ingest import label_schema
from nightshift.stores import Stores
from nightshift.stores.parquet import schema_of
from nightshift.validation.expectations import quieten
from nightshift.workers import Workers

log = logging.getLogger("nightshift")
NIGHTS_A_WORKER = 4
"""A process takes seconds of a core to begin, and as long for a few small nights."""
IMPORTED_ONCE = ("nightshift.steps.load", "pandas", "great_expectations.expectations", "boto3")


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


def load(
    spec: ModelSpec, first: str, last: str, stores: Stores, progress: OnProgress = unheard, workers: int = 1
) -> Loaded:
    """Ingest, label and validate every night of the range that the lake has not, or has with other columns.

    So it does with nights that were read from another source, by another clock or in another format.
    A night that was taken back does not come back by this: who wants it ingests it.
    Up to so many ``workers`` are at nights side by side, unless a night is compared with those before it. The first
    night in order that is refused ends it; those before it are there, and some after it may be.
    Of nights that pass, the last scheduled one alone gets its Data Docs, if it has rows.
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
    nights = [night for night in missing if night not in retracted]
    wanted = [Wanted(night, validated.get(night), labelled.get(night)) for night in nights]
    scheduled = set(spec.partition.nights_between(first, last))
    count = 0
    results = _side_by_side(spec, wanted, scheduled, stores, workers)
    with closing(results):
        for night in counted(wanted, "loading nights", progress):
            count += _take_note(spec, night, next(results), loaded, stores)
    # On other days nobody expects rows, though some are taken where they are.
    without_source = [night for night in loaded.without_source if night in scheduled]
    return replace(loaded, loaded=count, without_source=without_source)


def _side_by_side(
    spec: ModelSpec, wanted: list[Wanted], scheduled: set[str], stores: Stores, workers: int
) -> Generator[Brought]:
    """What comes of each night, in their order."""
    expected = [night.night for night in wanted if night.night in scheduled]
    shown = expected[-1] if expected else None
    most = min(workers, len(wanted) // NIGHTS_A_WORKER)
    # Its verdict is by how many rows those before it have: they come first.
    if most < 2 or spec.night.history is not None:
        yield from map(Bringing(spec, stores, shown).start(), wanted)
        return
    quieten()
    # Stores that are open do not cross to another process.
    own_stores = replace(stores)
    bringing = Bringing(spec, own_stores, shown)
    processes = Workers(bringing.start, most, IMPORTED_ONCE, lambda night: f"{spec.name} {night.night}")
    yield from processes.map(wanted)


def _take_note(spec: ModelSpec, wanted: Wanted, brought: Brought, loaded: Loaded, stores: Stores) -> bool:
    """Write down what came of a night; whether it was loaded."""
    night = wanted.night
    if brought.left is not None:
        _leave(spec, night, brought.left, loaded, stores)
        return False
    loaded.kept.extend([night] * brought.kept)
    if brought.no_labels is not None:
        _say_no_labels(spec, night, brought.no_labels, loaded)
    # One that was there, and has no label yet, is as it was.
    is_as_it_was = bool(wanted.rows) and brought.no_labels is not None
    return not is_as_it_was and not brought.kept


def _say_no_labels(spec: ModelSpec, night: str, error: DataError, loaded: Loaded) -> None:
    if isinstance(error, RowsGone):
        log.warning("the labels of %s %s are left as they are: %s", spec.name, night, error)
    elif not loaded.without_labels:
        log.warning("%s", error.message)
    loaded.without_labels.append(night)


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
