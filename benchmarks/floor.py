"""What the bytes of a night cost at the least, each part alone: Arrow, numpy, and a store that is spoken to plainly.

The parts are what no way of scoring Parquet in S3 can leave out: the store serves and takes the bytes, Arrow decodes
and encodes them, with a checksum to each page, and numbers become the float32 matrix that a graph is fed.
"""

import http.client
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.nights import forget
from benchmarks.world import World
from nightshift.contracts import Plan
from nightshift.profiles.profile import load_profile
from nightshift.scoring.engine import Engine, cut, schema
from nightshift.scoring.graph import fetch
from nightshift.steps.score import score
from nightshift.stores.parquet import ROW_GROUP_ROWS, with_dictionaries

ROWS_PER_CALL = 2_048
TARGET = "scratch/floor.parquet"
Work = Callable[[], object]


@dataclass(frozen=True)
class Floor:
    """A night's bytes in memory, and as what they are decoded and encoded; ``columns`` are those that scoring reads."""

    world: World
    plan: Plan
    night: bytes
    predictions: bytes
    columns: list[str]
    texts: list[str]
    features: tuple[str, ...]

    def parts(self) -> dict[str, Work]:
        """Each of them as work to be timed."""
        units = [unit for batch in self.decoded() for unit in cut(batch)]
        written = self._row_groups()
        return {
            "serve": self.served,
            "decode": self.decoded,
            "cast": lambda: [self._matrix(unit) for unit in units],
            "encode": lambda: self._encoded(written),
            "take": self._taken,
        }

    def served(self) -> int:
        """The column chunks that are read, row group by row group, in one request each."""
        with _Wire(self.world, "get_object", self.plan.shards[0].key) as wire:
            return sum(len(wire.range(first, last)) for first, last in self._ranges())

    def decoded(self) -> list[pa.RecordBatch]:
        """All rows, in this thread."""
        file = pq.ParquetFile(
            pa.BufferReader(self.night),
            read_dictionary=self.texts,
            page_checksum_verification=True,
        )
        return list(file.iter_batches(ROW_GROUP_ROWS, columns=self.columns, use_threads=False))

    def _ranges(self) -> list[tuple[int, int]]:
        footer = pq.ParquetFile(pa.BufferReader(self.night)).metadata
        ranges = []
        for group in range(footer.num_row_groups):
            chunks = [footer.row_group(group).column(place) for place in range(footer.num_columns)]
            read = [chunk for chunk in chunks if chunk.path_in_schema in self.columns]
            starts = [chunk.dictionary_page_offset or chunk.data_page_offset for chunk in read]
            sizes = [chunk.total_compressed_size for chunk in read]
            ranges.append((min(starts), min(starts) + sum(sizes)))
        return ranges

    def _matrix(self, rows: pa.RecordBatch) -> None:
        """Line by line, as ONNX Runtime wants it, for each of its calls."""
        for start in range(0, rows.num_rows, ROWS_PER_CALL):
            part = rows.slice(start, ROWS_PER_CALL)
            matrix = np.empty((part.num_rows, len(self.features)), np.float32)
            for place, name in enumerate(self.features):
                matrix[:, place] = _numbers(part.column(name))

    def _row_groups(self) -> list[pa.Table]:
        file = pq.ParquetFile(pa.BufferReader(self.predictions), read_dictionary=_texts_of(self.world))
        return [file.read_row_group(group) for group in range(file.num_row_groups)]

    def _encoded(self, row_groups: list[pa.Table]) -> int:
        from nightshift.stores.parquet import _encoding

        sink = pa.BufferOutputStream()
        written = with_dictionaries(schema(self.world.spec))
        with pq.ParquetWriter(sink, written, **_encoding(row_groups[0])) as writer:
            for row_group in row_groups:
                writer.write_table(row_group, row_group_size=ROW_GROUP_ROWS)
        return int(sink.getvalue().size)

    def _taken(self) -> None:
        with _Wire(self.world, "put_object", TARGET) as wire:
            wire.put(self.predictions)


class _Wire:
    """One object of the store over one connection, by an address that is signed once: no client in between."""

    def __init__(self, world: World, operation: str, key: str) -> None:
        objects = world.stores.lake.objects
        bucket, _, path = objects.path(key).partition("/")
        client = objects._client
        signed = client.generate_presigned_url(operation, Params={"Bucket": bucket, "Key": path})
        address = urlsplit(signed)
        self._path = f"{address.path}?{address.query}"
        self._connection = http.client.HTTPConnection(address.netloc)

    def __enter__(self) -> "_Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def range(self, first: int, end: int) -> bytes:
        """Bytes of the object."""
        return self._answer("GET", {"Range": f"bytes={first}-{end - 1}"}, None)

    def put(self, body: bytes) -> None:
        """All of it."""
        self._answer("PUT", {}, body)

    def _answer(self, method: str, headers: dict[str, str], body: bytes | None) -> bytes:
        self._connection.request(method, self._path, body, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status >= http.client.BAD_REQUEST:
            raise RuntimeError(f"{method} of the floor: {answer.status} {content[:200]!r}")
        return content


def _numbers(values: pa.Array) -> Any:
    if pa.types.is_dictionary(values.type):
        return values.indices.to_numpy(zero_copy_only=False)
    return values.to_numpy(zero_copy_only=False)


def _texts_of(world: World) -> list[str]:
    return [field.name for field in schema(world.spec) if pa.types.is_string(field.type)]


def floor_of(world: World, plan: Plan) -> Floor:
    """Of a night of one shard, which is scored for it once."""
    objects = world.stores.lake.objects
    (shard,) = plan.shards
    forget(plan, world.spec, world.stores)
    result = score(world.spec, plan, shard, world.stores)
    night = objects.get(shard.key)
    predictions = objects.get(result.key)
    if night is None or predictions is None:
        raise FileNotFoundError(shard.key)
    engine = Engine(
        world.spec,
        plan,
        fetch(world.spec, plan.pin.key, plan.pin.sha256, world.stores),
        load_profile(plan.pin, world.stores.lake),
    )
    columns = engine.columns_of(pq.ParquetFile(pa.BufferReader(night[0])).metadata)
    texts = [name for name in columns if not world.spec.columns[name].numeric]
    return Floor(world, plan, night[0], predictions[0], columns, texts, world.spec.features)
