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
OF_A_MODEL = re.compile(rf"([^@]+)@({CHAMPION}|{CHALLENGER}|[1-9]\d*)")


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
        return NamedSnapshot(name.removesuffix(DIR) + DIR, None)
    of_model = OF_A_MODEL.fullmatch(name)
    if of_model is None:
        raise UsageError(f"{name!r} names no snapshot", fix="give MODEL@champion, MODEL@challenger, MODEL@3 or an md5")
    model, which = of_model.groups()
    spec = find_spec(stores.settings.models, model)
    version = which if which.isdigit() else _version(model, which, stores)
    facts, _ = stores.registry.facts(model, version)
    if "snapshot_md5" not in facts:
        raise ModelError(f"{model} version {version} does not say what it was trained on", fix="name an md5")
    return NamedSnapshot(facts["snapshot_md5"], spec)


def checkout(name: str, folder: Path, stores: Stores, *, force: bool = False) -> CheckedOut:
    """Make ``folder`` exactly the snapshot. It is filled beside its place and appears whole.

    Raises as ``find_snapshot``, and ``UsageError`` when the folder has other content, unless ``force`` is given.
    """
    md5, folder = find_snapshot(name, stores).md5, folder.resolve()
    if not _holds(folder, stores.snapshots.files(md5)):
        _refuse(folder, force)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
            stores.snapshots.copy(md5, Path(beside) / "new")
            if folder.exists():
                folder.rename(Path(beside) / "before")
            (Path(beside) / "new").rename(folder)
    return CheckedOut(md5, str(folder), *_counts(folder))


def _version(model: str, alias: str, stores: Stores) -> str:
    version = stores.registry.alias(model, alias)
    if version is None:
        kind = NoChampion if alias == CHAMPION else ModelError
        raise kind(f"{model} has no {alias}", fix=f"name a version: {model}@1")
    return version


def _holds(folder: Path, files: dict[str, str]) -> bool:
    there = {str(file.relative_to(folder)): file for file in folder.rglob("*") if file.is_file()}
    return there.keys() == files.keys() and all(md5_of(there[path]) == md5 for path, md5 in files.items())


def _refuse(folder: Path, force: bool) -> None:
    if Path.cwd().is_relative_to(folder):
        raise UsageError(f"{folder} is where you work, and would be replaced", fix="give another folder by --to")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file", fix="give another folder by --to")
    if not force and folder.is_dir() and any(folder.iterdir()):
        raise UsageError(f"{folder} has other content", fix="give another folder by --to, or --force to replace it")


def _counts(folder: Path) -> tuple[int, int]:
    files = [file for file in folder.rglob("*.parquet") if file.is_file()]
    return len({file.parent for file in files}), sum(pq.read_metadata(file).num_rows for file in files)
