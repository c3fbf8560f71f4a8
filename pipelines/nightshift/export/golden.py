"""Golden rows: looking as the data do, and nobody's.

Each value is one that the version has seen, but the values of a row come from different rows, so that no row of a
person leaves the lake with an export. One row has nulls wherever they are allowed, one a text that nobody has seen:
what servers differ in most.
"""

import datetime as dt
import decimal
from typing import Any

import numpy as np
import pyarrow as pa

from nightshift.errors import ModelError
from nightshift.scoring.feeds import one_array
from nightshift.spec import ModelSpec
from nightshift.stores.types import arrow_type, decoded

ROWS = 20
EDGE_ROWS = 2
NEVER_SEEN = "never seen in training"


def golden_rows(spec: ModelSpec, kept: pa.Table) -> pa.Table:
    """At most ``ROWS`` rows of the spec's features, made of rows of the lake; the same whenever these are.

    Raises ``ModelError`` where there are none.
    """
    if not kept.num_rows:
        raise ModelError(f"{spec.name}: the version keeps no row to try an export by", fix=f"train {spec.name} again")
    rng = np.random.default_rng(0)
    columns = {}
    for name in spec.features:
        column = spec.columns[name]
        values = decoded(one_array(kept, name)).cast(arrow_type(column))
        places = rng.permutation(len(values))[: ROWS - EDGE_ROWS]
        shuffled = values.take(pa.array(places)).to_pylist()
        null = None if column.nullable else shuffled[0]
        strange = shuffled[0] if column.numeric else NEVER_SEEN
        columns[name] = pa.array([*shuffled, null, strange], arrow_type(column))
    return pa.table(columns)


def as_written(rows: pa.Table) -> dict[str, tuple[Any, ...]]:
    """The values of each column as JSON has them: dates and decimals as texts."""
    written = {}
    for name in rows.column_names:
        written[name] = tuple(_written(value) for value in rows[name].to_pylist())
    return written


def _written(value: Any) -> Any:
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return str(value)
    return value
