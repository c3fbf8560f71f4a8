"""The prefix that people read, held against the manifests: what is behind, and what should not be there."""

from collections.abc import Iterator

from nightshift.stores.lake import Lake
from nightshift.stores.manifest import Manifest


def manifests(lake: Lake, dataset: str, model: str) -> Iterator[Manifest]:
    """The commit records of all nights, also of those under a partition column of former days."""
    for key in lake.objects.keys(f"manifests/{dataset}/{model}/"):
        column, _, partition = key.rpartition("/")[2].removesuffix(".json").partition("=")
        if found := lake.manifest(dataset, model, column, partition):
            yield found


def is_stale(lake: Lake, manifest: Manifest) -> bool:
    """Whether the plain files are not this generation: a run died, or still works, between commit and copy."""
    wanted = set(manifest.plain_files)
    if {key for key in lake.objects.keys(manifest.plain_folder) if key.endswith(".parquet")} != wanted:
        return True
    heads = [lake.objects.head(key) for key in wanted]
    return any(head is None or head.metadata.get("generation") != manifest.generation for head in heads)


def unpublished_files(lake: Lake, dataset: str, model: str) -> Iterator[str]:
    """Plain Parquet files of nights that were never published.

    They are listed before the manifests are asked for, one by one: a plain file appears after its commit
    and commits are never taken back, so a night in the making is not mistaken for a stray.
    """
    prefix = f"{dataset}/{model}/"
    for key in [key for key in lake.objects.keys(prefix) if key.endswith(".parquet")]:
        folder = key.removeprefix(prefix).rpartition("/")[0]
        column, _, partition = folder.partition("=")
        if lake.manifest(dataset, model, column, partition) is None:
            yield key
