"""Snapshots of training data in DVC's format: content-addressed, restorable byte for byte.

A snapshot is a ``.dir`` object that names the md5 of each of its files. Files and ``.dir`` lie in one cache on
this machine and in the DVC remote, so ``dvc pull`` brings a snapshot too; but no repository of DVC is opened and
nothing locks: runs side by side write the same names with the same content. The ``.dir`` is pushed last, so what
names files never comes before them. The project's own ``data.dvc`` is one such snapshot, committed to git.
"""

import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import yaml

from nightshift.errors import MissingPartition, UsageError
from nightshift.settings import Settings
from nightshift.stores import dvc_listing
from nightshift.stores.cache import DIR, Blob, Cache, link, private_home, sealed
from nightshift.stores.remote import THREADS, Remote

DATA = "data"
MD5 = re.compile(r"[0-9a-f]{32}\.dir")
T = TypeVar("T")


class Snapshots:
    """Snapshots, as far as Nightshift needs them."""

    def __init__(self, settings: Settings) -> None:
        self._project = settings.project
        self._copies = settings.home / "snapshots"
        self._cache = Cache(settings.home / "dvc-cache")
        self._remote = Remote(settings)

    def keep(self, write: Callable[[Path], T]) -> tuple[Blob, T]:
        """Let ``write`` make one file; its content is in the cache from then on, and what ``write`` returned."""
        with self._cache.incoming() as file:
            returned = write(file)
            blob = self._cache.take(file)
            return blob, returned

    def lost(self, blobs: Collection[Blob]) -> set[Blob]:
        """Those that neither the remote nor this machine has. Raises ``LakeUnavailable``."""
        lost = set()
        for blob in self._remote.lacking(blobs):
            if self._cache.find(blob.md5) is None:
                lost.add(blob)
        return lost

    def freeze(self, files: Mapping[str, Blob]) -> str:
        """The ``.dir`` md5 of a snapshot of these files by relative path; only what the remote lacks is pushed.

        Raises ``LakeUnavailable``, ``MissingPartition`` when a file is neither in the remote nor here.
        """
        folder = self._listing(files)
        lacking = self._remote.lacking({*files.values(), folder})
        for_each(self._push, [blob.md5 for blob in lacking if blob != folder])
        if folder in lacking:
            self._push(folder.md5)
        return folder.md5

    def files(self, md5: str) -> dict[str, str]:
        """The md5 of each file of a snapshot. Raises ``MissingPartition``, ``LakeUnavailable``, ``UsageError``."""
        if not MD5.fullmatch(md5):
            raise UsageError(
                f"{md5!r} is not the md5 of a snapshot, 32 hex digits and .dir", fix="see data.dvc for one"
            )
        listing = self.bring(md5, md5).read_bytes()
        return dvc_listing.from_bytes(listing, md5)

    def is_pushed(self, md5: str) -> bool:
        """Whether the remote has a file, or a listing, byte for byte, whatever lies on this machine."""
        return self._remote.is_intact(md5)

    def bring(self, md5: str, snapshot: str, *, anew: bool = False) -> Path:
        """A file by the md5 of its content, to be read only. Raises ``MissingPartition``, ``LakeUnavailable``.

        ``snapshot`` is only named in the error. ``anew`` has the file read and hashed.
        """
        cached = self._cache.find(md5, anew=anew)
        if cached is None:
            self._fetch(md5)
            cached = self._cache.find(md5)
        if cached is None:
            what = f"snapshot {snapshot}" if md5 == snapshot else f"{md5} of snapshot {snapshot}"
            raise MissingPartition(
                f"{what} is not in {self._remote.uri}, or not whole",
                fix="make it again: nightshift snapshot; or push it from where it was made: dvc push",
            )
        return cached

    def checkout(self, md5: str) -> Path:
        """The folder with exactly the bytes of a snapshot, to be read only. Raises as ``files``."""
        files = self.files(md5)
        kept = self._copies / md5
        if not kept.is_dir():
            with self._working_copy() as work:
                self._lay_out(md5, files, work / DATA)
                self._rename(work, kept)
        data = kept / DATA
        self._lay_out(md5, files, data)
        return data

    def copy(self, md5: str, folder: Path) -> None:
        """The bytes of a snapshot as a folder of their own; each is read and hashed. Raises as ``files``."""
        files = self.files(md5)

        def copy(path: str) -> None:
            source = self.bring(files[path], md5, anew=True)
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)

        for_each(copy, files)

    def export(self, md5: str) -> Path:
        """Put a snapshot into the project as ``data/`` and ``data.dvc``, for git and ``dvc repro``."""
        target = self._project / DATA
        shutil.rmtree(target, ignore_errors=True)
        self.copy(md5, target)
        sizes = [file.stat().st_size for file in files_in(target)]
        out = {
            "md5": md5,
            "size": sum(sizes),
            "nfiles": len(sizes),
            "hash": "md5",
            "path": DATA,
        }
        pointer = target.with_name(f"{DATA}.dvc")
        content = yaml.safe_dump({"outs": [out]}, sort_keys=False)
        pointer.write_text(content)
        return pointer

    def adopt(self, folder: Path) -> str:
        """The md5 of a folder that is checked out from the ``.dvc`` file beside it.

        Raises ``UsageError`` when there is no such file or the folder differs from it.
        """
        pointer = folder.resolve().with_name(f"{folder.name}.dvc")
        if not (pointer.is_file() and folder.is_dir()):
            raise UsageError(f"{folder} or {pointer.name} beside it is missing", fix=f"dvc pull {pointer.name}")
        named = read_md5(pointer)
        blobs = {str(file.relative_to(folder)): self._copied(file) for file in files_in(folder)}
        actual = self._listing(blobs).md5
        if actual != named:
            raise UsageError(f"{folder} is {actual}, {pointer.name} names {named}", fix=f"dvc checkout {pointer.name}")
        return named

    def _listing(self, files: Mapping[str, Blob]) -> Blob:
        """The ``.dir`` object of files by relative path, in the cache."""
        md5s = {path: blob.md5 for path, blob in files.items()}
        with self._cache.incoming() as file:
            file.write_bytes(dvc_listing.to_bytes(md5s))
            return self._cache.take(file, DIR)

    def _copied(self, file: Path) -> Blob:
        blob, _ = self.keep(lambda incoming: shutil.copyfile(file, incoming))
        return blob

    def _fetch(self, md5: str) -> None:
        """Into the cache, if the remote has it."""
        suffix = DIR if md5.endswith(DIR) else ""
        with self._cache.incoming() as file:
            if self._remote.fetch(md5, file):
                self._cache.take(file, suffix)

    def _push(self, md5: str) -> None:
        file = self._cache.find(md5, anew=True)
        if file is None:
            raise MissingPartition(
                f"{md5} is neither in {self._remote.uri} nor on this machine", fix="make the snapshot again"
            )
        self._remote.push(md5, file)

    def _lay_out(self, md5: str, files: Mapping[str, str], folder: Path) -> None:
        """Links to the files of a snapshot where they are not yet or were changed; nothing else stays."""
        unchanged = set()
        for file in files_in(folder):
            path = str(file.relative_to(folder))
            if path not in files:
                file.unlink(missing_ok=True)
            elif sealed(file):
                unchanged.add(path)

        def lay(path: str) -> None:
            link(self.bring(files[path], md5), folder / path)

        for_each(lay, [path for path in files if path not in unchanged])

    @contextmanager
    def _working_copy(self) -> Iterator[Path]:
        private_home(self._copies.parent)
        self._copies.mkdir(exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix="work-", dir=self._copies))
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)

    @staticmethod
    def _rename(work: Path, kept: Path) -> None:
        try:
            work.rename(kept)
        except OSError:
            # A run beside this one kept the same bytes first.
            if not kept.is_dir():
                raise


def for_each(act: Callable[[str], object], names: Iterable[str]) -> None:
    """Do the same for many, several at a time; the first error is raised."""
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(act, names):
            pass


def files_in(folder: Path) -> list[Path]:
    """All files of a folder and of those in it, sorted."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def read_md5(pointer: Path) -> str:
    """The ``.dir`` md5 that a ``.dvc`` file names."""
    content = yaml.safe_load(pointer.read_text())
    (out,) = content["outs"]
    return str(out["md5"])
