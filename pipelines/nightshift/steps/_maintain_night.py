"""What maintenance does about one night: heal what a crash left behind, collect what nobody names.

Nothing of a night is touched before its manifests were asked for, one by one; one that cannot be read leaves all of
its night as it is.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from nightshift.contracts import Dataset, PartitionKey
from nightshift.stores import layout
from nightshift.stores.commit import Committed, committed
from nightshift.stores.garbage import Orphan, orphans, remove
from nightshift.stores.lake import Lake
from nightshift.stores.manifest import Manifest
from nightshift.stores.night_listing import ListedNight, committed_night
from nightshift.stores.objects import ObjectInfo
from nightshift.stores.served import is_listed_as_served, is_stale


@dataclass(frozen=True)
class MaintenanceAction:
    """``counted_as`` is the field of ``Maintained``; ``act`` is what to do about it, nothing for what stays."""

    counted_as: str
    what: str
    bytes: int = 0
    act: Callable[[], object] | None = None


@dataclass(frozen=True)
class Caretaker:
    """Looks after the nights of one dataset; ``columns`` are all partition columns that the model has or had."""

    lake: Lake
    dataset: Dataset
    model: str
    columns: frozenset[str]
    cutoff: datetime

    def actions(self, night: ListedNight) -> Iterator[MaintenanceAction]:
        """All there is to do about a night, to be done one by one; none when it is right.

        Raises ``UnreadableRecord``.
        """
        asked = {key: committed(self.lake.objects, key) for key in self._addresses(night)}
        for key, commit in asked.items():
            if commit is None:
                yield from self._strays(night, key)
            else:
                yield from self._healing(night, commit.manifest)
            yield from self._mark(night, key, commit)
            yield from self._motion(night, key, commit)
        standing = [commit for commit in asked.values() if commit]
        yield from self._collecting(night, standing)

    def loose(self, key: str) -> MaintenanceAction:
        """Plain Parquet that lies in no night: nothing can ever publish it."""
        act = partial(self.lake.objects.delete_once, key)
        return MaintenanceAction("strays", f"delete {key}, which no manifest published", act=act)

    def _addresses(self, night: ListedNight) -> list[PartitionKey]:
        """All columns where something might be deleted, or else those that were listed."""
        columns = self.columns if night.files else set(self._listed_columns(night))
        addresses = [layout.address(self.dataset, self.model, column, night.partition) for column in sorted(columns)]
        return [key for key in addresses if key]

    def _listed_columns(self, night: ListedNight) -> Iterator[str]:
        for stored in night.commits:
            key = committed_night(stored.key, self.dataset, self.model)
            if key:
                yield key.column
        for stored in night.plain:
            key = layout.plain_night(stored.key, self.dataset, self.model)
            if key:
                yield key.column

    def _strays(self, night: ListedNight, key: PartitionKey) -> Iterator[MaintenanceAction]:
        folder = layout.served_night(key)
        for stored in night.plain:
            if stored.key.startswith(folder):
                act = partial(self._delete_stray, stored.key, key)
                yield MaintenanceAction("strays", f"delete {stored.key}, which no manifest published", act=act)

    def _delete_stray(self, plain: str, key: PartitionKey) -> None:
        self.lake.objects.delete_once(plain)
        # Who published the night at this moment may have copied to where the stray was.
        manifest = self.lake.manifest(key)
        if manifest:
            self.lake.heal(manifest)

    def _healing(self, night: ListedNight, manifest: Manifest) -> Iterator[MaintenanceAction]:
        damaged = list(self._damaged(night, manifest))
        for key in damaged:
            yield MaintenanceAction("damaged", key)
        if damaged or is_listed_as_served(night, manifest):
            return
        if is_stale(self.lake, manifest):
            act = partial(self.lake.heal, manifest)
            yield MaintenanceAction("healed", f"heal {manifest.dataset} {manifest.partition}", act=act)

    def _damaged(self, night: ListedNight, manifest: Manifest) -> Iterator[str]:
        """Files that are not there, or not as long as they were written."""
        for file in manifest.files:
            listed = night.find(file.key) or self.lake.objects.head(file.key)
            if listed is None or listed.size != file.bytes:
                yield file.key

    def _mark(self, night: ListedNight, key: PartitionKey, commit: Committed | None) -> Iterator[MaintenanceAction]:
        """A retraction has its mark. One without a retraction stays: another may be on its way, and it costs a look."""
        mark = layout.retraction(key)
        is_retracted = commit is not None and commit.manifest.retracted is not None
        if is_retracted and night.find(mark) is None:
            act = partial(self.lake.objects.put, mark, b"")
            yield MaintenanceAction("marks", f"put {mark} back", act=act)

    def _motion(self, night: ListedNight, key: PartitionKey, commit: Committed | None) -> Iterator[MaintenanceAction]:
        """A night that is published at this moment is looked at again the next time."""
        listed = night.find(layout.manifest(key))
        if (listed and listed.etag) != (commit and commit.etag):
            yield MaintenanceAction("moving", str(key))

    def _collecting(self, night: ListedNight, standing: Iterable[Committed]) -> Iterator[MaintenanceAction]:
        listed = [(commit, night.find(layout.manifest(commit.manifest.key))) for commit in standing]
        is_settled = all(_is_unchanged_since(self.cutoff, commit, stored) for commit, stored in listed)
        manifests = [commit.manifest for commit, _ in listed]
        for orphan in orphans(night.files, manifests, self.cutoff):
            yield self._of_orphan(orphan, is_settled)

    def _of_orphan(self, orphan: Orphan, is_settled: bool) -> MaintenanceAction:
        keys = [file.key for file in orphan.files]
        what = f"delete {', '.join(keys)}"
        if not (orphan.due and is_settled):
            return MaintenanceAction("kept", what, orphan.bytes)
        act = partial(remove, self.lake, orphan, self.cutoff)
        return MaintenanceAction("collected", what, orphan.bytes, act)


def _is_unchanged_since(cutoff: datetime, commit: Committed, listed: ObjectInfo | None) -> bool:
    """Whether a manifest is the one that was listed, and as old; what was not listed has no age."""
    return listed is not None and listed.etag == commit.etag and listed.modified <= cutoff
