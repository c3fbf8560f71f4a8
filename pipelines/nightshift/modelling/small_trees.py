"""Small boosted trees that are fitted, asked once and forgotten: they answer questions about rows and never score."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightshift.concurrency import openmp_for
from nightshift.extras import is_installed
from nightshift.modelling.arrays import Booleans, Float32s, Float64s, Floats, Int64s
from nightshift.modelling.inputs import as_float32
from nightshift.stores.types import is_text

MOST_CATEGORIES = 200
FEWEST_NUMBERS = 20
"""Of a column with fewer, only whether there is one is looked at: a fold might have none."""
ITERATIONS = 30
LEAVES = 8
LEAST_IN_A_LEAF = 20
SEED = 0
FEWEST_REPEATS = 5
"""So many rows of a night share a value of what is constant within it, and so many times its values are elsewhere."""


@dataclass(frozen=True)
class RowMatrix:
    """Rows as trees take them: ``values`` (n, k), NaN for null; ``is_category`` (k,) says which are codes."""

    values: Float32s
    is_category: list[bool]

    def with_column(self, values: Floats) -> "RowMatrix":
        """With one more of numbers, (n,)."""
        column = values.astype(np.float32)
        return RowMatrix(
            values=np.column_stack([self.values, column]),
            is_category=[*self.is_category, False],
        )


def can_fit() -> bool:
    """Whether scikit-learn, of the extra ``train``, is installed."""
    return is_installed("scikit-learn")


def categories(table: pa.Table, columns: Sequence[str]) -> dict[str, pa.Array]:
    """The most frequent texts of each column of texts, in their order."""
    known = {}
    for name in columns:
        if not _is_text(table, name):
            continue
        counted = pc.value_counts(_texts(table, name).drop_null())
        texts = counted.field("values")
        order = np.lexsort([texts.to_numpy(zero_copy_only=False), -counted.field("counts").to_numpy()])
        known[name] = texts.take(pa.array(order[:MOST_CATEGORIES]))
    return known


def matrix(table: pa.Table, columns: Sequence[str], known: Mapping[str, pa.Array]) -> RowMatrix:
    """The columns of a table; a text that is not ``known`` is as none."""
    values = []
    for name in columns:
        if name in known:
            places = pc.index_in(_texts(table, name), value_set=known[name])
            column = places.cast(pa.float32())
        else:
            column = as_float32(table[name])
        values.append(_with_enough(_floats(column)))
    shape = (table.num_rows, len(columns))
    stacked = np.column_stack(values) if values else np.empty(shape, np.float32)
    return RowMatrix(stacked, [name in known for name in columns])


def out_of_fold_scores(rows: RowMatrix, is_new: Booleans) -> Float64s:
    """How likely each row is one of the new ones, (n,), by trees that were fitted to the other half of the rows."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    order = np.random.default_rng(SEED).permutation(len(is_new))
    scores = np.empty(len(is_new))
    halves = np.array_split(order, 2)
    with openmp_for(rows.values.size):
        for half, other in (halves, halves[::-1]):
            trees = HistGradientBoostingClassifier(**_settings(rows))
            trees.fit(rows.values[other], is_new[other])
            scores[half] = trees.predict_proba(rows.values[half])[:, 1]
    return scores


def fitted_means(rows: RowMatrix, targets: Floats) -> Callable[[RowMatrix], Float64s]:
    """What says the mean of ``targets``, (n,), of rows like these."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    trees = HistGradientBoostingRegressor(**_settings(rows))
    with openmp_for(rows.values.size):
        trees.fit(rows.values, targets)

    def means(others: RowMatrix) -> Float64s:
        with openmp_for(others.values.size):
            return np.asarray(trees.predict(others.values), np.float64)

    return means


def constant_within(table: pa.Table, columns: Sequence[str], nights: Int64s) -> list[str]:
    """The columns of which a night has few values, and each night mostly others than the rest: weather, weekdays.

    Of those a night is told from any other without any drift.
    """
    starts = np.flatnonzero(np.diff(nights, prepend=nights[0] - 1))
    rows_of_night = np.diff(starts, append=len(nights))
    constant = []
    for name in columns:
        codes = table[name].combine_chunks().dictionary_encode().indices.fill_null(-1).to_numpy()
        distinct = [len(np.unique(part)) for part in np.split(codes, starts[1:])]
        of_night = float(np.median(distinct))
        repeats = of_night * FEWEST_REPEATS <= np.median(rows_of_night)
        if repeats and len(np.unique(codes)) >= FEWEST_REPEATS * of_night:
            constant.append(name)
    return constant


def _settings(rows: RowMatrix) -> dict[str, Any]:
    return {
        "max_iter": ITERATIONS,
        "max_leaf_nodes": LEAVES,
        "min_samples_leaf": LEAST_IN_A_LEAF,
        "early_stopping": False,
        "categorical_features": rows.is_category,
        "random_state": SEED,
    }


def _is_text(table: pa.Table, name: str) -> bool:
    kind = table.schema.field(name).type
    return is_text(kind) or pa.types.is_dictionary(kind)


def _texts(table: pa.Table, name: str) -> pa.Array:
    values = table[name].cast(pa.string())
    return values.combine_chunks()


def _floats(column: pa.ChunkedArray) -> Float32s:
    numbers = column.to_numpy(zero_copy_only=False) if isinstance(column, pa.Array) else column.to_numpy()
    return np.asarray(numbers, np.float32)


def _with_enough(numbers: Float32s) -> Float32s:
    is_number = np.isfinite(numbers)
    if is_number.sum() >= FEWEST_NUMBERS:
        return numbers
    return is_number.astype(np.float32)
