"""What no manifest names any more, found and taken away while runs go on working.

An object of ``generations/`` may go when three things have held for a while: no manifest of its night names
it, nobody wrote or touched it, and the manifest itself did not change. The third is for readers: who took
the manifest before it changed may still read what it named.

The while must exceed the longest run. A run that works now has written, or touched to use it again, every
file that it will commit since it began, and its Dag run ends within four hours; one day is the least that is
accepted. Only two clocks meet here, the store's and this machine's, and S3 refuses requests when they are
more than 15 minutes apart.

Each age is asked again right before the DELETE, so a run that takes up an old shard can meet it only within
that instant. Then the file is gone when ``publish`` opens it before the commit: the run fails, and the next
one finds no shard and scores it anew. A shard's JSON, which says that the shard is done, goes before its
Parquet: the other order could promise a file that is gone. DELETEs are never sent twice, for a late second
one could take what was written since.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from nightshift.stores import layout
from nightshift.stores.lake import Lake
from nightshift.stores.manifest import Manifest
from nightshift.stores.objects import IncompleteUpload, ObjectInfo


@dataclass(frozen=True)
class Orphan:
    """Files that no manifest of their night names: one, or a shard's JSON and its Parquet, to go in this order."""

    files: tuple[ObjectInfo, ...]
    due: bool

    @property
    def bytes(self) -> int:
        """What they take."""
        return sum(file.size for file in self.files)


def orphans(files: Iterable[ObjectInfo], standing: Iterable[Manifest], cutoff: datetime) -> Iterator[Orphan]:
    """Those of a night's files that none of its manifests names; ``due`` when nobody wrote them since ``cutoff``.

    ``standing`` are all manifests of the night, under each partition column that the model has or had. Each must have
    been asked for by itself: a listing that came back short must not make a night's files look unnamed.
    """
    used: set[str] = set()
    for manifest in standing:
        used.update(map(layout.stem, named(manifest)))
    unnamed = [file for file in files if layout.stem(file.key) not in used]
    unnamed.sort(key=lambda file: file.key)
    # A shard is as old as the younger of its two files, and "json" sorts before "parquet".
    for _, pair in groupby(unnamed, key=lambda file: layout.stem(file.key)):
        together = tuple(pair)
        untouched = all(file.modified <= cutoff for file in together)
        yield Orphan(together, due=untouched)


def named(manifest: Manifest) -> Iterator[str]:
    """Keys of ``generations/`` that a published night is made of: file, sample, shards that a re-run takes up."""
    yield from (file.key for file in manifest.files)
    yield from manifest.provenance.get("shards", ())
    sample = manifest.provenance.get("sample")
    if sample:
        yield sample["key"]


def remove(lake: Lake, orphan: Orphan, cutoff: datetime) -> None:
    """Delete its files, unless somebody wrote or touched one of them since they were listed."""
    for file in orphan.files:
        heads = [lake.objects.head(each.key) for each in orphan.files]
        if any(head and head.modified > cutoff for head in heads):
            return
        lake.objects.delete_once(file.key)


def abortable(lake: Lake, upload: IncompleteUpload, cutoff: datetime) -> bool:
    """Whether an unfinished upload is old, and surely not the one that made the object of its key.

    SeaweedFS up to 4.47 keeps a completed upload listed when it dies at that moment, and aborting that one
    takes the object's data (seaweedfs issues 10663 and 11382). Such an upload holds every byte of the object.
    """
    if upload.started > cutoff:
        return False
    head = lake.objects.head(upload.key)
    if head is None or head.modified < upload.started:
        return True
    return lake.objects.uploaded_bytes(upload) != head.size
