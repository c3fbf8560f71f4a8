"""Partitions and manifests on any S3, published so that a reader only ever sees whole nights.

Three places share the work (docs/publishing.md):

    generations/<dataset>/<model>/<partition>/<generation>/part-*.parquet   immutable
    manifests/<dataset>/<model>/<column>=<partition>.json                   one conditional PUT: the commit
    <dataset>/<model>/<column>=<partition>/part-*.parquet                   what people read, copied after
"""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from nightshift.contracts import PartitionRef
from nightshift.errors import LakeUnavailable, LostRows, MissingPartition, NightshiftError, Superseded
from nightshift.settings import Settings
from nightshift.stores import parquet
from nightshift.stores.manifest import DataFile, Manifest
from nightshift.stores.objects import ConditionFailed, Objects

MADE_BY = {
    "raw": "ingest",
    "labels": "ingest",
    "validated": "validate",
    "predictions": "predict",
    "monitoring": "monitor",
}


@dataclass(frozen=True)
class GenerationDraft:
    """A generation being written. ``base_etag`` is the manifest's at the beginning: what the commit replaces."""

    dataset: str
    model: str
    column: str
    partition: str
    generation: str
    base_etag: str | None

    def file_key(self, index: int) -> str:
        """Where file ``index`` of this generation lies."""
        return f"generations/{self.dataset}/{self.model}/{self.partition}/{self.generation}/part-{index:05d}.parquet"


class Lake:
    """All datasets of all models under one S3 prefix."""

    def __init__(self, settings: Settings) -> None:
        self.objects = Objects(settings, settings.lake)

    def manifest(self, dataset: str, model: str, column: str, partition: str) -> Manifest | None:
        """The commit record of a night, or None when it was never published."""
        found = self._manifest(dataset, model, column, partition)
        return found[0] if found else None

    def require(self, dataset: str, model: str, column: str, partition: str) -> Manifest:
        """The commit record of a night. Raises ``MissingPartition``."""
        manifest = self.manifest(dataset, model, column, partition)
        if manifest is None:
            raise MissingPartition(
                f"{dataset} has no night {partition} of {model}",
                fix=f"nightshift {MADE_BY.get(dataset, 'ingest')} {model} {partition}",
            )
        return manifest

    def partitions(self, dataset: str, model: str) -> list[str]:
        """Published partition keys, sorted. One listing."""
        keys = self.objects.keys(f"manifests/{dataset}/{model}/")
        return sorted(key.rpartition("=")[2].removesuffix(".json") for key in keys)

    def commits(self, dataset: str, model: str, column: str) -> dict[str, str]:
        """The ETag of each night's manifest: another one as soon as the night was published anew. One listing."""
        prefix = manifest_key(dataset, model, column, "").removesuffix(".json")
        found = self.objects.listing(prefix)
        return {item.key.removeprefix(prefix).removesuffix(".json"): item.etag for item in found}

    def begin(self, dataset: str, model: str, column: str, partition: str) -> GenerationDraft:
        """Start a new generation of a night."""
        found = self._manifest(dataset, model, column, partition)
        return GenerationDraft(dataset, model, column, partition, uuid.uuid4().hex[:12], found[1] if found else None)

    def add(
        self,
        draft: GenerationDraft,
        index: int,
        batches: Iterable[pa.RecordBatch],
        schema: pa.Schema,
        first_rows: int | None = None,
    ) -> DataFile:
        """Write one file of a generation: whole, or, after a failure, not there. No disk is needed."""
        key = draft.file_key(index)
        with self.objects.stream(key) as sink:
            rows = parquet.write(batches, schema, sink, first_rows)
        return DataFile(key=key, rows=rows, bytes=sink.bytes, sha256=sink.sha256)

    def add_copy(self, draft: GenerationDraft, index: int, file: DataFile) -> DataFile:
        """The same file of another generation, copied inside the store: not a byte travels through here."""
        key = draft.file_key(index)
        self.objects.copy(file.key, key, {})
        return file.model_copy(update={"key": key})

    def commit(
        self,
        draft: GenerationDraft,
        files: Iterable[DataFile],
        schema: pa.Schema,
        *,
        rows_in: int,
        rows_quarantined: int = 0,
        provenance: dict[str, Any],
        counts: dict[str, list[int]] | None = None,
    ) -> PartitionRef:
        """Make a generation the night. Raises ``LostRows``, ``Superseded``, ``LakeUnavailable``."""
        current, etag = self._manifest(draft.dataset, draft.model, draft.column, draft.partition) or (None, None)
        if current is not None and current.generation == draft.generation:
            return self._settle(current)
        previous = current.generation if current else None
        manifest = self._describe(
            draft, tuple(files), schema, rows_in, rows_quarantined, provenance, previous, counts or {}
        )
        if current is not None and current.digest == manifest.digest:
            return self._settle(current)
        if etag != draft.base_etag:
            raise _superseded(manifest, current)
        self._put(manifest, draft.base_etag)
        return self._settle(manifest)

    def publish(
        self, draft: GenerationDraft, table: pa.Table, *, rows_quarantined: int = 0, provenance: dict[str, Any]
    ) -> PartitionRef:
        """Write and commit a night that is one table."""
        file = self.add(draft, 0, table.to_batches(max_chunksize=parquet.ROW_GROUP_ROWS), table.schema)
        rows_in = table.num_rows + rows_quarantined
        return self.commit(
            draft, [file], table.schema, rows_in=rows_in, rows_quarantined=rows_quarantined, provenance=provenance
        )

    def read(self, manifest: Manifest, columns: list[str] | None = None) -> pa.Table:
        """The rows that a manifest names, in its order."""
        tables = [self._read_file(file.key, columns) for file in manifest.files]
        return pa.concat_tables(tables)

    def open_parquet(
        self, key: str, dictionaries: Iterable[str] = (), footer: pq.FileMetaData | None = None
    ) -> pq.ParquetFile:
        """A file of a generation, to be read row group by row group. Raises ``LakeUnavailable``.

        ``dictionaries`` are columns to read as such: their values once, and an index per row. A ``footer``
        that was read before saves a request.
        """
        with reading(key):
            return pq.ParquetFile(
                self.objects.open(key), metadata=footer, pre_buffer=True, read_dictionary=list(dictionaries)
            )

    def heal(self, manifest: Manifest) -> None:
        """Bring the plain files in line with the manifest, after a run that died between the two."""
        while True:
            self._copy_plain(manifest)
            latest = self.manifest(manifest.dataset, manifest.model, manifest.column, manifest.partition)
            if latest is None or latest.generation == manifest.generation:
                return
            manifest = latest

    def _describe(
        self,
        draft: GenerationDraft,
        files: tuple[DataFile, ...],
        schema: pa.Schema,
        rows_in: int,
        rows_quarantined: int,
        provenance: dict[str, Any],
        previous: str | None,
        counts: dict[str, list[int]],
    ) -> Manifest:
        rows = sum(file.rows for file in files)
        if rows + rows_quarantined != rows_in:
            raise LostRows(
                f"{draft.dataset}/{draft.model} {draft.partition}: {rows_in} rows in, but {rows} out"
                f" and {rows_quarantined} quarantined; nothing was published",
                fix="this is a fault of Nightshift: keep the logs and report it",
            )
        return Manifest(
            dataset=draft.dataset,
            model=draft.model,
            column=draft.column,
            partition=draft.partition,
            generation=draft.generation,
            previous=previous,
            rows=rows,
            rows_in=rows_in,
            rows_quarantined=rows_quarantined,
            columns={field.name: str(field.type) for field in schema},
            files=files,
            provenance=provenance,
            counts=counts,
        )

    def _put(self, manifest: Manifest, base_etag: str | None) -> None:
        key = manifest_key(manifest.dataset, manifest.model, manifest.column, manifest.partition)
        try:
            self.objects.put_if(key, manifest.to_bytes(), base_etag)
        except ConditionFailed as refusal:
            # A lost answer looks like a lost race: what lies there decides, and nothing is deleted.
            found = self._manifest(manifest.dataset, manifest.model, manifest.column, manifest.partition)
            if found is not None and found[0].generation == manifest.generation:
                return
            if (found[1] if found else None) == base_etag:
                raise LakeUnavailable(f"the commit {self.objects.uri}/{key} did not go through: {refusal}") from refusal
            raise _superseded(manifest, found[0] if found else None) from refusal

    def _settle(self, manifest: Manifest) -> PartitionRef:
        self.heal(manifest)
        return PartitionRef(
            manifest.dataset, manifest.model, manifest.partition, manifest.generation,
            manifest.digest, manifest.rows, manifest.rows_quarantined,
        )  # fmt: skip

    def _copy_plain(self, manifest: Manifest) -> None:
        wanted = manifest.plain_files
        for plain, source in wanted.items():
            head = self.objects.head(plain)
            if head is None or head.metadata.get("generation") != manifest.generation:
                self.objects.copy(source, plain, {"generation": manifest.generation})
        for key in self.objects.keys(manifest.plain_folder):
            if key.endswith(".parquet") and key not in wanted:
                self.objects.delete(key)

    def _manifest(self, dataset: str, model: str, column: str, partition: str) -> tuple[Manifest, str] | None:
        key = manifest_key(dataset, model, column, partition)
        found = self.objects.get(key)
        if found is None:
            return None
        try:
            return Manifest.model_validate_json(found[0]), found[1]
        except ValidationError as error:
            raise NightshiftError(f"{self.objects.uri}/{key} is not a manifest this version reads: {error}") from error

    def _read_file(self, key: str, columns: list[str] | None) -> pa.Table:
        found = self.objects.get(key)
        if found is None:
            raise MissingPartition(f"{self.objects.uri}/{key} is named by a manifest but is not there")
        return pq.read_table(pa.BufferReader(found[0]), columns=columns)


def manifest_key(dataset: str, model: str, column: str, partition: str) -> str:
    """Where the commit record of a night lies."""
    return f"manifests/{dataset}/{model}/{column}={partition}.json"


def _superseded(mine: Manifest, other: Manifest | None) -> Superseded:
    who = other.provenance.get("airflow_run") or other.generation if other else "another run"
    return Superseded(
        f"{mine.dataset}/{mine.model} {mine.partition} was published by {who} while this run worked; its night stands",
        fix="nothing to do; run again to replace it",
    )


def iter_row_groups(file: pq.ParquetFile, columns: list[str], first: int, last: int) -> Iterator[pa.RecordBatch]:
    """Record batches of row groups ``first`` to ``last``, holding one row group at a time.

    Raises ``LakeUnavailable``.
    """
    for group in range(first, last):
        with reading(f"row group {group}"):
            yield from file.iter_batches(row_groups=[group], columns=columns, batch_size=parquet.ROW_GROUP_ROWS)


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Arrow reads from S3 inside; a store that stops answering is our error."""
    try:
        yield
    except OSError as error:
        raise LakeUnavailable(f"S3 stopped answering while reading {what}: {error}", fix="nightshift status") from error
