"""A lake of many small nights, written fast: the objects that publishing leaves, put side by side."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from nightshift.contracts import Dataset, PartitionKey, Pin
from nightshift.monitoring.drift import DriftResult
from nightshift.monitoring.night_record import NightCounts, NightRecord
from nightshift.spec import ModelSpec
from nightshift.stores import layout, parquet
from nightshift.stores.lake import Lake
from nightshift.stores.manifest import DataFile, Manifest
from nightshift.stores.records import Record

FIRST = date(2000, 1, 1)
AT_ONCE = 24
ROWS = 3
TABLE = pa.table({"score": pa.array([0.5] * ROWS)})
GENERATION = "0123456789ab"
PIN = Pin("bench", "1", "run", "ab" * 32, "key", "5f.dir", "2000-01-01")


@dataclass(frozen=True)
class Written:
    """An object to be put."""

    key: str
    body: bytes
    metadata: dict[str, str] = field(default_factory=dict)


def nights_from(first: date, nights: int) -> list[str]:
    """So many, one after the other."""
    return [(first + timedelta(days=day)).isoformat() for day in range(nights)]


def write_nights(lake: Lake, spec: ModelSpec, nights: int) -> list[str]:
    """Nights of all six datasets, monitored and checked; the quarantine of each is empty, as it mostly is."""
    body = _body()
    partitions = nights_from(FIRST, nights)

    def write(night: str) -> None:
        for written in _objects(spec, night, body):
            client = lake.objects._client
            client.put_object(**lake.objects._at(written.key), Body=written.body, Metadata=written.metadata)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(write, partitions))
    return partitions


def night_records(spec: ModelSpec, partitions: list[str]) -> Iterator[Written]:
    """Of nights that are published, labelled and monitored only what says so: the small JSON, and not a row."""
    body = _body()
    for night in partitions:
        for dataset in (Dataset.VALIDATED, Dataset.PREDICTIONS, Dataset.LABELS):
            key = spec.key(dataset, night)
            yield Written(layout.manifest(key), _manifest(key, (_file(key, body),)).to_json())
        yield Written(layout.drift(spec.key(Dataset.MONITORING, night)), _night_record(spec, night).to_json())


def publish_anew(lake: Lake, spec: ModelSpec, night: str) -> None:
    """A night made anew in every dataset, by the commit itself."""
    for dataset in Dataset:
        draft = lake.begin(spec.key(dataset, night))
        provenance = {"pin": asdict(PIN), "night": night}
        lake.publish(draft, TABLE.slice(0, ROWS - 1), provenance=provenance)


def _objects(spec: ModelSpec, night: str, body: bytes) -> Iterator[Written]:
    for dataset in Dataset:
        key = spec.key(dataset, night)
        files = ()
        if dataset != Dataset.QUARANTINE:
            file = _file(key, body)
            files = (file,)
            yield Written(file.key, body)
            yield Written(layout.served_file(key, 0), body, {"generation": GENERATION})
        yield Written(layout.manifest(key), _manifest(key, files).to_json())
    yield Written(layout.drift(spec.key(Dataset.MONITORING, night)), _night_record(spec, night).to_json())
    yield Written(layout.drift_report(spec.key(Dataset.MONITORING, night)), b"<html>")
    yield Written(layout.validation_result(spec.key(Dataset.VALIDATED, night)), b"{}")
    yield Written(layout.data_docs(spec.key(Dataset.VALIDATED, night)), b"<html>")


def _body() -> bytes:
    sink = pa.BufferOutputStream()
    parquet.write(TABLE.to_batches(), TABLE.schema, sink)
    return sink.getvalue().to_pybytes()


def _file(key: PartitionKey, body: bytes) -> DataFile:
    return DataFile(
        key=layout.generation_file(key, GENERATION, 0),
        rows=ROWS,
        bytes=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
    )


def _manifest(key: PartitionKey, files: tuple[DataFile, ...]) -> Manifest:
    rows = sum(file.rows for file in files)
    facts: dict[str, Any] = {**asdict(key), "generation": GENERATION, "previous": None, "columns": {"score": "double"}}
    return Manifest(**facts, rows=rows, rows_in=rows, rows_quarantined=0, files=files, provenance={"pin": asdict(PIN)})


def _night_record(spec: ModelSpec, night: str) -> Record:
    return NightRecord(
        model=spec.name,
        partition=night,
        version=PIN.version,
        pin=PIN,
        counts=NightCounts(ROWS, 0, ROWS, 0),
        generation=GENERATION,
        drift=DriftResult(False, 1.0, 2.0, 0.5, "score", ROWS, 0.01, 89, []),
        accuracy=(),
    )
