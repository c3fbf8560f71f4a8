"""Which night a row, or a file, is of."""

import datetime as dt
import logging
import zoneinfo
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from nightshift.errors import SchemaMismatch, SourceUnreadable
from nightshift.sources.places import File
from nightshift.sources.tables import Table
from nightshift.stores.types import REFUSALS, fitted, instants, is_text, wall_clock

log = logging.getLogger("nightshift")
ZONED = r":\d{2}.*(Z|[+-]\d{2}:?\d{2})$"
DAY = dt.timedelta(days=1)


def in_path(file: File, name: str) -> dt.date:
    """The night of a file by ``name=2024-01-01`` in its path. Raises ``SourceUnreadable``."""
    value = file.parts.get(name)
    if value is None:
        raise SourceUnreadable(
            f"{file.uri} has no folder {name}=... that says its night", fix="correct source in model.yaml"
        )
    try:
        return dt.date.fromisoformat(value)
    except ValueError as error:
        raise SourceUnreadable(
            f"{file.uri}: {name}={value} is no date like 2024-01-01", fix="rename the folder, or narrow source.files"
        ) from error


def arrived(file: File, timezone: str) -> dt.date:
    """The day on which a file was last written, on a clock in ``timezone``."""
    return file.modified.astimezone(zoneinfo.ZoneInfo(timezone)).date()


def of_rows(values: pa.Array, timezone: str) -> pa.Array:
    """The night of each value, date32: dates as they are, naive timestamps by their own clock, others by ``timezone``.

    Raises ``pa.ArrowInvalid`` for texts that are neither YYYY-MM-DD nor ISO timestamps, or of which some have a zone.
    """
    if is_text(values.type):
        zoned = pc.any(pc.match_substring_regex(values, ZONED)).as_py()
        values = instants(values, timezone) if zoned else values.cast(pa.timestamp("us"))
    if pa.types.is_timestamp(values.type):
        return wall_clock(values, timezone).cast(pa.date32())
    if pa.types.is_date(values.type):
        return values.cast(pa.date32())
    raise pa.ArrowInvalid(f"{values.type} says no night: it takes a date, a timestamp, or text like 2024-01-01")


def rows_of(table: Table, column: str, night: dt.date, timezone: str) -> ds.Expression | None:
    """What holds for a file's rows of one night; None when it has none. Raises ``SchemaMismatch``, naming the file.

    Dates and timestamps are compared with bounds, so that row groups are skipped by their statistics; texts are
    looked at one by one, so that none is left out for its format.
    """
    kind = _kind(table, column)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        _count_nightless(table, column)
        first, last = (_bound(day, kind, timezone) for day in (night, night + DAY))
        return (ds.field(column) >= first) & (ds.field(column) < last)
    texts, nightless = _texts_of(table, column, night, timezone)
    _say_nightless(table, column, nightless)
    values = ds.field(column) if pa.types.is_string(kind) else ds.field(column).cast(pa.string())
    return values.isin(pa.array(texts, pa.string())) if texts else None


def _kind(table: Table, column: str) -> pa.DataType:
    if column not in table.schema.names:
        raise SchemaMismatch(
            f"{table.file.uri}: column {column}, which says the night, is missing; got {', '.join(table.schema.names)}",
            fix="correct source.column in model.yaml, or the file",
        )
    return table.schema.field(column).type


def _bound(day: dt.date, kind: pa.DataType, timezone: str) -> pa.Scalar:
    if pa.types.is_date(kind):
        return pa.scalar(day, pa.date32()).cast(kind)
    midnight = pa.array([day], pa.date32()).cast(pa.timestamp("us"))
    if kind.tz is not None:
        # Where a night begins with a skipped hour, it begins after it.
        midnight = pc.assume_timezone(midnight, timezone, ambiguous="earliest", nonexistent="latest")
    return midnight.cast(kind)[0]


def _texts_of(table: Table, column: str, night: dt.date, timezone: str) -> tuple[list[str], int]:
    """The different texts that mean a night, and how many rows have none."""
    found: set[str] = set()
    nightless, zones = 0, set()
    for batch in table.batches({column: column}):
        nightless += batch.column(0).null_count
        try:
            texts = pc.unique(fitted(batch.column(0), pa.string())).drop_null()
            zones |= set(pc.unique(pc.match_substring_regex(texts, ZONED)).to_pylist())
            if len(zones) > 1:
                raise pa.ArrowInvalid("some values have a time zone and some have none")
            found.update(texts.filter(pc.equal(of_rows(texts, timezone), night)).to_pylist())
        except REFUSALS as error:
            raise SchemaMismatch(
                f"{table.file.uri}: column {column} does not say the night: {error}",
                fix="write dates as 2024-01-01, and times with a zone or all without",
            ) from error
    return sorted(found), nightless


def _count_nightless(table: Table, column: str) -> None:
    if table.texts:
        return
    metadata = table.fragment.metadata
    places = [i for i in range(metadata.num_columns) if metadata.schema.column(i).path == column]
    groups: Iterable[int] = range(metadata.num_row_groups) if places else ()
    statistics = (metadata.row_group(group).column(places[0]).statistics for group in groups)
    _say_nightless(table, column, sum(found.null_count for found in statistics if found and found.has_null_count))


def _say_nightless(table: Table, column: str, rows: int) -> None:
    if rows:
        log.warning("%s: %d rows have no %s and so are of no night: they are never read", table.file.uri, rows, column)
