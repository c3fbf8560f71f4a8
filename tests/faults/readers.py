"""Readers that poll all the time, as analysts and services do, and judge what they get.

``manifest`` reads the files that the commit record names; ``arrow`` and ``pandas`` read the plain prefix,
knowing nothing of manifests.
"""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from nightshift.contracts import Dataset, PartitionKey
from nightshift.errors import LakeUnavailable
from nightshift.settings import Settings
from nightshift.stores.lake import Lake
from tests.faults.worker import CONTEXT
from tests.faults.world import MODEL, Judge, Night, Wrong

PAUSE = 0.1
Read = Callable[[str], pa.Table | None]


@dataclass
class Tally:
    """What one reader saw. ``errors`` are reads that failed and were made again, by exception."""

    reader: str
    reads: int = 0
    not_yet: int = 0
    changes: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """For benchmarks/soak.json."""
        return {**vars(self), "errors": dict(self.errors.most_common())}


def through_manifest(settings: Settings) -> Read:
    """Exactly the files that the manifest names, checked against it."""
    lake = Lake(settings)

    def read(partition: str) -> pa.Table | None:
        manifest = lake.manifest(PartitionKey(Dataset.PREDICTIONS, MODEL, "day", partition))
        if manifest is None:
            return None
        tables = []
        for file in manifest.files:
            found = lake.objects.get(file.key)
            if found is None:
                raise Wrong(f"{partition}: the manifest of {manifest.generation} names {file.key}, which is not there")
            if hashlib.sha256(found[0]).hexdigest() != file.sha256:
                raise Wrong(f"{partition}: {file.key} is not what the manifest says")
            tables.append(pq.read_table(pa.BufferReader(found[0])))
        table = pa.concat_tables(tables)
        if table.num_rows != manifest.rows:
            raise Wrong(f"{partition}: {table.num_rows} rows, the manifest says {manifest.rows}")
        return table

    return read


def through_arrow(settings: Settings) -> Read:
    """The folder, by pyarrow's own dataset and file system."""
    import pyarrow.dataset as ds

    lake = Lake(settings)

    def read(partition: str) -> pa.Table | None:
        folder = lake.objects.path(f"{Dataset.PREDICTIONS}/{MODEL}/day={partition}")
        try:
            return ds.dataset(folder, filesystem=lake.objects.filesystem, format="parquet").to_table()
        except FileNotFoundError:
            return None

    return read


def through_pandas(settings: Settings) -> Read:
    """The folder, by pandas and s3fs."""
    import pandas as pd

    assert settings.secret_key is not None
    options = {
        "key": settings.access_key,
        "secret": settings.secret_key.get_secret_value(),
        "client_kwargs": {"endpoint_url": settings.endpoint, "region_name": settings.region},
        "use_listings_cache": False,
    }

    def read(partition: str) -> pa.Table | None:
        folder = f"{settings.lake}/{Dataset.PREDICTIONS}/{MODEL}/day={partition}/"
        try:
            frame = pd.read_parquet(folder, storage_options=options)
        except FileNotFoundError:
            return None
        return pa.Table.from_pandas(frame.drop(columns=["day"], errors="ignore"), preserve_index=False)

    return read


def through_pandas_alone(settings: Settings) -> Read:
    """The folder, by what ``pd.read_parquet("s3://...")`` takes when nothing else is said: pyarrow's file system."""
    import pandas as pd

    lake = Lake(settings)

    def read(partition: str) -> pa.Table | None:
        folder = lake.objects.path(f"{Dataset.PREDICTIONS}/{MODEL}/day={partition}")
        try:
            frame = pd.read_parquet(folder, filesystem=lake.objects.filesystem)
        except FileNotFoundError:
            return None
        return pa.Table.from_pandas(frame.drop(columns=["day"], errors="ignore"), preserve_index=False)

    return read


def through_row_groups(settings: Settings) -> Read:
    """The plain file column by column, a request for each, as engines do that spread a file over threads."""
    lake = Lake(settings)

    def read(partition: str) -> pa.Table | None:
        file = pq.ParquetFile(
            lake.objects.filesystem.open_input_file(
                lake.objects.path(f"{Dataset.PREDICTIONS}/{MODEL}/day={partition}/part-00000.parquet")
            )
        )
        groups = [
            pa.table({name: file.read_row_group(group, [name])[name] for name in file.schema_arrow.names})
            for group in range(file.num_row_groups)
        ]
        return pa.concat_tables(groups)

    return read


KINDS = {
    "manifest": through_manifest,
    "arrow": through_arrow,
    "pandas": through_pandas,
    "pandas_arrow": through_pandas_alone,
    "columns": through_row_groups,
}


class Verdict(Protocol):
    """Says which version a table is, or raises ``Wrong``."""

    def version(self, partition: str, found: pa.Table, /) -> str: ...


POLLING = ("manifest", "arrow", "pandas")


def watch(kind: str, settings: Settings, nights: tuple[Night, ...], link: Connection) -> None:
    """Read night after night until told to stop; then say what was seen."""
    tally, judge = Tally(kind), Judge(nights)
    read, seen = KINDS[kind](settings), dict[str, str]()
    while not link.poll(PAUSE):
        for night in nights:
            look(read, night.partition, judge, seen, tally)
    link.send(tally)
    link.close()


def look(read: Read, partition: str, judge: Verdict, seen: dict[str, str], tally: Tally) -> None:
    """One read, judged. A read that fails is no violation: its reader knows that it has nothing."""
    try:
        table = read(partition)
        if table is None or not table.num_rows:
            if partition in seen:
                raise Wrong(f"{partition}: it was there, and is gone")
            tally.not_yet += 1
            return
        version = judge.version(partition, cast(table))
    except Wrong as wrong:
        tally.violations.append(str(wrong))
    except (OSError, LakeUnavailable, pa.ArrowException) as error:
        tally.errors[f"{type(error).__name__}: {str(error).splitlines()[0][:60]}"] += 1
    else:
        tally.reads += 1
        tally.changes += seen.get(partition) != version
        seen[partition] = version


def cast(table: pa.Table) -> pa.Table:
    """Strings as Arrow writes them, whatever the reader made of them."""
    kinds = {pa.large_string(): pa.string()}
    schema = pa.schema([f.with_type(kinds.get(f.type, f.type)) for f in table.schema]).remove_metadata()
    return table.cast(schema)


class Readers:
    """One process per kind."""

    def __init__(self, settings: Settings, nights: tuple[Night, ...], kinds: tuple[str, ...] = POLLING) -> None:
        self._running: list[tuple[Any, Connection]] = []
        for kind in kinds:
            mine, theirs = CONTEXT.Pipe()
            process = CONTEXT.Process(target=watch, args=(kind, settings, nights, theirs), daemon=True)
            process.start()
            theirs.close()
            self._running.append((process, mine))

    def stop(self) -> list[Tally]:
        """What each saw."""
        for _, link in self._running:
            link.send("stop")
        tallies = [link.recv() for _, link in self._running]
        for process, link in self._running:
            process.join(10)
            process.kill()
            link.close()
        self._running = []
        return tallies
