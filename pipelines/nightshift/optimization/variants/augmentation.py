"""Rows to teach a student with: the training rows again and again, changed as other nights may change them."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nightshift.modelling.inputs import as_float32
from nightshift.optimization.parity import UNSEEN
from nightshift.spec import ModelSpec

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
    drawn, donor = (rng.integers(0, table.num_rows, rows) for _ in range(2))
    changed = rng.random(rows) < CHANGED_ROWS

    def some(share: float) -> NDArray[np.bool_]:
        return changed & (rng.random(rows) < share)

    columns = {}
    for name in spec.features:
        places = np.where(some(SWAPPED_VALUES), donor, drawn)
        nulls = some(NULLS) if spec.columns[name].nullable else None
        values = table[name].combine_chunks().take(pa.array(places, mask=nulls))
        if not spec.columns[name].numeric:
            columns[name] = pc.if_else(pa.array(some(UNSEEN_VALUES)), UNSEEN, values)
            continue
        numbers = as_float32(values)
        columns[name] = _moved(numbers, some(MOVED_VALUES), rng) if _moves(spec, name) else numbers
    return pa.table(columns)


def _moves(spec: ModelSpec, name: str) -> bool:
    return spec.columns[name].type != "bool"


def _moved(values: pa.Array, chosen: NDArray[np.bool_], rng: np.random.Generator) -> pa.Array:
    """The chosen of (n,) numbers part of the way to one of the nearest other values; whole ones stay whole."""
    found = np.array(values.to_numpy(zero_copy_only=False), np.float32)
    known = np.unique(found[~np.isnan(found)])
    chosen = chosen & ~np.isnan(found)
    if not chosen.any():
        return values
    at = np.searchsorted(known, found[chosen]) + rng.integers(-NEIGHBOURS, NEIGHBOURS + 1, chosen.sum())
    there = known[np.clip(at, 0, len(known) - 1)]
    moved = found[chosen] + (there - found[chosen]) * rng.random(len(there), np.float32)
    found[chosen] = np.rint(moved) if (known == np.rint(known)).all() else moved
    return pa.array(found, from_pandas=True)
