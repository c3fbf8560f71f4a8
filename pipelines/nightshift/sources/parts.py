"""Parts of moments, as hours and weekdays: read once, when a night comes in, and from then on columns like others."""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from nightshift.spec import ModelSpec
from nightshift.spec.columns import MomentPart
from nightshift.stores.types import wall_clock

PARTS: dict[MomentPart, Callable[[pa.Array], pa.Array]] = {
    "hour": pc.hour,
    "weekday": lambda moments: pc.day_of_week(moments, count_from_zero=False, week_start=1),
    "day": pc.day,
    "month": pc.month,
}


def with_parts(spec: ModelSpec, rows: pa.Table) -> pa.Table:
    """The rows of a night with the parts that the spec has of their moments; null where the moment is."""
    for name, column in spec.columns.items():
        if column.of is not None and column.part is not None:
            values = part_of(rows[column.of], column.part, spec.partition.timezone)
            rows = rows.append_column(name, values)
    return rows


def part_of(
    moments: pa.ChunkedArray,
    part: MomentPart,
    timezone: str,
) -> pa.ChunkedArray:
    """What a clock or a calendar in ``timezone`` shows of moments, int16."""
    local = wall_clock(moments, timezone)
    return PARTS[part](local).cast(pa.int16())
