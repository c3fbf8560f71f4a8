"""Files by pattern, in S3 or on this machine: which there are, and how Arrow opens them."""

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from nightshift.errors import SourceMissing, SourceUnreadable, SpecError, UsageError
from nightshift.s3.client import NO_SUCH_BUCKET
from nightshift.settings import Settings
from nightshift.sources.table_formats import require_plain, table_of, tables_around

if TYPE_CHECKING:
    from nightshift.stores.objects import Objects

WILD = re.compile(r"\*\*/|\*|\?")
MEANING = {"**/": "(?:[^/]+/)*", "*": "[^/]*", "?": "[^/]"}
PARQUET = (".parquet",)
TEXTS = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
ENDINGS = PARQUET + TEXTS
HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class File:
    """One file of a source: ``path`` is what ``filesystem`` calls it."""

    uri: str
    path: str
    filesystem: Any
    modified: dt.datetime

    @property
    def parts(self) -> dict[str, str | None]:
        """``name=value`` folders on its way, as Hive writes them; None where Hive says null."""
        *folders, _ = self.uri.split("/")
        parts: dict[str, str | None] = {}
        for folder in folders:
            name, equals, written = folder.partition("=")
            value = unquote(written)
            if value == HIVE_NULL:
                parts[name] = None
            elif equals:
                parts[name] = value
        return parts


@dataclass
class Listing:
    """Files that a pattern matches, and tables of other formats among what was listed."""

    files: list[File]
    tables: dict[str, str]


def find(pattern: str, settings: Settings) -> list[File]:
    """The files that a pattern matches, in order of their names.

    ``*`` and ``?`` stay within a folder, ``**/`` crosses folders; relative paths start at the project. Of what a
    wildcard matches, names that begin with _ or ., and all in folders of such names, are markers and left out.
    Raises ``SourceMissing`` when there is none, and as ``matching``.
    """
    files = matching(pattern, settings)
    if not files:
        raise SourceMissing(
            f"no file matches {pattern}",
            fix="correct source.files in model.yaml: a pattern names files, e.g. .../*.parquet or .../**/*.csv",
        )
    return files


def matching(pattern: str, settings: Settings) -> list[File]:
    """The same, or none.

    Raises ``SourceMissing`` for a bucket that is not there, ``SourceUnreadable`` for a file that is neither Parquet nor
    CSV and for one of a Delta, Iceberg or Hudi table, ``SpecError``, ``LakeUnavailable``.
    """
    scheme, _, rest = pattern.rpartition("://")
    if scheme not in {"", "s3", "file"}:
        raise SpecError(f"source.files: got {pattern!r}, allowed: s3://bucket/... or a path", fix="correct it")
    if scheme == "s3":
        listing = _in_s3(rest, settings)
    else:
        path = settings.project / Path(rest).expanduser()
        listing = _on_disk(str(path))
    files = sorted(listing.files, key=lambda file: file.uri)
    require_plain([file.path for file in files], listing.tables)
    for file in files:
        if not file.uri.endswith(ENDINGS):
            raise SourceUnreadable(
                f"{file.uri} is neither .parquet nor .csv, .tsv, .csv.gz or .tsv.gz",
                fix=f"narrow the pattern {pattern}",
            )
    return files


def _in_s3(rest: str, settings: Settings) -> Listing:
    from nightshift.stores.objects import Objects

    bucket, _, pattern = rest.partition("/")
    objects = Objects(settings, f"s3://{bucket}")
    matches = _matcher(pattern)
    listing = Listing([], {})
    try:
        for item in objects.listing(_fixed(pattern)):
            path = f"{bucket}/{item.key}"
            listing.tables |= table_of(path)
            if matches(item.key):
                file = File(f"s3://{path}", path, objects.filesystem, item.modified)
                listing.files.append(file)
        if listing.files:
            folder = f"{bucket}/{_folder(pattern)}"
            listing.tables |= tables_around(folder, lambda place: _keys(objects, place))
    except UsageError as error:
        if not error.message.startswith(NO_SUCH_BUCKET):
            raise
        raise SourceMissing(f"there is no bucket {bucket}, for {rest}", fix="correct source.files") from error
    return listing


def _keys(objects: "Objects", folder: str) -> Iterator[str]:
    """Paths in a folder that is given with its bucket, as they are."""
    bucket, _, prefix = folder.partition("/")
    keys = objects.keys(prefix)
    for key in keys:
        yield f"{bucket}/{key}"


def _on_disk(pattern: str) -> Listing:
    from pyarrow.fs import LocalFileSystem

    matches = _matcher(pattern)
    tables = tables_around(_folder(pattern), _files_in)
    listing = Listing([], tables)
    for path in _candidates(pattern):
        name = str(path)
        listing.tables |= table_of(name)
        if matches(name) and path.is_file():
            written = path.stat().st_mtime
            modified = dt.datetime.fromtimestamp(written, dt.UTC)
            file = File(name, name, LocalFileSystem(), modified)
            listing.files.append(file)
    return listing


def _files_in(folder: str) -> Iterator[str]:
    path = Path(folder)
    if not path.is_dir():
        return iter(())
    return map(str, path.iterdir())


def _candidates(pattern: str) -> Iterable[Path]:
    """Paths among which all matches are."""
    if not WILD.search(pattern):
        return [Path(pattern)]
    return Path(_folder(pattern) or "/").rglob("*")


def _folder(pattern: str) -> str:
    """The folder that all matches are in, or below."""
    folder, _, _ = _fixed(pattern).rpartition("/")
    return folder


def _fixed(pattern: str) -> str:
    """What every match begins with."""
    fixed, *_ = WILD.split(pattern, maxsplit=1)
    return fixed


def _matcher(pattern: str) -> Callable[[str], bool]:
    pieces = re.split(f"({WILD.pattern})", pattern)
    expression = "".join(MEANING.get(piece) or re.escape(piece) for piece in pieces)
    compiled = re.compile(expression)
    is_wild = WILD.search(pattern) is not None
    start = len(_folder(pattern))

    def matches(path: str) -> bool:
        names = path[start:].split("/")
        if is_wild and any(map(_is_marker, names)):
            return False
        return compiled.fullmatch(path) is not None

    return matches


def _is_marker(name: str) -> bool:
    """_SUCCESS, _temporary, .hidden; but not _day=2024-01-01."""
    if name.startswith("."):
        return True
    is_column = "=" in name
    return name.startswith("_") and not is_column
