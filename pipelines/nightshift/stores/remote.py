"""The DVC remote: content in S3 under the same names as in the cache, ``files/md5/ab/cdef...``.

DVC itself reads and writes it too. It asks for each object of a snapshot by itself or lists the whole remote;
here a listing is given up when it grows longer than asking would take.
"""

import hashlib
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from nightshift.s3.client import NoSuchObject
from nightshift.settings import Settings
from nightshift.stores.cache import CHUNK, DIR, Blob
from nightshift.stores.objects import Objects

PREFIX = "files/md5/"
THREADS = 8
# A page of a listing has a thousand objects and costs about as much as ten questions.
LISTED_PER_QUESTION = 100


class Remote:
    """Objects named by their content: there is nothing to overwrite, so any number of writers may meet."""

    def __init__(self, settings: Settings) -> None:
        self._objects = Objects(settings, settings.dvc_remote)
        self.uri = self._objects.uri

    def lacking(self, blobs: Collection[Blob]) -> set[Blob]:
        """Those that are not there, or not in their size. Raises ``LakeUnavailable``."""
        if not blobs:
            return set()
        wanted = {_key(blob.md5): blob for blob in blobs}
        limit = LISTED_PER_QUESTION * len(blobs)
        listed = list(islice(self._objects.listing(PREFIX), limit))
        sizes = {item.key: item.size for item in listed}
        if len(listed) == limit:
            last = listed[-1].key
            sizes |= self._sizes([key for key in wanted if key > last])
        return {blob for key, blob in wanted.items() if sizes.get(key) != blob.size}

    def _sizes(self, keys: list[str]) -> dict[str, int]:
        """Of those that are there, asked for one by one."""
        sizes = {}
        with ThreadPoolExecutor(THREADS) as pool:
            for key, head in zip(keys, pool.map(self._objects.head, keys), strict=True):
                if head:
                    sizes[key] = head.size
        return sizes

    def push(self, md5: str, file: Path) -> None:
        """Upload a file; it appears whole. Raises ``LakeUnavailable``."""
        key = _key(md5)
        with file.open("rb") as body, self._objects.stream(key) as sink:
            while chunk := body.read(CHUNK):
                sink.write(chunk)

    def is_intact(self, md5: str) -> bool:
        """Whether a file is there with the content that its name says. Raises ``LakeUnavailable``."""
        digest = hashlib.md5(usedforsecurity=False)
        try:
            for piece in self._objects.pieces(_key(md5)):
                digest.update(piece)
        except NoSuchObject:
            return False
        return digest.hexdigest() == md5.removesuffix(DIR)

    def fetch(self, md5: str, file: Path) -> bool:
        """Download into a file; False when it is not there. Raises ``LakeUnavailable``."""
        return self._objects.download(_key(md5), file)


def _key(md5: str) -> str:
    return f"{PREFIX}{md5[:2]}/{md5[2:]}"
