"""The prefix that people read, held against the manifests: what is behind them."""

from nightshift.stores import layout
from nightshift.stores.lake import Lake
from nightshift.stores.manifest import Manifest
from nightshift.stores.night_listing import ListedNight
from nightshift.stores.plain import GENERATION, is_copy


def is_listed_as_served(night: ListedNight, manifest: Manifest) -> bool:
    """Whether the plain files are this generation by their ETags as listed; False where these do not tell.

    A copy has the ETag of what it was made from, unless the store wrote it in other parts.
    """
    folder = layout.served_night(manifest.key)
    plain = {stored.key: stored for stored in night.plain if stored.key.startswith(folder)}
    files = {stored.key: stored for stored in night.files}
    if plain.keys() != manifest.served_files.keys():
        return False
    for served, source in manifest.served_files.items():
        original = files.get(source)
        copy = plain[served]
        if original is None or (copy.etag, copy.size) != (original.etag, original.size):
            return False
    return True


def is_stale(lake: Lake, manifest: Manifest) -> bool:
    """Whether the plain files are not this generation: a run died between commit and copy, or somebody wrote there."""
    wanted = set(manifest.served_files)
    listed = lake.objects.keys(layout.served_night(manifest.key))
    served = set(filter(layout.is_parquet, listed))
    if served != wanted:
        return True
    for index, file in enumerate(manifest.files):
        key = layout.served_file(manifest.key, index)
        head = lake.objects.head(key)
        if head is None or head.metadata.get(GENERATION) != manifest.generation:
            return True
        if not is_copy(lake.objects, head, key, file):
            return True
    return False
