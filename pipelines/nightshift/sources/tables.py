"""One Parquet or CSV file: its columns, and some of its rows. CSV is read as texts: no type is ever guessed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from nightshift.errors import LakeUnavailable, SourceUnreadable
from nightshift.sources.places import File

BATCH_ROWS = 65_536


@dataclass(frozen=True)
class Table:
    """The rows of a file; nothing is read before it is asked for."""

    file: File

    @property
    def texts(self) -> bool:
        """Whether numbers and dates come as texts."""
        return self.file.uri.endswith(".csv")

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns as the file has them. Raises ``SourceUnreadable`` for a broken file."""
        with reading(self.file):
            return self._fragment.physical_schema

    def read(self, columns: dict[str, str], rows: ds.Expression | None = None) -> pa.Table:
        """Some columns, under other names, of the rows that an expression holds for; row groups without any are left.

        Raises ``SourceUnreadable``, ``LakeUnavailable``.
        """
        with reading(self.file):
            scanner = self._scanner(self._fragment, columns, rows)
            return scanner.to_table()

    def count(self, rows: ds.Expression) -> int:
        """For how many rows an expression holds. Raises as ``read``."""
        with reading(self.file):
            return int(self._fragment.count_rows(filter=rows))

    def batches(self, columns: dict[str, str]) -> Iterator[pa.RecordBatch]:
        """The same, of all rows, some rows at a time, with one row group in memory."""
        with reading(self.file):
            for piece in self._pieces():
                scanner = self._scanner(piece, columns, None)
                yield from scanner.to_batches()

    @property
    def fragment(self) -> Any:
        """Arrow's view of it: row groups and statistics of a Parquet file."""
        return self._fragment

    def _pieces(self) -> list[Any]:
        if self.texts:
            return [self._fragment]
        # A scan of a whole Parquet file would buffer all of it.
        return list(self._fragment.split_by_row_group())

    def _scanner(self, piece: Any, columns: dict[str, str], rows: ds.Expression | None) -> ds.Scanner:
        renamed = {alias: ds.field(name) for alias, name in columns.items()}
        return piece.scanner(
            schema=self.schema,
            columns=renamed,
            filter=rows,
            batch_size=BATCH_ROWS,
        )

    @cached_property
    def _fragment(self) -> Any:
        file_format = self._texts_format() if self.texts else PARQUET
        return file_format.make_fragment(self.file.path, self.file.filesystem)

    def _texts_format(self) -> ds.CsvFileFormat:
        from pyarrow import csv

        with self.file.filesystem.open_input_stream(self.file.path) as stream, csv.open_csv(stream) as reader:
            names = reader.schema.names
        options = csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )
        return ds.CsvFileFormat(convert_options=options)


PARQUET = ds.ParquetFileFormat(
    default_fragment_scan_options=ds.ParquetFragmentScanOptions(page_checksum_verification=True, pre_buffer=True)
)


@contextmanager
def reading(file: File) -> Iterator[None]:
    """Arrow reads a file inside; what breaks is named."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        message = str(error).splitlines()[0]
        if "AWS Error" in message and "NO_SUCH_KEY" not in message:
            raise LakeUnavailable(f"S3 stopped answering while reading {file.uri}: {message}") from error
        raise SourceUnreadable(
            f"{file.uri} cannot be read: {message}",
            fix="write it again, whole; or take it out of the source",
        ) from error
