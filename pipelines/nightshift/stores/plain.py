"""The plain files that people read, brought in line with a manifest after its commit.

A paused publisher may wake, and a late request may arrive, after another night has been published. So a copy
replaces only the very file that was there before the manifest was looked at: it cannot set readers back. Where the
store copies all the same (``nightshift doctor`` tells), the next run heals.
"""

import time

from nightshift.errors import LakeUnavailable
from nightshift.s3.client import NoSuchObject
from nightshift.stores import layout
from nightshift.stores.commit import committed
from nightshift.stores.manifest import DataFile, Manifest
from nightshift.stores.missing import missing_file
from nightshift.stores.objects import ConditionFailed, ObjectHead, Objects
from nightshift.stores.parquet_source import is_intact, require_intact

MOST_ROUNDS = 20
PAUSE_SECONDS = 0.1
GENERATION = "generation"


def serve(objects: Objects, manifest: Manifest, *, is_new: bool = False) -> None:
    """Copy what stands to where people read it; of a night that stands no more, what stands instead.

    What was not written just now, ``is_new``, is held against its digest first, and so is what lies there already.
    Raises ``MissingPartition`` when a file that the manifest names is gone, ``DamagedFile`` when it is another,
    ``LakeUnavailable``.
    """
    standing = manifest
    for round_number in range(MOST_ROUNDS):
        if _is_served(objects, standing, is_new):
            return
        time.sleep(PAUSE_SECONDS * round_number)
        now = committed(objects, standing.key)
        standing = now.manifest if now else standing
    raise LakeUnavailable(f"{manifest.key} is committed by others all the time", fix="run it again")


def is_copy(objects: Objects, head: ObjectHead | None, served: str, file: DataFile) -> bool:
    """Whether a plain file has the content of the file that a manifest names: by their ETags, or else byte by byte."""
    if head is None or head.size != file.bytes:
        return False
    original = objects.head(file.key)
    if original and original.etag == head.etag:
        return True
    return is_intact(objects, file.model_copy(update={"key": served}))


def _is_served(objects: Objects, manifest: Manifest, is_new: bool) -> bool:
    """Whether all is in place now, and the manifest still stands."""
    for index, file in enumerate(manifest.files):
        if not _is_copied(objects, manifest, layout.served_file(manifest.key, index), file, is_new):
            return False
    for key in list(objects.keys(layout.served_night(manifest.key))):
        if layout.is_parquet(key) and key not in manifest.served_files:
            if not _stands(objects, manifest):
                return False
            objects.delete_once(key)
    return _stands(objects, manifest)


def _is_copied(objects: Objects, manifest: Manifest, served: str, file: DataFile, is_new: bool) -> bool:
    # Of a night that was never there nothing lies there as a rule: the copy itself finds that out.
    if is_new and manifest.previous is None and _is_put(objects, manifest, served, file, None):
        return True
    head = objects.head(served)
    is_named_so = head is not None and head.metadata.get(GENERATION) == manifest.generation
    if is_named_so and (is_new or is_copy(objects, head, served, file)):
        return True
    # Asked after the file was looked at: who has published since then has changed, or will find changed, the file.
    if not _stands(objects, manifest):
        return False
    if not is_new:
        require_intact(objects, file)
    return _is_put(objects, manifest, served, file, head.etag if head else None)


def _is_put(objects: Objects, manifest: Manifest, served: str, file: DataFile, over: str | None) -> bool:
    """Whether a file could be copied over just what was there; None for nothing."""
    try:
        objects.copy(file.key, served, {GENERATION: manifest.generation}, over)
    except ConditionFailed:
        return False
    except NoSuchObject as error:
        raise missing_file(objects.uri, file.key) from error
    return True


def _stands(objects: Objects, manifest: Manifest) -> bool:
    now = committed(objects, manifest.key)
    return now is None or now.manifest.generation == manifest.generation
