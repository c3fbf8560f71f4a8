"""Partitions and manifests on any S3, published so that a reader only ever sees whole nights.

A generation's files are immutable; one conditional PUT of the manifest makes it the night; the plain files that
people read are copied after that (docs/publishing.md; stores/layout.py has the keys).
"""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from nightshift.contracts import Dataset, PartitionKey, PartitionRef
from nightshift.errors import LakeUnavailable, LostRows, MissingPartition, Superseded
from nightshift.settings import Settings
from nightshift.stores import layout, parquet, trust
from nightshift.stores.manifest import DataFile, Manifest
from nightshift.stores.objects import ConditionFailed, Objects


@dataclass(frozen=True)
class GenerationDraft:
    """A generation being written. ``base_etag`` is the manifest's at the beginning: what the commit replaces."""

    key: PartitionKey
    generation: str
    base_etag: str | None

    def file_key(self, index: int) -> str:
        """Where file ``index`` of this generation lies."""
        return layout.generation_file(self.key, self.generation, index)


class Committed(NamedTuple):
    """A manifest as it lies in the store; a commit replaces exactly the one with this ETag."""

    manifest: Manifest
    etag: str


class Lake:
    """All datasets of all models under one S3 prefix."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.objects = Objects(settings, settings.lake)

    def manifest(self, key: PartitionKey) -> Manifest | None:
        """The commit record of a night, or None when it was never published."""
        committed = self._committed(key)
        return committed.manifest if committed else None

    def require(self, key: PartitionKey) -> Manifest:
        """The commit record of a night. Raises ``MissingPartition``."""
        manifest = self.manifest(key)
        if manifest is None:
            raise MissingPartition(f"{key.dataset} has no night {key.partition} of {key.model}", fix=how_to_make(key))
        return manifest

    def partitions(self, dataset: Dataset, model: str) -> list[str]:
        """Published partition keys, sorted, of whatever partition column. One listing."""
        partitions = []
        for key in self.objects.keys(layout.manifests(dataset, model)):
            night = layout.night_in(key, dataset, model)
            if night:
                partitions.append(night.partition)
        return sorted(partitions)

    def commits(self, dataset: Dataset, model: str, column: str) -> dict[str, str]:
        """The ETag of each night's manifest: another one as soon as the night was published anew. One listing."""
        etags: dict[str, str] = {}
        prefix = layout.manifests_of_column(dataset, model, column)
        for item in self.objects.listing(prefix):
            night = layout.night_in(item.key, dataset, model)
            if night:
                etags[night.partition] = item.etag
        return etags

    def begin(self, key: PartitionKey) -> GenerationDraft:
        """Start a new generation of a night."""
        committed = self._committed(key)
        base_etag = committed.etag if committed else None
        return GenerationDraft(key, uuid.uuid4().hex[:12], base_etag)

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
        """Make a generation the night. Raises ``LostRows``, ``Superseded``, ``LakeUnavailable``, ``StackError``."""
        trust.require(self._settings)
        current = self._committed(draft.key)
        if current and current.manifest.generation == draft.generation:
            return self._settle(current.manifest)
        written = tuple(files)
        _require_all_rows(draft.key, written, rows_in, rows_quarantined)
        rows = sum(file.rows for file in written)
        columns = {field.name: str(field.type) for field in schema}
        manifest = Manifest(
            **asdict(draft.key),
            generation=draft.generation,
            previous=current.manifest.generation if current else None,
            rows=rows,
            rows_in=rows_in,
            rows_quarantined=rows_quarantined,
            columns=columns,
            files=written,
            provenance=provenance,
            counts=counts or {},
        )
        return self._settle(self._replace(current, manifest, draft.base_etag))

    def publish(
        self, draft: GenerationDraft, table: pa.Table, *, rows_quarantined: int = 0, provenance: dict[str, Any]
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
            source = self.objects.open(key)
            return pq.ParquetFile(source, metadata=footer, pre_buffer=True, read_dictionary=list(dictionaries))

    def heal(self, manifest: Manifest) -> None:
        """Bring the plain files in line with the manifest, after a run that died between the two."""
        while True:
            self._serve(manifest)
            latest = self.manifest(manifest.key)
            if latest is None or latest.generation == manifest.generation:
                return
            manifest = latest

    def _replace(self, current: Committed | None, manifest: Manifest, base_etag: str | None) -> Manifest:
        """Commit a manifest over the one it is based on; what stands then. The same content is not committed twice."""
        if current and current.manifest.digest == manifest.digest:
            return current.manifest
        if _etag(current) != base_etag:
            raise _superseded(manifest, current)
        self._put(manifest, base_etag)
        return manifest

    def _put(self, manifest: Manifest, base_etag: str | None) -> None:
        key = layout.manifest(manifest.key)
        try:
            self.objects.put_if(key, manifest.to_json(), base_etag)
        except ConditionFailed as refusal:
            # A lost answer looks like a lost race: what lies there decides, and nothing is deleted.
            standing = self._committed(manifest.key)
            if standing and standing.manifest.generation == manifest.generation:
                return
            if _etag(standing) == base_etag:
                raise LakeUnavailable(f"the commit {self.objects.uri}/{key} did not go through: {refusal}") from refusal
            raise _superseded(manifest, standing) from refusal

    def _settle(self, manifest: Manifest) -> PartitionRef:
        self.heal(manifest)
        return manifest.ref

    def _serve(self, manifest: Manifest) -> None:
        """Copy the files to where people read them; what else of the night lies there goes."""
        wanted = manifest.served_files
        for served, source in wanted.items():
            head = self.objects.head(served)
            if head is None or head.metadata.get("generation") != manifest.generation:
                self.objects.copy(source, served, {"generation": manifest.generation})
        folder = layout.served_night(manifest.key)
        for key in self.objects.keys(folder):
            if layout.is_parquet(key) and key not in wanted:
                self.objects.delete(key)

    def _committed(self, key: PartitionKey) -> Committed | None:
        place = layout.manifest(key)
        stored = self.objects.get(place)
        if stored is None:
            return None
        body, etag = stored
        return Committed(Manifest.from_json(body, f"{self.objects.uri}/{place}"), etag)

    def _read_file(self, key: str, columns: list[str] | None) -> pa.Table:
        stored = self.objects.get(key)
        if stored is None:
            raise MissingPartition(
                f"{self.objects.uri}/{key} is named by a manifest but is not there", fix="make this night anew"
            )
        body, _ = stored
        source = pa.BufferReader(body)
        return pq.read_table(source, columns=columns)


def how_to_make(key: PartitionKey) -> str:
    """The command that brings a night which is not there."""
    night = f"{key.model} {key.partition}"
    match key.dataset:
        case Dataset.RAW:
            return f"nightshift ingest {night}"
        case Dataset.LABELS:
            # Not ingest: with a night it brings the labels of an earlier one, those that arrive then.
            return f"nightshift load {night} {key.partition}"
        case Dataset.VALIDATED | Dataset.QUARANTINE:
            return f"nightshift validate {night}"
        case Dataset.PREDICTIONS:
            return f"nightshift predict {night}"
        case Dataset.MONITORING:
            return f"nightshift monitor {night}"


def _etag(committed: Committed | None) -> str | None:
    return committed.etag if committed else None


def _require_all_rows(key: PartitionKey, files: tuple[DataFile, ...], rows_in: int, rows_quarantined: int) -> None:
    rows = sum(file.rows for file in files)
    if rows + rows_quarantined != rows_in:
        raise LostRows(
            f"{key}: {rows_in} rows in, but {rows} out and {rows_quarantined} quarantined; nothing was published",
            fix="this is a fault of Nightshift: keep the logs and report it",
        )


def _superseded(mine: Manifest, other: Committed | None) -> Superseded:
    winner = "another run"
    if other:
        winner = other.manifest.provenance.get("airflow_run") or other.manifest.generation
    return Superseded(
        f"{mine.key} was published by {winner} while this run worked; its night stands",
        fix="nothing to do; run again to replace it",
    )


def iter_row_groups(file: pq.ParquetFile, columns: list[str], first: int, last: int) -> Iterator[pa.RecordBatch]:
    """Record batches of row groups ``first`` to ``last``, holding one row group at a time.

    Raises ``LakeUnavailable``.
    """
    for group in range(first, last):
        with reading(f"row group {group}"):
            yield from file.iter_batches(
                row_groups=[group],
                columns=columns,
                batch_size=parquet.ROW_GROUP_ROWS,
            )


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Arrow reads from S3 inside; a store that stops answering is our error."""
    try:
        yield
    except OSError as error:
        raise LakeUnavailable(f"S3 stopped answering while reading {what}: {error}", fix="nightshift status") from error
