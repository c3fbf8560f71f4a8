"""What a folder holds, as DVC writes it into a ``.dir`` object: a sorted list of paths and md5s."""

import json
from collections.abc import Mapping
from pathlib import PurePosixPath

from nightshift.errors import DataError


def to_bytes(files: Mapping[str, str]) -> bytes:
    """The ``.dir`` object of files by relative path; its md5 is the folder's."""
    from dvc_data.hashfile.tree import Tree

    entries = [{"md5": md5, "relpath": path} for path, md5 in files.items()]
    tree = Tree.from_list(entries, hash_name="md5")
    return bytes(tree.as_bytes())


def from_bytes(body: bytes, name: str) -> dict[str, str]:
    """The md5 of each file by relative path. Raises ``DataError`` when a path leads out of the folder."""
    files = {}
    for entry in _entries(body, name):
        path = PurePosixPath(entry["relpath"])
        if path.is_absolute() or ".." in path.parts:
            raise DataError(f"{name} names the file {path}, which lies outside of it", fix="do not use this snapshot")
        files[str(entry["relpath"])] = str(entry["md5"])
    return files


def _entries(body: bytes, name: str) -> list[dict[str, str]]:
    try:
        entries = json.loads(body)
        return [{"relpath": str(entry["relpath"]), "md5": str(entry["md5"])} for entry in entries]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise DataError(f"{name} is no list of files: {error}", fix="do not use this snapshot") from error
