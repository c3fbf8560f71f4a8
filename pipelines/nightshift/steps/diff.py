"""What differs between two snapshots: partitions, and rows by key. Equal files are never fetched."""

from dataclasses import dataclass
from functools import reduce
from pathlib import PurePosixPath
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nightshift.errors import SchemaMismatch, UsageError
from nightshift.steps.checkout import NamedSnapshot, find_snapshot
from nightshift.stores import Stores
from nightshift.stores.key_joins import join_by_keys

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


@dataclass(frozen=True)
class _Snapshot:
    """The md5 of each file by its path."""

    md5: str
    files: dict[str, str]

    @property
    def partitions(self) -> set[str]:
        return set(map(_partition, self.files))

    def read(self, partition: str, stores: Stores) -> pa.Table | None:
        """The rows of a partition, file after file; None without any."""
        tables = []
        for path in sorted(self.files):
            if _partition(path) != partition:
                continue
            file = stores.snapshots.bring(self.files[path], self.md5)
            parquet = pq.ParquetFile(file)
            tables.append(parquet.read())
        return pa.concat_tables(tables) if tables else None


def diff(a: str, b: str, stores: Stores, *, keys: tuple[str, ...] = ()) -> SnapshotDiff:
    """Compare two snapshots, named as in ``find_snapshot``, whose ``keys`` are those of the model by default.

    A row is changed when any column that both have differs. Raises as ``find_snapshot``, and ``UsageError`` when
    rows are to be compared and no key is known.
    """
    named_a = find_snapshot(a, stores)
    named_b = find_snapshot(b, stores)
    keys = keys or _keys_of_model(named_a, named_b)
    before = _Snapshot(named_a.md5, stores.snapshots.files(named_a.md5))
    after = _Snapshot(named_b.md5, stores.snapshots.files(named_b.md5))
    differing = _differing(before, after)
    compared = []
    for partition in differing:
        rows_before = before.read(partition, stores)
        rows_after = after.read(partition, stores)
        compared.append(_compared(partition, rows_before, rows_after, keys))
    partitions = before.partitions | after.partitions
    return SnapshotDiff(
        a=before.md5,
        b=after.md5,
        partitions_same=len(partitions) - len(differing),
        partitions=compared,
    )


def _keys_of_model(*snapshots: NamedSnapshot) -> tuple[str, ...]:
    for snapshot in snapshots:
        if snapshot.spec:
            return snapshot.spec.keys
    return ()


def _differing(before: "_Snapshot", after: "_Snapshot") -> list[str]:
    """The partitions with a file that is not the same in both, in order."""
    partitions = set()
    paths = before.files.keys() | after.files.keys()
    for path in paths:
        if before.files.get(path) != after.files.get(path):
            partitions.add(_partition(path))
    return sorted(partitions)


def _partition(path: str) -> str:
    folder = PurePosixPath(path).parent
    if folder == PurePosixPath():
        return path
    return str(folder)


def _compared(partition: str, before: pa.Table | None, after: pa.Table | None, keys: tuple[str, ...]) -> PartitionDiff:
    if before is None or after is None:
        return _whole(partition, before, after)
    _require_keys(partition, before, after, keys)
    columns_before = _columns(before)
    columns_after = _columns(after)
    added = [column for column in columns_after if column not in columns_before]
    removed = [column for column in columns_before if column not in columns_after]
    return PartitionDiff(
        partition,
        "changed",
        rows_added=_count_without(after, before, keys),
        rows_removed=_count_without(before, after, keys),
        rows_changed=_count_changed(before, after, keys),
        columns_added=added,
        columns_removed=removed,
    )


def _whole(partition: str, before: pa.Table | None, after: pa.Table | None) -> PartitionDiff:
    """A partition that only one of the snapshots has."""
    return PartitionDiff(
        partition,
        change="added" if before is None else "removed",
        rows_added=_count_rows(after),
        rows_removed=_count_rows(before),
        rows_changed=0,
        columns_added=[],
        columns_removed=[],
    )


def _count_rows(table: pa.Table | None) -> int:
    if table is None:
        return 0
    return int(table.num_rows)


def _columns(table: pa.Table) -> list[str]:
    columns = []
    for field in table.schema:
        columns.append(f"{field.name}: {field.type}")
    return columns


def _require_keys(partition: str, before: pa.Table, after: pa.Table, keys: tuple[str, ...]) -> None:
    if not keys:
        raise UsageError(
            "two bare md5s do not say what the keys of a row are",
            fix="name the model: --model MODEL",
        )
    for key in keys:
        type_before = _type_of(key, before)
        type_after = _type_of(key, after)
        if type_before is None or type_before != type_after:
            raise SchemaMismatch(
                f"{partition}: key {key} is {type_before or 'missing'} in one snapshot and {type_after or 'missing'}"
                " in the other, so no row of one can be found in the other",
                fix="compare snapshots of one spec",
            )


def _type_of(column: str, table: pa.Table) -> pa.DataType | None:
    if column not in table.column_names:
        return None
    return table.schema.field(column).type


def _count_without(these: pa.Table, those: pa.Table, keys: tuple[str, ...]) -> int:
    """Rows of ``these`` whose key none of ``those`` has."""
    names = list(keys)
    rows = join_by_keys(
        these.select(names),
        those.select(names),
        names,
        "left anti",
    )
    return int(rows.num_rows)


def _count_changed(before: pa.Table, after: pa.Table, keys: tuple[str, ...]) -> int:
    comparable = _comparable(before, after, keys)
    columns = [*keys, *comparable]
    rows_before = before.select(columns)
    rows_after = after.select(columns)
    both = join_by_keys(
        rows_before,
        rows_after,
        keys,
        "inner",
        right_suffix=OTHER,
    )
    if not comparable or not both.num_rows:
        return 0
    differing = [_differs(both[name], both[name + OTHER]) for name in comparable]
    is_changed = reduce(pc.or_, differing)
    return int(pc.sum(is_changed).as_py())


def _comparable(before: pa.Table, after: pa.Table, keys: tuple[str, ...]) -> list[str]:
    """The columns of one type in both. Of another type, a column is named, and its values are not compared."""
    names = []
    for name in before.column_names:
        if name in keys:
            continue
        if _type_of(name, before) == _type_of(name, after):
            names.append(name)
    return names


def _differs(before: pa.ChunkedArray, after: pa.ChunkedArray) -> pa.ChunkedArray:
    """Null is equal to null, and what is no number to what is no number."""
    absent_before = pc.is_null(before, nan_is_null=True)
    absent_after = pc.is_null(after, nan_is_null=True)
    absent_in_one = pc.xor(absent_before, absent_after)
    absent_in_both = pc.and_(absent_before, absent_after)
    unequal = pc.fill_null(pc.not_equal(before, after), False)
    values_differ = pc.and_not(unequal, absent_in_both)
    return pc.or_(values_differ, absent_in_one)
