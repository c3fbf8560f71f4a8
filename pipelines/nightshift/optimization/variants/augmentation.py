"""Rows to teach a student with: the training rows again and again, changed as other nights may change them."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightshift.modelling.arrays import Booleans
from nightshift.modelling.inputs import as_float32
from nightshift.spec import ModelSpec
from nightshift.training.unseen import UNSEEN

CHANGED_ROWS = 0.9
SWAPPED_VALUES = 0.5
MOVED_VALUES = 0.5
NULLS = 0.03
UNSEEN_VALUES = 0.01
NEIGHBOURS = 2


def resampled(spec: ModelSpec, table: pa.Table, rows: int, rng: np.random.Generator) -> pa.Table:
    """``rows`` rows drawn from the table's features with replacement, numbers as float32.

    Rows of one night share its weather, and there are only as many nights as days: a student of the training
    rows alone makes up what lies between them. So in most rows half of the values come from one other row,
    half of the numbers move towards a neighbour among the values seen, some values become null where the spec
    allows it, and some categories are one that no encoder knows. Chosen by how near students came to
    their teacher on nights that neither had seen.
    """
    drawn = rng.integers(0, table.num_rows, rows)
    donor = rng.integers(0, table.num_rows, rows)
    changed = rng.random(rows) < CHANGED_ROWS

    def some(share: float) -> Booleans:
        drawn = rng.random(rows)
        return changed & (drawn < share)

    # The order of draws is that of the graphs that are out there: another one would be other students.
    columns = {}
    for name in spec.features:
        column = spec.columns[name]
        places = np.where(some(SWAPPED_VALUES), donor, drawn)
        nulls = some(NULLS) if column.nullable else None
        values = table[name].combine_chunks().take(pa.array(places, mask=nulls))
        if not column.numeric:
            unseen = pa.array(some(UNSEEN_VALUES))
            columns[name] = pc.if_else(unseen, UNSEEN, values)
        elif column.type == "bool":
            columns[name] = as_float32(values)
        else:
            columns[name] = _moved(as_float32(values), some(MOVED_VALUES), rng)
    return pa.table(columns)


def _moved(values: pa.Array, chosen: Booleans, rng: np.random.Generator) -> pa.Array:
    """The chosen of (n,) numbers part of the way to one of the nearest other values; whole ones stay whole."""
    numbers = np.array(values.to_numpy(zero_copy_only=False), np.float32)
    missing = np.isnan(numbers)
    known = np.unique(numbers[~missing])
    chosen = chosen & ~missing
    if not chosen.any():
        return values
    before = numbers[chosen]
    steps = rng.integers(-NEIGHBOURS, NEIGHBOURS + 1, len(before))
    places = np.searchsorted(known, before) + steps
    inside = np.clip(places, 0, len(known) - 1)
    shares = rng.random(len(before), np.float32)
    moved = before + (known[inside] - before) * shares
    if (known == np.rint(known)).all():
        moved = np.rint(moved)
    numbers[chosen] = moved
    return pa.array(numbers, from_pandas=True)
