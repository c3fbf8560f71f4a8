"""Partitions and manifests on any S3, published so that a reader only ever sees whole nights.

A generation's files are immutable; one conditional PUT of the manifest makes it the night (stores/commit.py); the plain
files that people read are copied after that (stores/plain.py; docs/publishing.md; stores/layout.py has the keys).
"""

import datetime as dt
import logging
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nightshift.contracts import CanaryRows, Dataset, PartitionKey, PartitionRef
from nightshift.errors import MissingPartition, UnreadableRecord
from nightshift.s3 import trust
from nightshift.s3.client import NoSuchObject
from nightshift.settings import Settings
from nightshift.stores import layout, parquet, plain
from nightshift.stores.columns import other_column, require_column
from nightshift.stores.commit import GenerationDraft, check_rows, commit, committed, superseded, taken_back
from nightshift.stores.manifest import DataFile, Manifest
from nightshift.stores.missing import how_to_make, missing_file
from nightshift.stores.objects import ObjectInfo, Objects
from nightshift.stores.parquet_source import ParquetSource, StoredFile, iter_row_groups, read_whole, source

log = logging.getLogger("nightshift")

__all__ = ["GenerationDraft", "Lake", "how_to_make", "iter_row_groups"]


@dataclass(frozen=True)
class ListedCommit:
    """A night's manifest as a listing has it."""

    key: PartitionKey
    etag: str
    modified: dt.datetime
    is_retracted: bool


class Lake:
    """All datasets of all models under one S3 prefix."""

    def __init__(self, settings: Settings, began: dt.datetime | None = None) -> None:
        self.objects = Objects(settings, settings.lake)
        self._began = began
        self._checked_columns: set[tuple[Dataset, str, str]] = set()

    def manifest(self, key: PartitionKey) -> Manifest | None:
        """The commit record of a night, or None when it was never published. It may say that it was taken back."""
        standing = committed(self.objects, key)
        return standing.manifest if standing else None

    def published(self, key: PartitionKey) -> Manifest | None:
        """The commit record of a night that people can read, or None."""
        manifest = self.manifest(key)
        return None if manifest is None or manifest.retracted else manifest

    def require(self, key: PartitionKey) -> Manifest:
        """The commit record of a night. Raises ``MissingPartition``, also for one that was taken back."""
        manifest = self.manifest(key)
        if manifest is None:
            self.require_column(key)
            raise MissingPartition(f"{key.dataset} has no night {key.partition} of {key.model}", fix=how_to_make(key))
        if manifest.retracted:
            named = manifest.retracted.dataset or key.dataset
            raise MissingPartition(
                f"{key} was taken back by {manifest.retracted.by}: {manifest.retracted.why}",
                fix=f"{how_to_make(key.of(named))}, to bring it back",
            )
        return manifest

    def readable(self, key: PartitionKey) -> Manifest | None:
        """As ``published``, where one night must not cost the others: one that is unreadable is None, and a warning."""
        try:
            return self.published(key)
        except UnreadableRecord as error:
            log.warning("%s is left out: %s", key, error)
            return None

    def partitions(self, dataset: Dataset, model: str, column: str | None = None) -> list[str]:
        """Keys of the nights that people can read, sorted. One listing.

        Raises ``UsageError`` when nights lie under another partition column than ``column``; without it any will do.
        """
        commits = self._commits(dataset, model, column)
        return sorted(night.key.partition for night in commits if not night.is_retracted)

    def retracted(self, dataset: Dataset, model: str, column: str) -> list[str]:
        """Keys of the nights that were taken back, sorted. One listing. Raises as ``partitions``."""
        commits = self._commits(dataset, model, column)
        return sorted(night.key.partition for night in commits if night.is_retracted)

    def ever_published(self, dataset: Dataset, model: str, column: str) -> set[str]:
        """Keys of the nights that people can read or that were taken back. One listing."""
        nights = map(layout.manifest_in, self.objects.keys(layout.manifests_of_column(dataset, model, column)))
        return {night.partition for night in nights if night}

    def commits(self, dataset: Dataset, model: str, column: str) -> dict[str, str]:
        """The ETag of each night's manifest: another one as soon as the night was published anew. One listing.

        Raises as ``partitions``.
        """
        commits = self._commits(dataset, model, column)
        return {night.key.partition: night.etag for night in commits if not night.is_retracted}

    def published_at(self, dataset: Dataset, model: str, column: str) -> dict[str, dt.datetime]:
        """When the manifest of each night that people can read was last written, by the store's clock. One listing.

        Raises as ``partitions``.
        """
        commits = self._commits(dataset, model, column)
        return {night.key.partition: night.modified for night in commits if not night.is_retracted}

    def _commits(self, dataset: Dataset, model: str, column: str | None) -> list[ListedCommit]:
        """All nights that were ever published. Asked of are those alone that have a mark."""
        listed: dict[str, ObjectInfo] = {}
        marked = set()
        for item in self.objects.listing(layout.manifests(dataset, model)):
            listed[item.key] = item
            marked.add(layout.marked_manifest(item.key))
        commits = []
        for place, item in listed.items():
            key = layout.night_in(place, dataset, model)
            if key is None:
                continue
            if column is not None and key.column != column:
                raise other_column(key, column)
            is_retracted = place in marked and self._is_retracted(key)
            commits.append(ListedCommit(key, item.etag, item.modified, is_retracted))
        return commits

    def _is_retracted(self, key: PartitionKey) -> bool:
        # One that is unreadable is there: whoever asks for it gets to know.
        with suppress(UnreadableRecord):
            return self.published(key) is None
        return False

    def require_column(self, key: PartitionKey) -> None:
        """Raises ``UsageError`` when nights of the dataset lie under another partition column than that of ``key``.

        Two small requests, for the first night that is asked for.
        """
        dataset_key = (key.dataset, key.model, key.column)
        if dataset_key not in self._checked_columns:
            require_column(self.objects, key)
            self._checked_columns.add(dataset_key)

    def begin(self, key: PartitionKey) -> GenerationDraft:
        """Start a new generation of a night. Before anything of what it will be made from is read.

        Raises ``UsageError`` when other nights lie under another partition column, ``UnreadableRecord``, and
        ``Superseded`` when the night was taken back since the run began: another try does not bring it back.
        """
        standing = committed(self.objects, key)
        if standing is None:
            self.require_column(key)
        elif standing.manifest.retracted and standing.manifest.retracted.is_after(self._began):
            raise taken_back(key, standing.manifest.retracted, "after this run had begun")
        base_etag = standing.etag if standing else None
        return GenerationDraft(key, uuid.uuid4().hex[:12], base_etag)

    def require_base(self, draft: GenerationDraft) -> None:
        """Raises ``Superseded`` when another was committed since ``begin``, as a commit would."""
        standing = committed(self.objects, draft.key)
        if standing and standing.etag != draft.base_etag:
            raise superseded(draft.key, standing.manifest)

    def add(
        self,
        draft: GenerationDraft,
        index: int,
        batches: Iterable[pa.RecordBatch],
        schema: pa.Schema,
        first_rows: int | None = None,
        empty_groups: int = 0,
    ) -> DataFile:
        """Write one file of a generation: whole, or, after a failure, not there. No disk is needed."""
        key = draft.file_key(index)
        with self.objects.stream(key) as sink:
            rows = parquet.write(batches, schema, sink, first_rows, empty_groups)
        return DataFile(key=key, rows=rows, bytes=sink.bytes, sha256=sink.sha256)

    def add_copy(self, draft: GenerationDraft, index: int, file: DataFile) -> DataFile:
        """The same file of another generation, copied inside the store: not a byte travels through here."""
        key = draft.file_key(index)
        try:
            self.objects.copy(file.key, key, {})
        except NoSuchObject as error:
            raise missing_file(self.objects.uri, file.key) from error
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
        inputs: Mapping[str, int] | None = None,
        counts: dict[str, list[int]] | None = None,
        moments: dict[str, list[float]] | None = None,
        rows_by_version: dict[str, int] | None = None,
        canary: CanaryRows | None = None,
    ) -> PartitionRef:
        """Make a generation the night. ``inputs``: the sequence of each thing that it was made from.

        Raises ``LostRows``, ``Superseded``, ``MissingPartition`` when a file of it is gone, ``LakeUnavailable``,
        ``StackError`` for a store that cannot be trusted with a commit.
        """
        trust.require(self.objects.settings)
        written = tuple(files)
        rows = check_rows(draft.key, written, rows_in, rows_quarantined)
        night = Manifest(
            **asdict(draft.key),
            generation=draft.generation,
            previous=None,
            rows=rows,
            rows_in=rows_in,
            rows_quarantined=rows_quarantined,
            columns={field.name: str(field.type) for field in schema},
            files=written,
            provenance=provenance,
            inputs=dict(inputs or {}),
            counts=counts or {},
            moments=moments or {},
            rows_by_version=rows_by_version,
            canary=canary,
        )
        standing = commit(self.objects, night, draft.base_etag)
        plain.serve(self.objects, standing, is_new=standing.generation == draft.generation)
        return standing.ref

    def publish(
        self,
        draft: GenerationDraft,
        table: pa.Table,
        *,
        rows_quarantined: int = 0,
        provenance: dict[str, Any],
        inputs: Mapping[str, int] | None = None,
    ) -> PartitionRef:
        """Write and commit a night that is one table."""
        batches = table.to_batches(max_chunksize=parquet.ROW_GROUP_ROWS)
        file = self.add(draft, 0, batches, table.schema)
        return self.commit(
            draft,
            [file],
            table.schema,
            rows_in=table.num_rows + rows_quarantined,
            rows_quarantined=rows_quarantined,
            provenance=provenance,
            inputs=inputs,
        )

    def read(self, manifest: Manifest, columns: list[str] | None = None) -> pa.Table:
        """The rows that a manifest names, in its order. Raises ``MissingPartition``, ``DamagedFile``."""
        if not manifest.files:
            return _empty(manifest, columns)
        tables = [self._read_file(file, columns) for file in manifest.files]
        return pa.concat_tables(tables)

    def source(self, file: StoredFile, *, wholly: bool = False) -> ParquetSource:
        """A file of a generation, held against its digest; a large one by its pages' checksums, unless ``wholly``."""
        return source(self.objects, file, wholly=wholly)

    def heal(self, manifest: Manifest) -> None:
        """Bring the plain files in line with what stands, after a run that died between the two."""
        plain.serve(self.objects, manifest)

    def _read_file(self, file: DataFile, columns: list[str] | None) -> pa.Table:
        body = read_whole(self.objects, file)
        return pq.read_table(pa.BufferReader(body), columns=columns)


def _empty(manifest: Manifest, columns: list[str] | None) -> pa.Table:
    """What a night without a file has: no row, and of its columns the names."""
    names = columns or list(manifest.columns)
    return pa.table({name: pa.nulls(0) for name in names})
