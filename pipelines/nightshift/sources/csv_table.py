"""A CSV file, read as texts: no type is ever guessed here. Separator and encoding are the spec's."""

import csv
import io
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa

from nightshift.errors import SourceUnreadable
from nightshift.sources import tables
from nightshift.sources.places import File
from nightshift.sources.streams import TextBytes, UnpackedStream
from nightshift.sources.tables import RowsOfNight, Table, gathered, needed_names, reading, renamed
from nightshift.spec.source import CsvFormat, DecimalMark

BLOCK_BYTES = 8 * 2**20
HEAD_CHARACTERS = 2**18
MOST_COLUMNS = 20_000
REMEDY = "write it again, whole; or say how it is written by source.csv in model.yaml; or take it out of the source"


@dataclass(frozen=True)
class CsvTable(Table):
    """Every field is a text, and null only where it is empty and has no quotes."""

    format: CsvFormat = field(default_factory=CsvFormat)

    @property
    def texts(self) -> bool:
        """Nothing else."""
        return True

    @property
    def decimal(self) -> DecimalMark:
        """As the spec says."""
        return self.format.decimal

    @cached_property
    def schema(self) -> pa.Schema:
        """The header's names; a column without one is called by its place, ``column_1``."""
        fields = [pa.field(name, pa.string()) for name in self._names]
        return pa.schema(fields)

    @property
    def unnamed(self) -> frozenset[str]:
        """Those that the header leaves empty, or that lie beyond it."""
        header = next(filter(None, self._head), [])
        places = enumerate(self._names)
        return frozenset(name for place, name in places if place >= len(header) or not header[place])

    def count_rows(self) -> int:
        """By reading them."""
        first, *_ = self._names
        rows = 0
        for batch in self.batches({first: first}):
            rows += batch.num_rows
        return rows

    def batches(self, columns: dict[str, str]) -> Iterator[pa.RecordBatch]:
        """Some megabytes at a time."""
        self.require_once(columns.values())
        names = list(dict.fromkeys(columns.values()))
        with reading(self.file, REMEDY), _whole_lines(self.file), self._reader(names) as reader:
            for batch in reader:
                table = pa.Table.from_batches([batch])
                chosen = renamed(table, columns)
                yield from chosen.to_batches(max_chunksize=tables.BATCH_ROWS)

    def read(self, columns: dict[str, str], rows: RowsOfNight | None = None, most: int | None = None) -> pa.Table:
        """By reading all rows, or until there are enough."""
        needed = needed_names(columns, rows)
        schema = pa.schema(dict.fromkeys(needed, pa.string()))
        batches = self.batches({name: name for name in needed})
        table = gathered(batches, schema, rows, most)
        return renamed(table, columns)

    def count(self, rows: RowsOfNight) -> int:
        """By reading the column that says the night."""
        column = {rows.column: rows.column}
        table = self.read(column, rows)
        return int(table.num_rows)

    @cached_property
    def _names(self) -> list[str]:
        with reading(self.file, REMEDY):
            return named(self._head, self.file)

    @cached_property
    def _head(self) -> list[list[str]]:
        return first_lines(self.file, self.format)

    @property
    def _rows_of_header(self) -> int:
        """The header, and lines without anything before it."""
        rows = 1
        for line in self._head:
            if line:
                break
            rows += 1
        return rows

    def require_once(self, names: Iterable[str]) -> None:
        """Raise ``SourceUnreadable`` for a name that two columns have."""
        times = Counter(self._names)
        for name in names:
            if times[name] > 1:
                raise SourceUnreadable(
                    f"{self.file.uri} cannot be read: it has multiple columns named {name}",
                    fix="give each a name of its own",
                )

    @contextmanager
    def _reader(self, names: list[str]) -> Iterator[Any]:
        from pyarrow import csv as arrow_csv

        with _text_bytes(self.file, self.format.encoding) as stream:
            yield arrow_csv.open_csv(
                pa.PythonFile(stream, "r"),
                # The header is the first row: its names may be empty, and have line breaks.
                read_options=arrow_csv.ReadOptions(
                    column_names=self._names,
                    skip_rows_after_names=self._rows_of_header,
                    block_size=BLOCK_BYTES,
                ),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=self.format.separator,
                    newlines_in_values=True,
                ),
                convert_options=arrow_csv.ConvertOptions(
                    include_columns=names,
                    column_types=dict.fromkeys(names, pa.string()),
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                ),
            )


@contextmanager
def _whole_lines(file: File) -> Iterator[None]:
    try:
        yield
    except pa.ArrowInvalid as error:
        if "straddling" not in str(error):
            raise
        raise SourceUnreadable(
            f"{file.uri} cannot be read: it has a line of more than {BLOCK_BYTES:,} bytes, or quotes that never end",
            fix=REMEDY,
        ) from error


def first_lines(file: File, csv_format: CsvFormat) -> list[list[str]]:
    """The fields of the first lines, as far as a quarter of a million characters hold them whole."""
    with _text_bytes(file, csv_format.encoding) as stream:
        head = stream.read(HEAD_CHARACTERS)
    text = head.decode("utf-8", errors="ignore")
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=csv_format.separator,
    )
    lines: list[list[str]] = []
    try:
        lines.extend(reader)
    except csv.Error as error:
        # A field of more than 128 KiB is too long for Python; Arrow reads it, where it is below the header.
        if not any(lines):
            raise SourceUnreadable(f"{file.uri} cannot be read: its header is no CSV: {error}", fix=REMEDY) from error
        return lines
    is_cut = len(head) >= HEAD_CHARACTERS - 1
    if is_cut and len(lines) > 1:
        lines.pop()
    return lines


def pieces(file: File) -> Iterator[bytes]:
    """What a file holds, decompressed and otherwise as it is, some megabytes at a time. Raises as reading does."""
    with reading(file, REMEDY), _unpacked(file) as stream:
        while piece := stream.read(BLOCK_BYTES):
            yield bytes(piece)


def named(lines: list[list[str]], file: File) -> list[str]:
    """The names of the columns. Raises ``SourceUnreadable`` for a file without a header."""
    empty: list[str] = []
    header, second, *_ = [*filter(None, lines), empty, empty]
    if not header:
        raise SourceUnreadable(f"{file.uri} cannot be read: it is empty", fix=REMEDY)
    if len(second) == len(header) + 1 and not second[-1]:
        # Lines that end in a comma, under a header that does not.
        header = [*header, ""]
    if len(header) > MOST_COLUMNS:
        raise SourceUnreadable(
            f"{file.uri} cannot be read: it has {len(header):,} columns, allowed {MOST_COLUMNS:,}", fix=REMEDY
        )
    names: list[str] = []
    taken = frozenset(header)
    for place, name in enumerate(header, start=1):
        names.append(name or _free(f"column_{place}", taken))
    return names


def _free(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name = f"{name}_"
    return name


@contextmanager
def _text_bytes(file: File, encoding: str) -> Iterator[TextBytes]:
    with _unpacked(file) as stream:
        yield TextBytes(stream, encoding)


@contextmanager
def _unpacked(file: File) -> Iterator[Any]:
    with file.filesystem.open_input_stream(file.path, compression=None) as stored:
        if file.uri.endswith(".gz"):
            yield UnpackedStream(stored, file)
        else:
            yield stored
