"""To take a night back: a manifest without files that says who did it and why, in every dataset made from it.

Upstream first, and also where there is no night yet: a run that works meanwhile was begun on something older, or on
another base, and ends superseded. So nothing comes back but by a run that begins after its input is there again.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from nightshift.contracts import Dataset, PartitionKey
from nightshift.errors import LakeUnavailable, LaterRecord, MissingPartition, UnreadableRecord
from nightshift.s3 import trust
from nightshift.stores import layout, plain
from nightshift.stores.commit import MADE_FROM, committed, last_sequence_named, put_over, readable
from nightshift.stores.manifest import Manifest, Retraction
from nightshift.stores.objects import Objects

MOST_SWAPS = 20
# A night and its quarantine are made together, in this order.
TAKEN_BACK_WITH: dict[Dataset, tuple[Dataset, ...]] = {
    Dataset.RAW: (
        Dataset.RAW,
        Dataset.QUARANTINE,
        Dataset.VALIDATED,
        Dataset.PREDICTIONS,
        Dataset.MONITORING,
        Dataset.SHADOW,
    ),
    Dataset.VALIDATED: (
        Dataset.QUARANTINE,
        Dataset.VALIDATED,
        Dataset.PREDICTIONS,
        Dataset.MONITORING,
        Dataset.SHADOW,
    ),
    Dataset.PREDICTIONS: (Dataset.PREDICTIONS, Dataset.MONITORING),
    Dataset.MONITORING: (Dataset.MONITORING,),
    Dataset.SHADOW: (Dataset.SHADOW,),
    Dataset.LABELS: (Dataset.LABELS,),
}
TAKEN_BACK_WITH[Dataset.QUARANTINE] = TAKEN_BACK_WITH[Dataset.VALIDATED]


@dataclass(frozen=True)
class EmptiedNight:
    """A night of one dataset that is taken back now, and the rows that people could read of it before."""

    manifest: Manifest
    rows: int


@dataclass(frozen=True)
class _Standing:
    """What lies at a manifest's place, also when it cannot be read: then ``manifest`` is None, and ``etag`` is not."""

    manifest: Manifest | None
    etag: str | None


def take_back(
    objects: Objects,
    night: PartitionKey,
    retraction: Retraction,
    provenance: Mapping[str, Any],
    inputs: Mapping[str, int],
) -> list[EmptiedNight]:
    """Take back a night and all that was made from it; nobody can read a row of it then. It may be repeated.

    ``inputs`` are the sequences of what is no dataset. Raises ``MissingPartition`` when there never was such a night,
    ``LaterRecord`` before anything is taken back, ``LakeUnavailable``.
    """
    trust.require(objects.settings)
    keys = [night.of(dataset) for dataset in TAKEN_BACK_WITH[night.dataset]]
    for key in keys:
        _standing(objects, key)
    places = [layout.manifest(night.of(dataset)) for dataset in Dataset]
    was_published = any(map(objects.head, places))
    if not was_published:
        raise MissingPartition(f"{night} was never published: there is nothing to take back", fix="look at the date")
    return [_take_back(objects, key, retraction, provenance, inputs) for key in keys]


def _take_back(
    objects: Objects,
    key: PartitionKey,
    retraction: Retraction,
    provenance: Mapping[str, Any],
    inputs: Mapping[str, int],
) -> EmptiedNight:
    # Before the manifest: a listing must not show as readable what is not.
    objects.put(layout.retraction(key), b"")
    for _ in range(MOST_SWAPS):
        standing = _standing(objects, key)
        before = standing.manifest
        newest = _newest_inputs(objects, key, before, inputs)
        if before and before.retracted and not before.is_older_than(newest):
            return _served(objects, before, rows=0)
        manifest = _retracted(objects, key, standing, newest, retraction, provenance)
        if put_over(objects, manifest, standing.etag):
            return _served(objects, manifest, rows=before.rows if before else 0)
    raise LakeUnavailable(f"{key} is committed by others all the time", fix="run it again")


def _served(objects: Objects, manifest: Manifest, rows: int) -> EmptiedNight:
    plain.serve(objects, manifest)
    return EmptiedNight(manifest, rows)


def _standing(objects: Objects, key: PartitionKey) -> _Standing:
    """Raises ``LaterRecord`` for what a later version wrote: that is no damage."""
    try:
        stored = committed(objects, key)
    except LaterRecord:
        raise
    except UnreadableRecord:
        head = objects.head(layout.manifest(key))
        return _Standing(None, head.etag if head else None)
    return _Standing(stored.manifest, stored.etag) if stored else _Standing(None, None)


def _newest_inputs(
    objects: Objects, key: PartitionKey, before: Manifest | None, inputs: Mapping[str, int]
) -> dict[str, int]:
    """The sequence of all that the night is made from: as it stands, or as what lies there knew it."""
    newest = dict(before.inputs) if before else {}
    for dataset, dependents in MADE_FROM.items():
        if key.dataset not in dependents:
            continue
        upstream = readable(objects, key.of(dataset))
        if upstream:
            name = str(dataset)
            newest[name] = max(newest.get(name, 0), upstream.manifest.sequence)
    if key.dataset == Dataset.PREDICTIONS:
        for name, sequence in inputs.items():
            newest[name] = max(newest.get(name, 0), sequence)
    return newest


def _retracted(
    objects: Objects,
    key: PartitionKey,
    standing: _Standing,
    inputs: dict[str, int],
    retraction: Retraction,
    provenance: Mapping[str, Any],
) -> Manifest:
    before = standing.manifest
    columns = before.columns if before else {}
    sequence = before.sequence if before else last_sequence_named(key, partial(readable, objects))
    return Manifest(
        dataset=key.dataset,
        model=key.model,
        column=key.column,
        partition=key.partition,
        generation=uuid.uuid4().hex[:12],
        previous=before.generation if before else None,
        rows=0,
        rows_in=0,
        rows_quarantined=0,
        columns=columns,
        files=(),
        provenance=dict(provenance),
        sequence=sequence + 1,
        inputs=inputs,
        retracted=retraction,
    )
