"""Columns that together make up the label, as casual and registered renters make up all: mostly known no sooner."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from nightshift.modelling.arrays import Booleans, Float64s, Places
from nightshift.modelling.inputs import as_numbers
from nightshift.modelling.label_types import LABEL_TYPES
from nightshift.spec.label import LabelKind
from nightshift.stores.types import is_number_or_bool

EXACT = 0.9999
"""An R² that columns reach together only where the label was computed from them."""
ROWS_PER_COLUMN = 20
MOST_ROWS = 20_000


@dataclass(frozen=True)
class SumLeak:
    """Columns whose weighted sum is the label."""

    columns: tuple[str, ...]
    value: float

    @property
    def told(self) -> str:
        """The finding, without the advice."""
        return f"{' and '.join(self.columns)} add up to the label, with R2 {self.value:.4f}"

    def __str__(self) -> str:
        return f"{self.told}: were they written after the outcome was known? If so, give them feature: false"


def sum_leaks(
    table: pa.Table,
    label: pa.ChunkedArray,
    kind: LabelKind,
) -> list[SumLeak]:
    """The fewest number columns of ``table`` whose weighted sum is the label, if there are any.

    Numbers of labelled rows alone are looked at, 20,000 of them at most, and columns that have them all.
    """
    if not LABEL_TYPES[kind].adds_up or not is_number_or_bool(label.type):
        return []
    rows = table.append_column("", label).filter(label.is_valid()).slice(0, MOST_ROWS)
    numbers = {}
    for name in table.column_names:
        column = rows[name]
        if is_number_or_bool(column.type) and not column.null_count:
            numbers[name] = np.asarray(as_numbers(column), np.float64)
    names = [name for name, values in numbers.items() if np.isfinite(values).all() and _varies(values)]
    if len(names) < 2 or rows.num_rows < ROWS_PER_COLUMN * len(names):
        return []
    target = np.asarray(as_numbers(rows[""]), np.float64)
    if not np.isfinite(target).all() or not _varies(target):
        return []
    columns = [_standardised(numbers[name]) for name in names]
    correlations = np.corrcoef(np.stack([*columns, _standardised(target)]))
    chosen = _fewest(correlations)
    if len(chosen) < 2:
        return []
    return [SumLeak(tuple(names[place] for place in chosen), _explained(correlations, chosen))]


def _varies(values: Float64s) -> bool:
    # No difference: that of the ends of float64 overflows.
    return bool(values.min() < values.max())


def _standardised(values: Float64s) -> Float64s:
    # By the largest first: beside numbers as large as float64 allows, squares would overflow.
    scaled = values / np.abs(values).max()
    return np.asarray((scaled - scaled.mean()) / scaled.std())


def _fewest(correlations: Float64s) -> Places:
    """Places of columns that explain the last row as well as all do, each of them needed; none where all do not."""
    places = np.arange(len(correlations) - 1)
    chosen = np.ones(len(places), np.bool_)
    if _explained(correlations, places) < EXACT:
        return places[:0]
    weakest_first = np.argsort(np.abs(correlations[-1, :-1]))
    for place in weakest_first:
        chosen = _unless_needed(correlations, chosen, int(place))
    return places[chosen]


def _unless_needed(
    correlations: Float64s,
    chosen: Booleans,
    place: int,
) -> Booleans:
    without = chosen.copy()
    without[place] = False
    enough = without.any() and _explained(correlations, np.flatnonzero(without)) >= EXACT
    return without if enough else chosen


def _explained(correlations: Float64s, places: Places) -> float:
    """R² of the least squares of the last variable on some others."""
    among = correlations[np.ix_(places, places)]
    with_target = correlations[places, -1]
    weights = np.linalg.lstsq(among, with_target)[0]
    return float(weights @ with_target)
