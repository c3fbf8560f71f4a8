"""How a night becomes the night: one conditional PUT of its manifest, over just what it may replace.

Who was first does not decide, but what a night was made from: one made from something older never stands in the
place of one made from something newer, whoever pauses, dies or comes late. Among those made from the same, the first
to commit wins. A lost answer looks like a lost race: what lies there decides, and nothing is deleted.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from nightshift.contracts import Dataset, PartitionKey
from nightshift.errors import DataError, LakeUnavailable, LostRows, Superseded, UnreadableRecord
from nightshift.stores import layout
from nightshift.stores.manifest import DataFile, Manifest, Retraction
from nightshift.stores.missing import missing_file
from nightshift.stores.objects import ConditionFailed, Objects
from nightshift.stores.parquet_source import is_intact

MOST_SWAPS = 20
MOST_COPIED_BYTES = 5 * 2**30
# What is made from a dataset, and says so in its inputs.
MADE_FROM: dict[Dataset, tuple[Dataset, ...]] = {
    Dataset.RAW: (Dataset.VALIDATED, Dataset.QUARANTINE),
    Dataset.QUARANTINE: (Dataset.VALIDATED,),
    Dataset.VALIDATED: (Dataset.PREDICTIONS, Dataset.MONITORING, Dataset.SHADOW),
    Dataset.PREDICTIONS: (Dataset.MONITORING,),
    Dataset.LABELS: (),
    Dataset.MONITORING: (),
    Dataset.SHADOW: (),
}


@dataclass(frozen=True)
class GenerationDraft:
    """A generation being written. ``base_etag`` is the manifest's at the beginning: what the commit replaces."""

    key: PartitionKey
    generation: str
    base_etag: str | None

    def file_key(self, index: int) -> str:
        """Where file ``index`` of this generation lies."""
        return layout.generation_file(self.key, self.generation, index)


class Committed(NamedTuple):
    """A manifest as it lies in the store; a commit replaces exactly the one with this ETag."""

    manifest: Manifest
    etag: str


def committed(objects: Objects, key: PartitionKey) -> Committed | None:
    """What stands of a night, or None. Raises ``UnreadableRecord``."""
    place = layout.manifest(key)
    stored = objects.get_tagged(place, Manifest)
    if stored is None:
        return None
    standing = Committed(*stored)
    if standing.manifest.key != key:
        raise UnreadableRecord(
            f"{objects.uri}/{place} is the manifest of {standing.manifest.key}", fix=Manifest.remedy_for(place)
        )
    for file in standing.manifest.files:
        if layout.generation_of(file.key) != (key.dataset, key.model, key.partition):
            raise UnreadableRecord(
                f"{objects.uri}/{place} names {file.key}, which was not written for {key}",
                fix=Manifest.remedy_for(place),
            )
    return standing


def readable(objects: Objects, key: PartitionKey) -> Committed | None:
    """What stands of a night, or None, also where it cannot be read."""
    with suppress(UnreadableRecord):
        return committed(objects, key)
    return None


def commit(objects: Objects, night: Manifest, base_etag: str | None) -> Manifest:
    """Put a night in its place; what stands then: this, or the same rows made from the same before.

    Raises ``Superseded``, ``MissingPartition`` when a file of it is gone, ``DataError`` for a file that is too large
    to be copied, ``LakeUnavailable``.
    """
    # Where nothing stood at the beginning, the condition of the PUT finds out whether that is still so.
    standing = None if base_etag is None else committed(objects, night.key)
    floor = 0 if standing else _last_sequence_known(objects, night.key)
    for _ in range(MOST_SWAPS):
        if standing and _stands_for(objects, standing.manifest, night):
            return standing.manifest
        _require_right(night, standing, base_etag)
        _require_files(objects, night)
        successor = _after(standing, night, floor)
        stands = put_over(objects, successor, standing.etag if standing else None)
        if stands:
            return stands
        standing = committed(objects, night.key)
    raise LakeUnavailable(f"{night.key} is committed by others all the time", fix="run it again")


def _stands_for(objects: Objects, standing: Manifest, night: Manifest) -> bool:
    """Whether there is nothing to do: it was committed before, or the same is there, with files that are whole."""
    if standing.generation == night.generation:
        return True
    if not standing.is_same_as(night):
        return False
    return all(is_intact(objects, file) for file in standing.files)


def _require_right(night: Manifest, standing: Committed | None, base_etag: str | None) -> None:
    """A night may replace its base, and what was made from something older; nothing may replace something newer."""
    if standing is None:
        return
    if night.is_older_than(standing.manifest.inputs):
        raise superseded(night.key, standing.manifest)
    if standing.etag != base_etag and not standing.manifest.is_older_than(night.inputs):
        raise superseded(night.key, standing.manifest)


def _require_files(objects: Objects, night: Manifest) -> None:
    for file in night.files:
        if file.bytes > MOST_COPIED_BYTES:
            raise DataError(
                f"{night.key}: {file.key} has {file.bytes:,} bytes; S3 copies files of up to {MOST_COPIED_BYTES:,}",
                fix="make nights shorter, or publish fewer columns",
            )
        head = objects.head(file.key)
        if head is None or head.size != file.bytes:
            raise missing_file(objects.uri, file.key)


def _after(standing: Committed | None, night: Manifest, floor: int) -> Manifest:
    if standing is None:
        return night.model_copy(update={"previous": None, "sequence": floor + 1})
    before = standing.manifest
    return night.model_copy(update={"previous": before.generation, "sequence": before.sequence + 1})


def put_over(objects: Objects, night: Manifest, etag: str | None) -> Manifest | None:
    """Put a manifest over the one with this ETag; what stands then of its generation, None when another came between.

    A lost answer may have been a yes, as may an earlier try: what lies there decides. Raises ``LakeUnavailable``.
    """
    key = layout.manifest(night.key)
    try:
        objects.put_if(key, night.to_json(), etag)
    except ConditionFailed as refusal:
        now = readable(objects, night.key)
        if now and now.manifest.generation == night.generation:
            return now.manifest
        if (now.etag if now else None) == etag:
            raise LakeUnavailable(f"the commit {objects.uri}/{key} did not go through: {refusal}") from refusal
        return None
    return night


def _last_sequence_known(objects: Objects, key: PartitionKey) -> int:
    """Of a night that has no manifest: the one that what was made from it still names, as after a deletion by hand."""
    return last_sequence_named(key, partial(committed, objects))


def last_sequence_named(key: PartitionKey, read: Callable[[PartitionKey], Committed | None]) -> int:
    """The greatest sequence of a night that what was made from it names, as far as ``read`` gives it; 0 for none."""
    return max(_sequences_named(key, read), default=0)


def _sequences_named(key: PartitionKey, read: Callable[[PartitionKey], Committed | None]) -> Iterator[int]:
    for dataset in MADE_FROM[key.dataset]:
        dependent = read(key.of(dataset))
        if dependent:
            yield dependent.manifest.inputs.get(str(key.dataset), 0)


def superseded(mine: PartitionKey, standing: Manifest) -> Superseded:
    """What ends a run that was too late."""
    if standing.retracted:
        return taken_back(mine, standing.retracted, "while this run worked")
    winner = standing.provenance.get("airflow_run") or standing.generation
    return Superseded(
        f"{mine} was published by {winner} while this run worked; its night stands",
        fix="nothing to do; run again to replace it",
    )


def taken_back(key: PartitionKey, retraction: Retraction, when: str) -> Superseded:
    """What ends a run that would bring back what a person took back in the meantime."""
    return Superseded(
        f"{key} was taken back by {retraction.by} {when}: {retraction.why}",
        fix="nothing to do; run again to bring it back",
    )


def check_rows(night: PartitionKey, files: tuple[DataFile, ...], rows_in: int, rows_quarantined: int) -> int:
    """How many rows a night has. Raises ``LostRows`` when not all that came in are accounted for."""
    rows = sum(file.rows for file in files)
    if rows + rows_quarantined != rows_in:
        raise LostRows(
            f"{night}: {rows_in} rows in, but {rows} out and {rows_quarantined} quarantined; nothing was published",
            fix="this is a fault of Nightshift: keep the logs and report it",
        )
    return rows
