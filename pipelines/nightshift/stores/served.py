"""The prefix that people read, held against the manifests: what is behind, and what should not be there."""

from collections.abc import Iterator

from nightshift.contracts import Dataset
from nightshift.stores import layout
from nightshift.stores.lake import Lake
from nightshift.stores.manifest import Manifest


def manifests(lake: Lake, dataset: Dataset, model: str) -> Iterator[Manifest]:
    """The commit records of all nights, also of those under a partition column of former days."""
    for key in lake.objects.keys(layout.manifests(dataset, model)):
        night = layout.night_in(key, dataset, model)
        manifest = lake.manifest(night) if night else None
        if manifest:
            yield manifest


def is_stale(lake: Lake, manifest: Manifest) -> bool:
    """Whether the plain files are not this generation: a run died, or still works, between commit and copy."""
    wanted = set(manifest.served_files)
    listed = lake.objects.keys(layout.served_night(manifest.key))
    served = set(filter(layout.is_parquet, listed))
    if served != wanted:
        return True
    for key in wanted:
        head = lake.objects.head(key)
        if head is None or head.metadata.get("generation") != manifest.generation:
            return True
    return False


def unpublished_files(lake: Lake, dataset: Dataset, model: str) -> Iterator[str]:
    """Plain Parquet files of nights that were never published.

    They are listed before the manifests are asked for, one by one: a plain file appears after its commit
    and commits are never taken back, so a night in the making is not mistaken for a stray.
    """
    listed = list(lake.objects.keys(layout.served(dataset, model)))
    for key in filter(layout.is_parquet, listed):
        night = layout.night_in(key, dataset, model)
        if night is None or lake.manifest(night) is None:
            yield key
