"""Files by pattern, in S3 or on this machine: which there are, and how Arrow opens them."""

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from nightshift.errors import LakeUnavailable, SourceMissing, SourceUnreadable, SpecError
from nightshift.settings import Settings

WILD = re.compile(r"\*\*/|\*|\?")
MEANING = {"**/": "(?:[^/]+/)*", "*": "[^/]*", "?": "[^/]"}
ENDINGS = (".parquet", ".csv")


@dataclass(frozen=True)
class File:
    """One file of a source: ``path`` is what ``filesystem`` calls it."""

    uri: str
    path: str
    filesystem: Any
    modified: dt.datetime

    @property
    def parts(self) -> dict[str, str]:
        """``name=value`` folders on its way, as Hive writes them."""
        pairs = (folder.partition("=") for folder in self.uri.split("/")[:-1] if "=" in folder)
        return {name: unquote(value) for name, _, value in pairs}


def find(pattern: str, settings: Settings) -> list[File]:
    """The files that a pattern matches, in order of their names.

    ``*`` and ``?`` stay within a folder, ``**/`` crosses folders; relative paths start at the project. Of what a
    wildcard matches, names that begin with _ or . are markers and left out. Raises ``SourceMissing`` when there
    is none, ``SourceUnreadable`` for a file that is neither Parquet nor CSV, ``SpecError``, ``LakeUnavailable``.
    """
    scheme, _, rest = pattern.rpartition("://")
    if scheme not in {"", "s3", "file"}:
        raise SpecError(f"source.files: got {pattern!r}, allowed: s3://bucket/... or a path", fix="correct it")
    listed = _in_s3(rest, settings) if scheme == "s3" else _on_disk(str(settings.project / Path(rest).expanduser()))
    found = sorted(listed, key=lambda file: file.uri)
    if not found:
        raise SourceMissing(
            f"no file matches {pattern}",
            fix="correct source.files in model.yaml: a pattern names files, e.g. .../*.parquet or .../**/*.csv",
        )
    if other := [file.uri for file in found if not file.uri.endswith(ENDINGS)]:
        raise SourceUnreadable(f"{other[0]} is neither .parquet nor .csv", fix=f"narrow the pattern {pattern}")
    return found


def _in_s3(rest: str, settings: Settings) -> Iterator[File]:
    from nightshift.stores.objects import Objects

    bucket, _, pattern = rest.partition("/")
    objects = Objects(settings, f"s3://{bucket}")
    matches = _matcher(pattern)
    try:
        for item in objects.listing(_fixed(pattern)):
            if matches(item.key):
                yield File(f"s3://{bucket}/{item.key}", f"{bucket}/{item.key}", objects.filesystem, item.modified)
    except LakeUnavailable as error:
        if "NoSuchBucket" not in error.message:
            raise
        raise SourceMissing(f"there is no bucket {bucket}, for {rest}", fix="correct source.files") from error


def _on_disk(pattern: str) -> Iterator[File]:
    from pyarrow.fs import LocalFileSystem

    matches = _matcher(pattern)
    folder = Path(_fixed(pattern).rpartition("/")[0] or "/")
    for path in [Path(pattern)] if not WILD.search(pattern) else folder.rglob("*"):
        if matches(str(path)) and path.is_file():
            modified = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC)
            yield File(str(path), str(path), LocalFileSystem(), modified)


def _fixed(pattern: str) -> str:
    """What every match begins with."""
    return WILD.split(pattern, maxsplit=1)[0]


def _matcher(pattern: str) -> Any:
    pieces = (MEANING.get(piece) or re.escape(piece) for piece in re.split(f"({WILD.pattern})", pattern))
    compiled, wild = re.compile("".join(pieces)), WILD.search(pattern)

    def matches(path: str) -> bool:
        marker = path.rpartition("/")[2].startswith(("_", "."))
        return compiled.fullmatch(path) is not None and not (wild and marker)

    return matches
