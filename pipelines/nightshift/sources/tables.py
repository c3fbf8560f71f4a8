"""One file of a source: its columns, and some of its rows."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.dataset as ds

from nightshift.errors import LakeUnavailable, SchemaMismatch, SourceUnreadable
from nightshift.sources.places import File
from nightshift.spec.source import DecimalMark

BATCH_ROWS = 65_536
ROW = re.compile(r"(Expected \d+ columns, got \d+): .*")


@dataclass(frozen=True)
class RowsOfNight:
    """The rows of a file for whose ``column`` a condition holds."""

    column: str
    condition: ds.Expression


@dataclass(frozen=True)
class Table(ABC):
    """The rows of a file; nothing is read before it is asked for.

    Whatever reads raises ``SourceUnreadable`` for a broken file, and ``LakeUnavailable``.
    """

    file: File

    @property
    @abstractmethod
    def texts(self) -> bool:
        """Whether numbers and dates come as texts."""

    @property
    def decimal(self) -> DecimalMark:
        """What numbers that come as texts have before their decimals."""
        return "."

    @property
    @abstractmethod
    def schema(self) -> pa.Schema:
        """The columns, of the types in which they are given."""

    @property
    def folders(self) -> dict[str, str | None]:
        """What the path of the file says that its columns do not, by name."""
        columns = self.schema.names
        return {name: value for name, value in self.file.parts.items() if name not in columns}

    def require_once(self, names: Iterable[str]) -> None:
        """Raise ``SourceUnreadable`` for a name that two columns have, where reading would not."""
        return

    @property
    def unnamed(self) -> frozenset[str]:
        """Columns that have no name in the file, and are called by their place."""
        return frozenset()

    @property
    def moments_without_zone(self) -> frozenset[str]:
        """Columns whose moments have no zone, and are read as of UTC by what the file is."""
        return frozenset()

    @abstractmethod
    def count_rows(self) -> int:
        """How many rows there are."""

    @abstractmethod
    def batches(self, columns: dict[str, str]) -> Iterator[pa.RecordBatch]:
        """Some columns, under other names, of all rows, some rows at a time."""

    @abstractmethod
    def read(self, columns: dict[str, str], rows: RowsOfNight | None = None, most: int | None = None) -> pa.Table:
        """The same of some rows, or all, in one table; the first ``most`` of them."""

    @abstractmethod
    def count(self, rows: RowsOfNight) -> int:
        """How many rows there are of some."""

    def count_nulls(self, column: str) -> int:
        """How many rows have no value in a column, where that is known without reading it; else 0."""
        return 0


@contextmanager
def reading(file: File, remedy: str = "write it again, whole; or take it out of the source") -> Iterator[None]:
    """Arrow reads a file inside; what breaks is named."""
    try:
        yield
    except pa.ArrowNotImplementedError as error:
        # The file is whole: Arrow lacks a function for a type.
        raise SchemaMismatch(
            f"{file.uri} has a column of a type that cannot be used: {_first_line(error)}",
            fix="write that column as another type, or take it out of model.yaml",
        ) from error
    except (OSError, pa.ArrowException) as error:
        message = _first_line(error)
        if "AWS Error" in message and "NO_SUCH_KEY" not in message:
            raise LakeUnavailable(f"S3 stopped answering while reading {file.uri}: {message}") from error
        raise SourceUnreadable(f"{file.uri} cannot be read: {message}", fix=remedy) from error


def renamed(table: pa.Table, columns: dict[str, str]) -> pa.Table:
    """Some columns of a table, under other names."""
    chosen = {}
    for alias, name in columns.items():
        chosen[alias] = table[name]
    return pa.table(chosen)


def needed_names(columns: dict[str, str], rows: RowsOfNight | None) -> list[str]:
    """The columns of the file by which some rows are told, and those that are wanted of them; each once."""
    names = dict.fromkeys(columns.values())
    if rows is not None:
        names[rows.column] = None
    return list(names)


def gathered(
    batches: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    rows: RowsOfNight | None,
    most: int | None,
) -> pa.Table:
    """The wanted rows of batches of a schema, in one table: the first ``most``, after which no batch is asked for."""
    parts = [schema.empty_table()]
    count = 0
    for batch in batches:
        part = pa.Table.from_batches([batch])
        if rows is not None:
            part = part.filter(rows.condition)
        parts.append(part)
        count += part.num_rows
        if most is not None and count >= most:
            break
    return pa.concat_tables(parts).slice(0, most)


def _first_line(error: Exception) -> str:
    message = str(error) or type(error).__name__
    first, *_ = message.splitlines()
    # Of a row with too many fields Arrow quotes all of it; it says which row it is.
    return ROW.sub(r"\1", first)
