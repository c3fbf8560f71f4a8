"""A dataset's nights as listings show them: what stands, what people read, and the files it is made of.

A page of a listing has 1,000 keys with their sizes and ETags, so that what did not change costs no request of its
own. A listing says what to look at and never what to delete: it may have come back short.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from nightshift.contracts import Dataset, PartitionKey
from nightshift.stores import layout
from nightshift.stores.lake import Lake
from nightshift.stores.objects import ObjectInfo


@dataclass(frozen=True)
class ListedNight:
    """All that lies in a dataset for a night, under whatever partition column.

    ``commits`` are manifests, and marks of retractions; ``plain`` is the Parquet that people read; ``files`` are those
    of its generations.
    """

    partition: str
    commits: tuple[ObjectInfo, ...] = ()
    plain: tuple[ObjectInfo, ...] = ()
    files: tuple[ObjectInfo, ...] = ()

    @property
    def digest(self) -> str:
        """Of which objects lie there, and what is in them; not of when they were written or touched."""
        content = hashlib.sha256()
        for stored in (*self.commits, *self.plain, *self.files):
            line = f"{stored.key} {stored.size} {stored.etag}\n"
            content.update(line.encode())
        return content.hexdigest()

    @property
    def published(self) -> int:
        """How many manifests were listed: one, or more after the partition column had another name."""
        return sum(layout.marked_manifest(stored.key) is None for stored in self.commits)

    def find(self, key: str) -> ObjectInfo | None:
        """What was listed under a key."""
        everything = (*self.commits, *self.plain, *self.files)
        return next((stored for stored in everything if stored.key == key), None)


class NightListing:
    """One dataset of a model. Manifests and plain files are listed at once, generations as they are asked for."""

    def __init__(self, lake: Lake, dataset: Dataset, model: str) -> None:
        self._lake = lake
        self._dataset = dataset
        self._model = model
        self.columns: set[str] = set()
        self.loose: list[str] = []
        """Plain Parquet that lies in no night."""
        self._commits: defaultdict[str, list[ObjectInfo]] = defaultdict(list)
        self._plain: defaultdict[str, list[ObjectInfo]] = defaultdict(list)
        self._list_plain()
        self._list_commits()

    def nights(self) -> Iterator[ListedNight]:
        """Night by night. Holds the generations of one night at a time."""
        generations = self._lake.objects.listing(layout.generations(self._dataset, self._model))
        for partition, files in groupby(generations, key=lambda file: layout.generation_of(file.key)[-1]):
            yield self._taken(partition, tuple(files))
        without_files = self._commits.keys() | self._plain.keys()
        for partition in sorted(without_files):
            yield self._taken(partition, ())

    def _taken(self, partition: str, files: tuple[ObjectInfo, ...]) -> ListedNight:
        commits = self._commits.pop(partition, [])
        plain = self._plain.pop(partition, [])
        return ListedNight(partition, tuple(commits), tuple(plain), files)

    def _list_plain(self) -> None:
        for stored in self._lake.objects.listing(layout.served(self._dataset, self._model)):
            if not layout.is_parquet(stored.key):
                continue
            night = layout.plain_night(stored.key, self._dataset, self._model)
            if night is None:
                self.loose.append(stored.key)
                continue
            self.columns.add(night.column)
            self._plain[night.partition].append(stored)

    def _list_commits(self) -> None:
        for stored in self._lake.objects.listing(layout.manifests(self._dataset, self._model)):
            night = committed_night(stored.key, self._dataset, self._model)
            if night is None:
                continue
            self.columns.add(night.column)
            self._commits[night.partition].append(stored)


def committed_night(key: str, dataset: Dataset, model: str) -> PartitionKey | None:
    """The night that a manifest is of, or a retraction's mark; None for what is neither."""
    manifest = layout.marked_manifest(key) or key
    return layout.night_in(manifest, dataset, model)
