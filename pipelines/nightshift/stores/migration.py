"""To move a model's nights to another partition column: the same files, under another name.

Of a night first the manifest, then what people read, is put in its new place; then both go from the old one. So a
reader of the plain prefix sees it twice for the time of one request, never not at all, and who dies in between goes
on where it ended. A night that was made anew under the new column stays as it is; the old one goes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from nightshift.contracts import Dataset, PartitionKey
from nightshift.errors import LakeUnavailable, LaterRecord, UnreadableRecord
from nightshift.s3 import trust
from nightshift.stores import layout, plain
from nightshift.stores.commit import committed, put_over
from nightshift.stores.manifest import Manifest
from nightshift.stores.night_listing import committed_night
from nightshift.stores.objects import Objects

MOST_SWAPS = 20
WRITTEN_FORMAT = 2


@dataclass(frozen=True)
class MovedNight:
    """A night and what was done: it was moved, or dropped for the one that stands, or a later version must do it."""

    key: PartitionKey
    outcome: str


MOVED = "moved"
DROPPED = "dropped, since it was made anew under the new column"
LATER = "left, since a later version wrote it"


def nights_elsewhere(objects: Objects, dataset: Dataset, model: str, column: str) -> list[PartitionKey]:
    """The nights of a dataset that lie under another partition column. One listing."""
    listed = (committed_night(place, dataset, model) for place in objects.keys(layout.manifests(dataset, model)))
    # A manifest and its mark are of one night.
    elsewhere = dict.fromkeys(night for night in listed if night and night.column != column)
    return list(elsewhere)


def move_night(objects: Objects, old: PartitionKey, column: str) -> MovedNight:
    """Move a night to a column. Raises ``LakeUnavailable``, ``MissingPartition`` when a file of it is gone."""
    trust.require(objects.settings)
    new = PartitionKey(old.dataset, old.model, column, old.partition)
    if objects.head(layout.retraction(old)):
        objects.put(layout.retraction(new), b"")
    try:
        outcome = _put_in_place(objects, old, new)
    except LaterRecord:
        return MovedNight(old, LATER)
    except UnreadableRecord:
        outcome = _move_damaged(objects, old, new)
    for key in list(objects.keys(layout.served_night(old))):
        if layout.is_parquet(key):
            objects.delete_once(key)
    objects.delete_once(layout.manifest(old))
    objects.delete_once(layout.retraction(old))
    return MovedNight(old, outcome)


def loose_files(objects: Objects, model: str, column: str) -> Iterator[str]:
    """What lies beside the rows of nights of another column: records and pages of monitoring and validation."""
    folders = (layout.served(Dataset.MONITORING, model), layout.validations(model))
    for folder in folders:
        for key in objects.keys(folder):
            night = layout.night_in(key, Dataset.MONITORING, model)
            if night and night.column != column and not layout.is_parquet(key):
                yield key


def move_file(objects: Objects, key: str, column: str) -> None:
    """Move one object to the same place under a column, unless there is one."""
    target = layout.with_column(key, column)
    if objects.head(target) is None:
        objects.copy(key, target, {})
    objects.delete(key)


def _put_in_place(objects: Objects, old: PartitionKey, new: PartitionKey) -> str:
    """Let a manifest stand under the new column, and what people read with it."""
    for _ in range(MOST_SWAPS):
        before = committed(objects, old)
        standing = committed(objects, new)
        if before is None:
            return MOVED
        wanted = _wanted(before.manifest, standing.manifest if standing else None, new)
        is_there = standing is not None and standing.manifest == wanted
        if is_there or put_over(objects, wanted, standing.etag if standing else None):
            # A damaged night moves as it is: who was half-way must come to the end, and `maintain` names it then.
            plain.serve(objects, wanted, is_new=True)
            return MOVED if wanted.generation == before.manifest.generation else DROPPED
    raise LakeUnavailable(f"{new} is committed by others all the time", fix="end its runs, then run it again")


def _wanted(before: Manifest, standing: Manifest | None, new: PartitionKey) -> Manifest:
    """What is to stand under the new column: what stands there, or else what stood under the old one."""
    if standing is None:
        return _renamed(before, new)
    if standing.generation == before.generation or standing.sequence > before.sequence:
        return standing
    # What is made from either must see that this one is the newer.
    return standing.model_copy(update={"sequence": before.sequence + 1})


def _renamed(manifest: Manifest, new: PartitionKey) -> Manifest:
    provenance = dict(manifest.provenance)
    report = provenance.get("validation")
    if report:
        provenance["validation"] = layout.with_column(report, new.column)
    changes = {
        "column": new.column,
        "format": WRITTEN_FORMAT,
        "provenance": provenance,
    }
    return manifest.model_copy(update=changes)


def _move_damaged(objects: Objects, old: PartitionKey, new: PartitionKey) -> str:
    """As it is, so that it can be taken back under the new column; and the files that people read."""
    place = layout.manifest(new)
    if objects.head(place) is None:
        objects.copy(layout.manifest(old), place, {})
        for key in list(objects.keys(layout.served_night(old))):
            if layout.is_parquet(key):
                objects.copy(key, layout.with_column(key, new.column), {})
        return MOVED
    return DROPPED
