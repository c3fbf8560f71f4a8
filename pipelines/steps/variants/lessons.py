"""Rows to teach a student with: the training rows again and again, some of them changed as nights may be."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.spec import ModelSpec
from pipelines.steps.parity import UNSEEN

CHANGED_ROWS = 0.5
SWAPPED_VALUES = 0.15
NULLS = 0.03
UNSEEN_VALUES = 0.01


def resampled(spec: ModelSpec, table: pa.Table, rows: int, rng: np.random.Generator) -> pa.Table:
    """``rows`` rows drawn from the table's features with replacement.

    In half of them single values are swapped for those of other rows, so that the student learns what the
    teacher says between the nights it has seen, nulls are put where the spec allows them, and values that no
    encoder knows where there are categories.
    """
    drawn = rng.integers(0, table.num_rows, rows)
    changed = rng.random(rows) < CHANGED_ROWS
    columns = {}
    for name in spec.features:
        swapped = changed & (rng.random(rows) < SWAPPED_VALUES)
        places = np.where(swapped, rng.integers(0, table.num_rows, rows), drawn)
        nulls = changed & (rng.random(rows) < NULLS) if spec.columns[name].nullable else None
        columns[name] = _taken(table[name], places, nulls)
        if not spec.columns[name].numeric:
            strange = changed & (rng.random(rows) < UNSEEN_VALUES)
            columns[name] = pc.if_else(pa.array(strange), UNSEEN, columns[name])
    return pa.table(columns)


def _taken(column: pa.ChunkedArray, places: NDArray[np.int64], nulls: NDArray[np.bool_] | None) -> pa.Array:
    return column.combine_chunks().take(pa.array(places, mask=nulls))
