"""Which night a row, or a file, is of."""

import datetime as dt
import logging
import zoneinfo

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from nightshift.errors import SchemaMismatch, SourceUnreadable
from nightshift.quotes import own_words
from nightshift.sources.places import File
from nightshift.sources.tables import RowsOfNight, Table
from nightshift.stores.text_values import without_null_words
from nightshift.stores.types import REFUSALS, fitted, instants, is_bytes, is_text, wall_clock

log = logging.getLogger("nightshift")
ZONED = r":\d{2}.*(Z|[+-]\d{2}:?\d{2})$"
DAY = dt.timedelta(days=1)


def in_path(file: File, name: str) -> dt.date | None:
    """The night of a file by ``name=2024-01-01`` in its path; None: Hive says null. Raises ``SourceUnreadable``."""
    if name not in file.parts:
        raise SourceUnreadable(
            f"{file.uri} has no folder {name}=... that says its night",
            fix="correct source in model.yaml",
        )
    value = file.parts[name]
    if value is None:
        return None
    try:
        return dt.date.fromisoformat(value)
    except ValueError as error:
        raise SourceUnreadable(
            f"{file.uri}: {name}={value} is no date like 2024-01-01",
            fix="rename the folder, or narrow source.files",
        ) from error


def arrived(file: File, timezone: str) -> dt.date:
    """The day on which a file was last written, on a clock in ``timezone``."""
    zone = zoneinfo.ZoneInfo(timezone)
    return file.modified.astimezone(zone).date()


def of_rows(values: pa.Array, timezone: str) -> pa.Array:
    """The night of each value, date32: dates as they are, naive timestamps by their own clock, others by ``timezone``.

    Raises ``pa.ArrowInvalid`` for texts that are neither YYYY-MM-DD nor ISO timestamps, or of which some have a zone.
    """
    if is_bytes(values.type):
        values = fitted(values, pa.string())
    if is_text(values.type):
        zoned = pc.match_substring_regex(values, ZONED)
        some_zoned = pc.any(zoned).as_py()
        values = instants(values, timezone) if some_zoned else values.cast(pa.timestamp("us"))
    if pa.types.is_timestamp(values.type):
        return wall_clock(values, timezone).cast(pa.date32())
    if pa.types.is_date(values.type):
        return values.cast(pa.date32())
    raise pa.ArrowInvalid(f"{values.type} says no night: it takes a date, a timestamp, or text like 2024-01-01")


def rows_of(table: Table, column: str, night: dt.date, timezone: str) -> RowsOfNight | None:
    """What holds for a file's rows of one night; None when it has none. Raises ``SchemaMismatch``, naming the file.

    Dates and timestamps are compared with bounds, so that row groups are skipped by their statistics; texts are
    looked at one by one, so that none is left out for its format.
    """
    column_type = _column_type(table, column)
    values = ds.field(column)
    if pa.types.is_timestamp(column_type) or pa.types.is_date(column_type):
        _say_nightless(table, column, table.count_nulls(column))
        first = _bound(night, column_type, timezone)
        beyond = _bound(night + DAY, column_type, timezone)
        return RowsOfNight(column, (values >= first) & (values < beyond))
    texts, nightless = _texts_of(table, column, night, timezone)
    _say_nightless(table, column, nightless)
    if not texts:
        return None
    if not pa.types.is_string(column_type):
        values = values.cast(pa.string())
    return RowsOfNight(column, values.isin(pa.array(texts, pa.string())))


def _column_type(table: Table, column: str) -> pa.DataType:
    if column not in table.schema.names:
        names = ", ".join(table.schema.names)
        raise SchemaMismatch(
            f"{table.file.uri}: column {column}, which says the night, is missing; got {names}",
            fix="correct source.column in model.yaml, or the file",
        )
    return table.schema.field(column).type


def _bound(day: dt.date, column_type: pa.DataType, timezone: str) -> pa.Scalar:
    if pa.types.is_date(column_type):
        return pa.scalar(day, pa.date32()).cast(column_type)
    bound = pa.array([day], pa.date32()).cast(pa.timestamp("us"))
    if column_type.tz is not None:
        # Where a night begins with a skipped hour, it begins after it.
        bound = pc.assume_timezone(bound, timezone, ambiguous="earliest", nonexistent="latest")
    return bound.cast(column_type)[0]


def _texts_of(table: Table, column: str, night: dt.date, timezone: str) -> tuple[list[str], int]:
    """The different texts that mean a night, and how many rows have none."""
    of_night: set[str] = set()
    has_zone: set[bool] = set()
    nightless = 0
    for batch in table.batches({column: column}):
        try:
            counted = pc.value_counts(fitted(batch.column(0), pa.string()))
            written = counted.field("values")
            dates = without_null_words(written) if table.texts else written
            nightless += pc.sum(counted.field("counts").filter(dates.is_null())).as_py() or 0
            texts = dates.drop_null()
            zoned = pc.match_substring_regex(texts, ZONED)
            has_zone.update(pc.unique(zoned).to_pylist())
            if len(has_zone) > 1:
                raise pa.ArrowInvalid("some values have a time zone and some have none")
            is_night = pc.equal(of_rows(texts, timezone), night)
            of_night.update(written.filter(dates.is_valid()).filter(is_night).to_pylist())
        except REFUSALS as error:
            raise SchemaMismatch(
                f"{table.file.uri}: column {column} does not say the night: {own_words(error)}",
                fix="write dates as 2024-01-01, and times with a zone or all without",
            ) from error
    return sorted(of_night), nightless


def say_all_nightless(table: Table, column: str) -> None:
    """Log that all rows of a file are of no night; one that is broken, too, stops no night."""
    try:
        rows = table.count_rows()
    except SourceUnreadable as error:
        log.warning("%s is of no night, and was not read: %s", table.file.uri, error.message)
        return
    _say_nightless(table, column, rows)


def _say_nightless(table: Table, column: str, rows: int) -> None:
    if rows:
        log.warning(
            "%s: %d rows have no %s and so are of no night: they are never read",
            table.file.uri,
            rows,
            column,
        )
