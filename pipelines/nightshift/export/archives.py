"""Archives whose bytes depend on nothing but what is in them."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

EARLIEST = (1980, 1, 1, 0, 0, 0)
READABLE = 0o644


def write_tar_gz(file: Path, contents: Mapping[str, bytes]) -> None:
    """Files by their names in the archive, of no time and nobody."""
    with (
        file.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for name, body in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            entry.mode = READABLE
            archive.addfile(entry, io.BytesIO(body))


def write_zip(file: Path, contents: Mapping[str, bytes]) -> None:
    """The same as a zip."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in contents.items():
            entry = zipfile.ZipInfo(name, EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = READABLE << 16
            archive.writestr(entry, body)
