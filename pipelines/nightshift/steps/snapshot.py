"""Freeze what a training may learn from, as one DVC version."""

import logging
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path

from nightshift.concurrency import ordered_map
from nightshift.contracts import Dataset, SnapshotRef
from nightshift.errors import MissingPartition, SchemaMismatch, UnreadableRecord
from nightshift.extras import require
from nightshift.modelling.holdout import read_snapshot
from nightshift.modelling.labelled_night import InMotion, join_night
from nightshift.partitions import between
from nightshift.progress import OnProgress, counted, unheard
from nightshift.sources.reading import is_of_clock
from nightshift.spec import ModelSpec
from nightshift.steps import _join_cache as join_cache
from nightshift.steps._join_cache import CachedNight
from nightshift.steps.load import retracted_nights, window
from nightshift.stores import Stores

FILE = "part-00000.parquet"
# One waits for the store while another joins.
READERS = 4

log = logging.getLogger("nightshift")


def snapshot(spec: ModelSpec, as_of: str, stores: Stores, progress: OnProgress = unheard) -> SnapshotRef:
    """Join features and labels of the window into one file per night, and push as one DVC version.

    Only nights that were not joined before are, and only what the remote lacks is pushed. The window ends with
    the last night whose labels a run on ``as_of`` can see. Nights without source data are simply not there, nor are
    those that were taken back, whose manifest cannot be read, whose validation died, or whose rows another clock told
    apart: the reference lists them, and how many labels had no row.
    Raises ``MissingPartition`` when too few nights are, ``UsageError`` without the extra ``train``.
    """
    require("train", f"a snapshot of {spec.name}")
    first, last = window(spec, as_of)
    wanted = between(first, last)
    sources = join_cache.digests(spec, stores)
    made_from = {night: sources[night] for night in wanted if night in sources}
    _require_enough(spec, len(made_from), first, last)
    try:
        joined, other_clock = _joined(spec, made_from, stores, progress)
    except SchemaMismatch as error:
        raise SchemaMismatch(error.message, fix=f"nightshift load {spec.name} {first} {last}") from error
    _say_other_clock(spec, other_clock, first, last)
    nights = sorted(joined)
    _require_enough(spec, len(nights), first, last)
    files = {f"{spec.partition.column}={night}/{FILE}": joined[night].blob for night in nights}
    rows = sum(night.rows for night in joined.values())
    absent = [night for night in wanted if night not in sources]
    taken_back = retracted_nights(spec, stores) if absent else set()
    scheduled = set(spec.partition.nights_between(first, last))
    missing = [night for night in absent if night in scheduled and night not in taken_back]
    _say_missing(spec, missing, first, last)
    unreadable = [night for night in made_from if night not in joined.keys() | other_clock]
    return SnapshotRef(
        model=spec.name,
        md5=stores.snapshots.freeze(files),
        as_of=as_of,
        first_night=nights[0],
        last_night=nights[-1],
        nights=len(nights),
        rows=rows,
        missing=missing,
        retracted=[night for night in absent if night in taken_back],
        unreadable=unreadable,
        other_clock=sorted(other_clock),
        labels_without_row=_say_strangers(spec, joined),
    )


def _say_strangers(spec: ModelSpec, joined: dict[str, CachedNight]) -> dict[str, int]:
    """By night, how many labels are of no row of it."""
    strangers = {}
    for night in sorted(joined):
        labels = joined[night].labels_without_row
        if labels:
            strangers[night] = labels
            log.warning(
                "%s: %d labels match no row of the night and are left out; if its rows came late: %s",
                f"{spec.name} {night}",
                labels,
                f"nightshift ingest {spec.name} {night}; nightshift validate {spec.name} {night}",
            )
    return strangers


def _say_other_clock(spec: ModelSpec, nights: Collection[str], first: str, last: str) -> None:
    if nights:
        log.warning(
            "%s: the rows of %s were told apart by another clock or format than model.yaml has now, and are left out;"
            " to bring them anew: %s",
            spec.name,
            ", ".join(sorted(nights)),
            f"nightshift load {spec.name} {first} {last}",
        )


def _say_missing(spec: ModelSpec, nights: list[str], first: str, last: str) -> None:
    """Their rows or their labels may be there by now, and nobody has brought them."""
    if not nights:
        return
    log.warning(
        "%s: %d nights of the window from %s to %s have no rows or no labels in the lake, the last of them %s;"
        " to bring what there is: %s",
        spec.name,
        len(nights),
        first,
        last,
        nights[-1],
        f"nightshift load {spec.name} {nights[0]} {nights[-1]}",
    )


def _require_enough(spec: ModelSpec, nights: int, first: str, last: str) -> None:
    if nights <= spec.training.holdout_days:
        raise MissingPartition(
            f"{spec.name}: {nights} validated and labelled nights from {first} to {last},"
            f" of which {spec.training.holdout_days} are held out: nothing to learn from",
            fix=f"nightshift load {spec.name} {first} {last}",
        )


def adopt(spec: ModelSpec, as_of: str, folder: Path, stores: Stores) -> SnapshotRef:
    """A snapshot that is checked out in the project: ``data/`` of ``data.dvc``.

    Raises ``UsageError`` when the folder is not what its ``.dvc`` file names.
    """
    md5 = stores.snapshots.adopt(folder)
    table = read_snapshot(spec, folder)
    nights = sorted(set(table[spec.partition.column].to_pylist()))
    first, last = window(spec, as_of)
    return SnapshotRef(
        model=spec.name,
        md5=md5,
        as_of=as_of,
        first_night=nights[0],
        last_night=nights[-1],
        nights=len(nights),
        rows=table.num_rows,
        missing=[night for night in spec.partition.nights_between(first, last) if night not in nights],
    )


def _joined(
    spec: ModelSpec, made_from: dict[str, str], stores: Stores, progress: OnProgress
) -> tuple[dict[str, CachedNight], Collection[str]]:
    """The file of each night, made where it is not known or was lost; and the nights of another clock.

    ``made_from`` has a digest for each night. One whose manifest cannot be read is in neither.
    """
    known = _known(spec, made_from, stores)
    nights_to_join = [night for night in made_from if night not in known]
    if not nights_to_join:
        return known, ()
    written = ordered_map(lambda night: _write_night(spec, night, stores), nights_to_join, READERS, 2 * READERS)
    made = {}
    other_clock = []
    for night, file in zip(counted(nights_to_join, "joining nights", progress), written, strict=True):
        if isinstance(file, _OtherClock):
            other_clock.append(night)
        elif file is not None:
            made[night] = CachedNight(made_from=made_from[night], **asdict(file))
    _store(spec, made, stores)
    return known | made, other_clock


def _known(spec: ModelSpec, made_from: dict[str, str], stores: Stores) -> dict[str, CachedNight]:
    """The nights whose files were made from what is there now, and are there still."""
    cached = join_cache.load(spec, stores)
    fresh = _made_from(cached, made_from)
    blobs = {file.blob for file in fresh.values()}
    lost = stores.snapshots.lost(blobs)
    return {night: file for night, file in fresh.items() if file.blob not in lost}


def _store(spec: ModelSpec, made: dict[str, CachedNight], stores: Stores) -> None:
    # A night that was published anew meanwhile may be of either: it is not stored.
    made_from_now = join_cache.digests(spec, stores)
    stable = _made_from(made, made_from_now)
    join_cache.store(spec, stable, stores)


def _made_from(nights: dict[str, CachedNight], made_from: dict[str, str]) -> dict[str, CachedNight]:
    """Those that were made from just that."""
    return {night: file for night, file in nights.items() if file.made_from == made_from.get(night)}


@dataclass(frozen=True)
class _WrittenNight:
    md5: str
    size: int
    rows: int
    labels_without_row: int


class _OtherClock:
    """A night whose rows were told from those of others in another way than the spec has it."""


def _write_night(spec: ModelSpec, night: str, stores: Stores) -> _WrittenNight | _OtherClock | None:
    try:
        if not _is_of_this_clock(spec, night, stores):
            return _OtherClock()
        joined = join_night(spec, night, stores)
        blob, rows = stores.snapshots.keep(joined.write)
        return _WrittenNight(blob.md5, blob.size, rows, joined.labels_without_row)
    except (UnreadableRecord, InMotion) as error:
        log.warning("%s %s is left out: %s", spec.name, night, error)
        return None
    except MissingPartition as error:
        if _is_published(spec, night, stores):
            raise
        log.warning("%s", error)
        return None


def _is_published(spec: ModelSpec, night: str, stores: Stores) -> bool:
    """Whether a night still has data and labels that people can read: it may have been taken back meanwhile."""
    joined = (Dataset.VALIDATED, Dataset.LABELS)
    return all(stores.lake.published(spec.key(dataset, night)) for dataset in joined)


def _is_of_this_clock(spec: ModelSpec, night: str, stores: Stores) -> bool:
    """By one clock a row may be of another night than by the next: of both it would be learnt from twice."""
    validated = stores.lake.require(spec.key(Dataset.VALIDATED, night))
    labels = stores.lake.require(spec.key(Dataset.LABELS, night))
    if not is_of_clock(spec, Dataset.RAW, validated.provenance):
        return False
    return is_of_clock(spec, Dataset.LABELS, labels.provenance)
