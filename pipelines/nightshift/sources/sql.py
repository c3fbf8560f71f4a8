"""A night out of a database, by one query with ``:night``. The address, which holds a password, is never said."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from nightshift.errors import SourceUnavailable, SourceUnreadable, UsageError
from nightshift.partitions import parse_partition
from nightshift.quotes import own_words
from nightshift.sources.named import WantedColumns
from nightshift.spec import SqlSource
from nightshift.stores.types import REFUSALS

if TYPE_CHECKING:
    from sqlalchemy import Connection, CursorResult, Engine

CHUNK_ROWS = 50_000


def query_night(wanted: WantedColumns, source: SqlSource, models: Path) -> pa.Table:
    """The rows that the query gives for the night, fetched some at a time.

    Raises ``UsageError`` when the address is not in the environment, ``SourceUnavailable`` when the database does
    not answer, ``SourceUnreadable`` when it refuses the query, ``SchemaMismatch``.
    """
    engine = _engine(wanted, source)
    where = f"{wanted.spec.name} {wanted.partition}, from source.sql"
    try:
        with _connected(engine, source, where) as connection, _refused(source, where):
            if source.transform is not None:
                rows = _as_they_come(connection, wanted, source, where)
            else:
                parts = list(_chunks(connection, wanted, source, where))
    finally:
        engine.dispose()
    if source.transform is not None:
        wanted.require_all_labels(rows)
        from nightshift.sources.transform import transformed

        file = models / wanted.spec.name / source.transform
        return transformed(wanted, rows, file, texts=False) if rows.num_rows else rows
    return wanted.joined(parts)


def _engine(wanted: WantedColumns, source: SqlSource) -> "Engine":
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError

    url = os.environ.get(source.url_variable)
    if not url:
        raise UsageError(
            f"{wanted.spec.name}: environment variable {source.url_variable} (source.url_variable) is not set",
            fix=f"export {source.url_variable}=postgresql://user:password@host/database where this runs",
        )
    try:
        return create_engine(url, hide_parameters=True)
    except (SQLAlchemyError, ImportError, ValueError) as error:
        raise UsageError(
            f"{wanted.spec.name}: {source.url_variable} holds no address that SQLAlchemy can use:"
            f" {_without(url, str(error))}",
            fix="correct it, or install the database's driver",
        ) from None


@contextmanager
def _connected(engine: "Engine", source: SqlSource, where: str) -> "Iterator[Connection]":
    from sqlalchemy.exc import SQLAlchemyError

    try:
        connection = engine.connect()
    except SQLAlchemyError as error:
        raise SourceUnavailable(
            f"{where}: the database of {source.url_variable} does not answer: {_own_words(error, source)}",
            fix=f"see whether it is up, and {source.url_variable} is right",
        ) from None
    with connection:
        yield connection


@contextmanager
def _refused(source: SqlSource, where: str) -> Iterator[None]:
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    try:
        yield
    except SQLAlchemyError as error:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise SourceUnavailable(
                f"{where}: the database went away: {_own_words(error, source)}",
                fix="try again",
            ) from None
        raise SourceUnreadable(
            f"{where}: the database refused the query: {_own_words(error, source)}",
            fix="correct source.sql in model.yaml",
        ) from None


def _asked(connection: "Connection", wanted: WantedColumns, source: SqlSource) -> "CursorResult[Any]":
    from sqlalchemy import Date, bindparam, text

    night = parse_partition(wanted.partition)
    query = text(source.sql).bindparams(bindparam("night", night, Date()))
    streaming = connection.execution_options(stream_results=True)
    return streaming.execute(query)


def _as_they_come(connection: "Connection", wanted: WantedColumns, source: SqlSource, where: str) -> pa.Table:
    """All columns of the night, of the types that their values have."""
    result = _asked(connection, wanted, source)
    names = list(result.keys())
    most = wanted.most_rows
    rows = result.fetchall() if most is None else result.fetchmany(most)
    columns = {}
    for place, name in enumerate(names):
        try:
            columns[name] = pa.array([row[place] for row in rows])
        except REFUSALS as error:
            raise SourceUnreadable(
                f"{where}: column {name} has values of several types: {own_words(error)}",
                fix="cast it in source.sql",
            ) from error
    return pa.table(columns)


def _chunks(
    connection: "Connection",
    wanted: WantedColumns,
    source: SqlSource,
    where: str,
) -> Iterator[pa.Table]:
    result = _asked(connection, wanted, source)
    names = list(result.keys())
    present = wanted.present(names, where)
    wanted.say_left_out(names)
    read = 0
    for chunk in result.partitions(CHUNK_ROWS):
        rows = chunk[: wanted.rows_left(read)]
        if not rows:
            break
        read += len(rows)
        columns = {}
        for alias, name in present.items():
            place = names.index(name)
            columns[alias] = [row[place] for row in rows]
        yield wanted.fit(columns, where)


def _own_words(error: Any, source: SqlSource) -> str:
    """The driver's own words, in one line."""
    original = getattr(error, "orig", None) or error
    url = os.environ.get(source.url_variable, "")
    return _without(url, own_words(original))


def _without(url: str, words: str) -> str:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        secret = make_url(url).password
    except (ArgumentError, ValueError):
        secret = None
    for hidden in filter(None, (url, secret)):
        words = words.replace(str(hidden), "***")
    return words
