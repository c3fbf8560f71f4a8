"""The file of an export that holds its model: on its own, as a folder of files, or inside of an archive."""

import hashlib
import tarfile
import zipfile
from pathlib import Path

from nightshift.errors import UnsafeGraph
from nightshift.export.record import ExportRecord

MOST_BYTES = 2**31
"""Of a model in an archive, which says itself how much it unpacks to: ONNX has no larger file."""


def body_at(folder: Path, address: str) -> bytes:
    """What is digested: a file, or one in an archive, ``model.tar.gz/model.onnx``; of a folder the list of its files.

    An address that leads out of the folder is none. Raises ``UnsafeGraph`` where nothing is there.
    """
    where = (folder / address).resolve()
    if where.is_relative_to(folder.resolve()):
        if where.is_file():
            return where.read_bytes()
        if where.is_dir():
            return _listing(where)
        body = _member(where, folder.resolve())
        if body is not None:
            return body
    raise UnsafeGraph(f"{folder} has no graph at {address}", fix=ExportRecord.remedy)


def _listing(folder: Path) -> bytes:
    """As ``sha256sum`` prints it, in the order of the names."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    lines = []
    for file in files:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        lines.append(f"{digest}  {file.relative_to(folder).as_posix()}\n")
    return "".join(lines).encode()


def _member(where: Path, folder: Path) -> bytes | None:
    """A file in the archive that is the one file on the way to ``where``."""
    archives = [parent for parent in where.parents if parent.is_relative_to(folder) and parent.is_file()]
    if not archives:
        return None
    (archive,) = archives
    name = where.relative_to(archive).as_posix()
    try:
        return _of_zip(archive, name) if zipfile.is_zipfile(archive) else _of_tar(archive, name)
    except (KeyError, OSError, EOFError, tarfile.TarError, zipfile.BadZipFile):
        return None


def _of_zip(archive: Path, name: str) -> bytes | None:
    with zipfile.ZipFile(archive) as files, files.open(name) as member:
        return _bounded(member.read(MOST_BYTES + 1))


def _of_tar(archive: Path, name: str) -> bytes | None:
    with tarfile.open(archive) as files:
        member = files.extractfile(name)
        return None if member is None else _bounded(member.read(MOST_BYTES + 1))


def _bounded(body: bytes) -> bytes | None:
    return body if len(body) <= MOST_BYTES else None
