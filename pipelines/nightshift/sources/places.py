"""Files by pattern, in S3 or on this machine: which there are, and how Arrow opens them."""

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator
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
        *folders, _ = self.uri.split("/")
        parts = {}
        for folder in folders:
            name, equals, value = folder.partition("=")
            if equals:
                parts[name] = unquote(value)
        return parts


def find(pattern: str, settings: Settings) -> list[File]:
    """The files that a pattern matches, in order of their names.

    ``*`` and ``?`` stay within a folder, ``**/`` crosses folders; relative paths start at the project. Of what a
    wildcard matches, names that begin with _ or . are markers and left out. Raises ``SourceMissing`` when there
    is none, ``SourceUnreadable`` for a file that is neither Parquet nor CSV, ``SpecError``, ``LakeUnavailable``.
    """
    scheme, _, rest = pattern.rpartition("://")
    if scheme not in {"", "s3", "file"}:
        raise SpecError(f"source.files: got {pattern!r}, allowed: s3://bucket/... or a path", fix="correct it")
    if scheme == "s3":
        matches = _in_s3(rest, settings)
    else:
        path = settings.project / Path(rest).expanduser()
        matches = _on_disk(str(path))
    files = sorted(matches, key=lambda file: file.uri)
    if not files:
        raise SourceMissing(
            f"no file matches {pattern}",
            fix="correct source.files in model.yaml: a pattern names files, e.g. .../*.parquet or .../**/*.csv",
        )
    for file in files:
        if not file.uri.endswith(ENDINGS):
            raise SourceUnreadable(f"{file.uri} is neither .parquet nor .csv", fix=f"narrow the pattern {pattern}")
    return files


def _in_s3(rest: str, settings: Settings) -> Iterator[File]:
    from nightshift.stores.objects import Objects

    bucket, _, pattern = rest.partition("/")
    objects = Objects(settings, f"s3://{bucket}")
    matches = _matcher(pattern)
    try:
        for item in objects.listing(_fixed(pattern)):
            if matches(item.key):
                yield File(
                    uri=f"s3://{bucket}/{item.key}",
                    path=f"{bucket}/{item.key}",
                    filesystem=objects.filesystem,
                    modified=item.modified,
                )
    except LakeUnavailable as error:
        if "NoSuchBucket" not in error.message:
            raise
        raise SourceMissing(f"there is no bucket {bucket}, for {rest}", fix="correct source.files") from error


def _on_disk(pattern: str) -> Iterator[File]:
    from pyarrow.fs import LocalFileSystem

    matches = _matcher(pattern)
    for path in _candidates(pattern):
        if matches(str(path)) and path.is_file():
            written = path.stat().st_mtime
            yield File(
                uri=str(path),
                path=str(path),
                filesystem=LocalFileSystem(),
                modified=dt.datetime.fromtimestamp(written, dt.UTC),
            )


def _candidates(pattern: str) -> Iterable[Path]:
    """Paths among which all matches are."""
    if not WILD.search(pattern):
        return [Path(pattern)]
    folder, _, _ = _fixed(pattern).rpartition("/")
    return Path(folder or "/").rglob("*")


def _fixed(pattern: str) -> str:
    """What every match begins with."""
    fixed, *_ = WILD.split(pattern, maxsplit=1)
    return fixed


def _matcher(pattern: str) -> Callable[[str], bool]:
    pieces = re.split(f"({WILD.pattern})", pattern)
    expression = "".join(MEANING.get(piece) or re.escape(piece) for piece in pieces)
    compiled = re.compile(expression)
    is_wild = WILD.search(pattern) is not None

    def matches(path: str) -> bool:
        _, _, name = path.rpartition("/")
        is_marker = name.startswith(("_", "."))
        if is_wild and is_marker:
            return False
        return compiled.fullmatch(path) is not None

    return matches
