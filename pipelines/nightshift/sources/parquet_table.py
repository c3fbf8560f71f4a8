"""A Parquet file: only the row groups and columns that are needed, in types that Arrow can work with."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from nightshift.sources import tables
from nightshift.sources.physical import Conversion, conversions
from nightshift.sources.tables import RowsOfNight, Table, gathered, needed_names, reading, renamed
from nightshift.stores.bounds import NO_MORE, Limits, ParquetOnDisk, require_bounded

# In nanoseconds, a moment of INT96 beyond 2262 would be another one.
PARQUET = ds.ParquetFileFormat(
    coerce_int96_timestamp_unit="us",
    default_fragment_scan_options=ds.ParquetFragmentScanOptions(page_checksum_verification=True, pre_buffer=True),
)


@dataclass(frozen=True)
class ParquetTable(Table):
    """Where all types are plain ones, rows are chosen while reading; else after their columns were converted."""

    limits: Limits = NO_MORE

    @property
    def texts(self) -> bool:
        """Parquet says its types."""
        return False

    @cached_property
    def schema(self) -> pa.Schema:
        """As the file has them, and those that Arrow cannot work with as it can."""
        fields = []
        for field in self._physical:
            conversion = self._conversions.get(field.name)
            fields.append(field.with_type(conversion.to) if conversion else field)
        return pa.schema(fields)

    @property
    def moments_without_zone(self) -> frozenset[str]:
        """INT96."""
        moments = []
        for name, conversion in self._conversions.items():
            if pa.types.is_timestamp(conversion.to):
                moments.append(name)
        return frozenset(moments)

    def count_rows(self) -> int:
        """By the footer."""
        with reading(self.file):
            return int(self._fragment.count_rows())

    def batches(self, columns: dict[str, str]) -> Iterator[pa.RecordBatch]:
        """With one row group in memory."""
        with reading(self.file):
            self._require_bounded(columns.values(), None)
            # A scan of a whole file would buffer all of it.
            pieces = self._pieces(None)
            for piece in pieces:
                scanner = self._scanner(piece, columns)
                batches = scanner.to_batches()
                for batch in batches:
                    yield self._converted(batch, columns)

    def read(self, columns: dict[str, str], rows: RowsOfNight | None = None, most: int | None = None) -> pa.Table:
        """Row groups without any such row are left, where their statistics say so."""
        with reading(self.file):
            needed = needed_names(columns, rows)
            self._require_bounded(needed, rows)
            if not self._is_plain(needed):
                return self._read_converted(columns, rows, most)
            scanner = self._scanner(self._fragment, columns, rows)
            return scanner.to_table() if most is None else scanner.head(most)

    def count(self, rows: RowsOfNight) -> int:
        """By the footer and the column that says the night."""
        with reading(self.file):
            self._require_bounded([rows.column], rows)
            if self._is_plain([rows.column]):
                count: int = self._fragment.count_rows(filter=rows.condition)
                return count
            column = {rows.column: rows.column}
            table = self._read_converted(column, rows)
            return int(table.num_rows)

    def count_nulls(self, column: str) -> int:
        """By the statistics."""
        metadata = self._fragment.metadata
        paths = [metadata.schema.column(place).path for place in range(metadata.num_columns)]
        if column not in paths:
            return 0
        place = paths.index(column)
        nulls = 0
        for group in range(metadata.num_row_groups):
            statistics = metadata.row_group(group).column(place).statistics
            if statistics and statistics.has_null_count:
                nulls += statistics.null_count
        return nulls

    def _require_bounded(self, names: Iterable[str], rows: RowsOfNight | None) -> None:
        """Of the row groups that are read for some rows: in others lie other nights, which are not unpacked."""
        on_disk = ParquetOnDisk(self.file.uri, self._fragment.metadata, self._open)
        groups = [group.id for piece in self._pieces(rows) for group in piece.row_groups]
        require_bounded(on_disk, list(names), self.limits, groups)

    def _open(self) -> Any:
        return self.file.filesystem.open_input_file(self.file.path)

    def _read_converted(self, columns: dict[str, str], rows: RowsOfNight | None, most: int | None = None) -> pa.Table:
        """Row group by row group: all rows in types that can be filtered, then those that are wanted."""
        needed = needed_names(columns, rows)
        fields = [self.schema.field(name) for name in needed]
        batches = self._batches_of({name: name for name in needed}, rows)
        table = gathered(batches, pa.schema(fields), rows, most)
        return renamed(table, columns)

    def _batches_of(self, sources: dict[str, str], rows: RowsOfNight | None) -> Iterator[pa.RecordBatch]:
        for piece in self._pieces(rows):
            scanner = self._scanner(piece, sources)
            for batch in scanner.to_batches():
                yield self._converted(batch, sources)

    def _pieces(self, rows: RowsOfNight | None) -> list[Any]:
        if rows is None or not self._is_plain([rows.column]):
            pieces = self._fragment.split_by_row_group()
        else:
            pieces = self._fragment.split_by_row_group(
                filter=rows.condition,
                schema=self._physical,
            )
        return list(pieces)

    def _converted(self, batch: pa.RecordBatch, columns: dict[str, str]) -> pa.RecordBatch:
        arrays = []
        for alias, name in columns.items():
            values = batch.column(alias)
            conversion = self._conversions.get(name)
            if conversion is not None:
                values = conversion.convert(values)
            arrays.append(values)
        return pa.record_batch(arrays, names=list(columns))

    def _is_plain(self, names: list[str]) -> bool:
        return self._conversions.keys().isdisjoint(names)

    def _scanner(self, piece: Any, columns: dict[str, str], rows: RowsOfNight | None = None) -> ds.Scanner:
        renamed = {alias: ds.field(name) for alias, name in columns.items()}
        condition = None if rows is None else rows.condition
        return piece.scanner(
            schema=self._physical,
            columns=renamed,
            filter=condition,
            batch_size=tables.BATCH_ROWS,
        )

    @cached_property
    def _physical(self) -> pa.Schema:
        with reading(self.file):
            return self._fragment.physical_schema

    @cached_property
    def _conversions(self) -> dict[str, Conversion]:
        schema = self._physical
        with reading(self.file):
            return conversions(schema, self._fragment.metadata)

    @cached_property
    def _fragment(self) -> Any:
        return PARQUET.make_fragment(self.file.path, self.file.filesystem)
