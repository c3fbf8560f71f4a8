"""Files on this machine named by the md5 of their content, laid out as DVC's cache: ``files/md5/ab/cdef...``.

A file is sealed when it comes in: read-only, and with the time 0. Whoever writes into it changes its time, and
then it counts only if its content still is what its name says. So links to it can be handed out.
"""

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nightshift.errors import OutOfSpace

READ_ONLY = 0o444
CHUNK = 2**20
DIR = ".dir"


@dataclass(frozen=True)
class Blob:
    """Content by its md5; ``size`` in bytes. A folder's listing has ``.dir`` after the md5, as DVC writes it."""

    md5: str
    size: int


class Cache:
    """One folder, used by any number of processes at once: a file appears in it whole, by one rename."""

    def __init__(self, folder: Path) -> None:
        self._home = folder.parent
        self._folder = folder / "files" / "md5"

    def find(self, md5: str, *, anew: bool = False) -> Path | None:
        """The file with this content; None when it is not there or was changed. ``anew`` trusts no seal."""
        path = self._path(md5)
        try:
            if sealed(path) and not anew:
                return path
            if md5_of(path) == md5.removesuffix(DIR):
                seal(path)
                return path
        except FileNotFoundError:
            pass
        return None

    @contextmanager
    def incoming(self) -> Iterator[Path]:
        """A temporary file beside the others, gone at the end unless it was taken. Raises ``OutOfSpace``."""
        private_home(self._home)
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix="incoming-", dir=self._folder)
        os.close(handle)
        try:
            yield Path(name)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise OutOfSpace(f"no room in {self._folder}: {error}", fix="make room, or set NIGHTSHIFT_HOME") from error
        finally:
            Path(name).unlink(missing_ok=True)

    def take(self, incoming: Path, suffix: str = "") -> Blob:
        """Make an incoming file one of the cache, under the name of its content."""
        blob = Blob(md5_of(incoming) + suffix, incoming.stat().st_size)
        if self.find(blob.md5, anew=True) is None:
            target = self._path(blob.md5)
            target.parent.mkdir(exist_ok=True)
            _to_disk(incoming)
            seal(incoming)
            incoming.replace(target)
        return blob

    def _path(self, md5: str) -> Path:
        return self._folder / md5[:2] / md5[2:]


def private_home(home: Path) -> None:
    """Make the home where it is not there, for this user alone: sealed files are rows, which all may read."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)


def link(source: Path, target: Path) -> None:
    """The same sealed content under another name, whatever was there; a copy where there is no such link.

    Of several that do this at once each may find the work done: all bring the same content.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except FileExistsError:
        return
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, target)
        seal(target)


def seal(path: Path) -> None:
    """Say that the content of a file is known."""
    path.chmod(READ_ONLY)
    os.utime(path, (0, 0))


def _to_disk(path: Path) -> None:
    """After a loss of power a sealed name must not stand for an empty file."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sealed(path: Path) -> bool:
    """Whether nobody wrote into a file since its content was known. Raises ``FileNotFoundError``."""
    return path.stat().st_mtime_ns == 0


def md5_of(path: Path) -> str:
    """Hex digest of a file's content."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
