"""How much each row counts in a fit: by a column of the data, by its age, or by both. What is judged counts alike."""

import numpy as np

from nightshift.errors import DataError
from nightshift.modelling.arrays import Float64s, Int64s
from nightshift.modelling.holdout import LabelledRows
from nightshift.modelling.inputs import as_numbers
from nightshift.spec import ModelSpec


def row_weights(spec: ModelSpec, rows: LabelledRows) -> Float64s | None:
    """Of n rows, (n,), with a mean of 1, so that penalties mean what they did; None where all count alike.

    Raises ``DataError`` for a weight that is none.
    """
    training = spec.training
    if training.weight is None and training.recency_half_life is None:
        return None
    weights = np.ones(len(rows.nights))
    if training.weight is not None:
        weights *= _of_column(spec, training.weight, rows)
    if training.recency_half_life is not None:
        weights *= recency(rows.nights, training.recency_half_life)
    with np.errstate(over="ignore"):
        mean = float(weights.mean())
    if not mean > 0:
        raise _useless(spec, f"of {len(weights):,} rows none counts: their weights are all 0")
    if not np.isfinite(mean):
        raise _useless(spec, f"the weights of {len(weights):,} rows add up to more than a number holds")
    return weights / mean


def recency(nights: Int64s, half_life: float) -> Float64s:
    """Of rows of these nights, day ordinals (n,): a night counts half of one that is ``half_life`` nights newer."""
    _, places = np.unique(
        nights,
        return_inverse=True,
    )
    newest = places.max(initial=0)
    half_lives = (newest - places) / half_life
    weights = 0.5**half_lives
    return np.asarray(weights)


def _of_column(spec: ModelSpec, name: str, rows: LabelledRows) -> Float64s:
    column = as_numbers(rows.table[name]).to_numpy()
    weights = np.asarray(column, np.float64)
    is_weight = np.isfinite(weights) & (weights >= 0)
    strange = int((~is_weight).sum())
    if strange:
        raise _useless(spec, f"training.weight {name}: {strange:,} rows have none, one below 0, or no finite one")
    return weights


def _useless(spec: ModelSpec, problem: str) -> DataError:
    return DataError(
        f"{spec.name}: {problem}",
        fix="give the column min: 0 in model.yaml, so that such rows are set aside, or take training.weight out",
    )
