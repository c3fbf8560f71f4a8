"""Bring back exactly the bytes that a version was trained on, on any machine that reaches the lake and MLflow."""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from nightshift.errors import ModelError, NoChampion, UsageError
from nightshift.spec import ModelSpec, find_spec
from nightshift.stores import Stores
from nightshift.stores.cache import DIR, md5_of
from nightshift.stores.registry import CHALLENGER, CHAMPION

BARE = re.compile(r"[0-9a-f]{32}(\.dir)?")
OF_A_MODEL = re.compile(rf"([^@]+)@({CHAMPION}|{CHALLENGER}|[1-9][0-9]*)")


@dataclass(frozen=True)
class NamedSnapshot:
    """A snapshot that a person named; ``spec`` is None for a bare md5."""

    md5: str
    spec: ModelSpec | None


@dataclass(frozen=True)
class CheckedOut:
    """A snapshot as a folder; ``nights`` is the number of its partitions."""

    md5: str
    folder: str
    nights: int
    rows: int


def find_snapshot(name: str, stores: Stores) -> NamedSnapshot:
    """What ``MODEL@champion``, ``MODEL@challenger``, ``MODEL@VERSION`` or an md5 names.

    Raises ``UsageError`` for anything else, ``NoChampion``, ``ModelError`` when there is no such version.
    """
    if BARE.fullmatch(name):
        md5 = name.removesuffix(DIR) + DIR
        return NamedSnapshot(md5, None)
    of_model = OF_A_MODEL.fullmatch(name)
    if of_model is None:
        raise UsageError(
            f"{name!r} names no snapshot",
            fix="give MODEL@champion, MODEL@challenger, MODEL@3 or an md5",
        )
    model, alias_or_version = of_model.groups()
    spec = find_spec(stores.settings.models, model)
    version = _version(model, alias_or_version, stores)
    return NamedSnapshot(_learnt_from(model, version, stores), spec)


def checkout(name: str, folder: Path, stores: Stores, *, force: bool = False) -> CheckedOut:
    """Make ``folder`` exactly the snapshot. It is filled beside its place and appears whole.

    Raises as ``find_snapshot``, and ``UsageError`` when the folder has other content, unless ``force`` is given.
    """
    md5 = find_snapshot(name, stores).md5
    folder = folder.resolve()
    if not _holds(folder, stores.snapshots.files(md5)):
        _require_replaceable(folder, force)
        _replace(folder, md5, stores)
    return _checked_out(md5, folder)


def _learnt_from(model: str, version: str, stores: Stores) -> str:
    """By the version's record; of one that no gate has judged, and that scores nothing, by MLflow."""
    record = stores.versions.record(model, version)
    if record:
        return record.snapshot_md5
    facts, _ = stores.registry.facts(model, version)
    if "snapshot_md5" not in facts:
        raise ModelError(
            f"{model} version {version} does not say what it was trained on",
            fix="name an md5",
        )
    return facts["snapshot_md5"]


def _version(model: str, alias_or_version: str, stores: Stores) -> str:
    if alias_or_version.isdigit():
        return alias_or_version
    version = stores.aliases.version(model, alias_or_version)
    if version is None:
        error = NoChampion if alias_or_version == CHAMPION else ModelError
        raise error(
            f"{model} has no {alias_or_version}",
            fix=f"name a version: {model}@1",
        )
    return version


def _holds(folder: Path, files: dict[str, str]) -> bool:
    present = _files_in(folder)
    if present.keys() != files.keys():
        return False
    return all(md5_of(present[path]) == md5 for path, md5 in files.items())


def _files_in(folder: Path) -> dict[str, Path]:
    """All files below a folder, by their paths in it."""
    files = {}
    for file in folder.rglob("*"):
        if file.is_file():
            path = file.relative_to(folder)
            files[str(path)] = file
    return files


def _require_replaceable(folder: Path, force: bool) -> None:
    if Path.cwd().is_relative_to(folder):
        raise UsageError(
            f"{folder} is where you work, and would be replaced",
            fix="give another folder by --to",
        )
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file", fix="give another folder by --to")
    if not force and folder.is_dir() and any(folder.iterdir()):
        raise UsageError(
            f"{folder} has other content",
            fix="give another folder by --to, or --force to replace it",
        )


def _replace(folder: Path, md5: str, stores: Stores) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{folder.name}-"
    with tempfile.TemporaryDirectory(prefix=prefix, dir=folder.parent) as beside:
        new = Path(beside, "new")
        stores.snapshots.copy(md5, new)
        if folder.exists():
            before = Path(beside, "before")
            folder.rename(before)
        new.rename(folder)


def _checked_out(md5: str, folder: Path) -> CheckedOut:
    nights = set()
    rows = 0
    for file in folder.rglob("*.parquet"):
        if file.is_file():
            nights.add(file.parent)
            rows += pq.read_metadata(file).num_rows
    return CheckedOut(
        md5=md5,
        folder=str(folder),
        nights=len(nights),
        rows=rows,
    )
