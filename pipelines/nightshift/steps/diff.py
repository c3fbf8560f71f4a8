"""What differs between two snapshots: partitions, and rows by key. Equal files are never fetched."""

from dataclasses import dataclass
from functools import reduce
from pathlib import PurePosixPath
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nightshift.errors import SchemaMismatch, UsageError
from nightshift.steps.checkout import find_snapshot
from nightshift.stores import Stores

OTHER = ":other"


@dataclass(frozen=True)
class PartitionDiff:
    """One partition that is not the same in both; row counts by key, columns as ``name: type``."""

    partition: str
    change: Literal["added", "removed", "changed"]
    rows_added: int
    rows_removed: int
    rows_changed: int
    columns_added: list[str]
    columns_removed: list[str]


@dataclass(frozen=True)
class SnapshotDiff:
    """From ``a`` to ``b``: what was added is in ``b`` only. Partitions are in order."""

    a: str
    b: str
    partitions_same: int
    partitions: list[PartitionDiff]


def diff(a: str, b: str, stores: Stores, *, keys: tuple[str, ...] = ()) -> SnapshotDiff:
    """Compare two snapshots, named as in ``find_snapshot``, whose ``keys`` are those of the model by default.

    A row is changed when any column that both have differs. Raises as ``find_snapshot``, and ``UsageError`` when
    rows are to be compared and no key is known.
    """
    one, other = find_snapshot(a, stores), find_snapshot(b, stores)
    keys = keys or next((named.spec.keys for named in (one, other) if named.spec), ())
    before, after = stores.snapshots.files(one.md5), stores.snapshots.files(other.md5)
    names = {path: _partition(path) for path in sorted(before.keys() | after.keys())}
    differing = sorted({names[path] for path in names if before.get(path) != after.get(path)})

    def rows(md5: str, files: dict[str, str], partition: str) -> pa.Table | None:
        found = [stores.snapshots.bring(files[path], md5) for path in sorted(files) if names[path] == partition]
        return pa.concat_tables([pq.ParquetFile(file).read() for file in found]) if found else None

    compared = [_compared(p, rows(one.md5, before, p), rows(other.md5, after, p), keys) for p in differing]
    return SnapshotDiff(one.md5, other.md5, len(set(names.values())) - len(differing), compared)


def _partition(path: str) -> str:
    folder = str(PurePosixPath(path).parent)
    return path if folder == "." else folder


def _compared(partition: str, before: pa.Table | None, after: pa.Table | None, keys: tuple[str, ...]) -> PartitionDiff:
    if before is None or after is None:
        rows_added, rows_removed = (0 if table is None else table.num_rows for table in (after, before))
        return PartitionDiff(partition, "added" if before is None else "removed", rows_added, rows_removed, 0, [], [])
    _require(partition, before, after, keys)
    had, has = ([f"{field.name}: {field.type}" for field in table.schema] for table in (before, after))
    return PartitionDiff(
        partition,
        "changed",
        rows_added=_without(after, before, keys),
        rows_removed=_without(before, after, keys),
        rows_changed=_changed(before, after, keys),
        columns_added=[column for column in has if column not in had],
        columns_removed=[column for column in had if column not in has],
    )


def _require(partition: str, before: pa.Table, after: pa.Table, keys: tuple[str, ...]) -> None:
    if not keys:
        raise UsageError("two bare md5s do not say what the keys of a row are", fix="name the model: --model MODEL")
    for key in keys:
        types = [table.schema.field(key).type if key in table.column_names else None for table in (before, after)]
        if None in types or types[0] != types[1]:
            raise SchemaMismatch(
                f"{partition}: key {key} is {types[0] or 'missing'} in one snapshot and {types[1] or 'missing'}"
                " in the other, so no row of one can be found in the other",
                fix="compare snapshots of one spec",
            )


def _without(these: pa.Table, those: pa.Table, keys: tuple[str, ...]) -> int:
    wanted = list(keys)
    return int(these.select(wanted).join(those.select(wanted), keys=wanted, join_type="left anti").num_rows)


def _changed(before: pa.Table, after: pa.Table, keys: tuple[str, ...]) -> int:
    shared = [name for name in before.column_names if name in after.column_names and name not in keys]
    # A column of another type is named among the columns, and its values are not compared.
    shared = [name for name in shared if before.schema.field(name).type == after.schema.field(name).type]
    wanted = [*keys, *shared]
    both = before.select(wanted).join(after.select(wanted), list(keys), join_type="inner", right_suffix=OTHER)
    if not shared or not both.num_rows:
        return 0
    found = reduce(pc.or_, (_differs(both[name], both[name + OTHER]) for name in shared))
    return int(pc.sum(found).as_py())


def _differs(one: pa.ChunkedArray, other: pa.ChunkedArray) -> pa.ChunkedArray:
    """Null is equal to null, and what is no number to what is no number."""
    absent, absent_there = (pc.is_null(values, nan_is_null=True) for values in (one, other))
    unequal = pc.and_not(pc.fill_null(pc.not_equal(one, other), False), pc.and_(absent, absent_there))
    return pc.or_(unequal, pc.xor(absent, absent_there))
