"""Features that say nothing of some rows: a model is trained without them, and whoever trains it is told.

A sensor that died is null in every row; a switch that nobody turned has one value; a whole number beyond 2^24 is
another one once it is float32, which is all that a graph is given. None of them may stop a training, or be learnt from.
The rule is one of the rows that are given, so it holds for each fit by itself, and the same rows leave out the same.
"""

from typing import TYPE_CHECKING

import numpy as np

from nightshift.modelling.arrays import Float32s
from nightshift.modelling.inputs import MISSING
from nightshift.quotes import quoted
from nightshift.spec import Column, ModelSpec
from nightshift.spec.columns import LARGEST_WHOLE
from nightshift.training.unseen import never_seen

if TYPE_CHECKING:
    import pandas as pd

FEWEST_STEPS = 10
"""Of float32, in a standard deviation of a column: with fewer, what is left of it is rounding."""


def left_out(spec: ModelSpec, frame: "pd.DataFrame") -> dict[str, str]:
    """The features of n rows, as the model sees them, that it is trained without; each with the reason.

    A column that is null or one value by turns is none of them: that it is null may say something.
    """
    reasons = {}
    for name in spec.features:
        column = spec.columns[name]
        reason = _why_not(column, frame[name])
        if reason:
            reasons[name] = reason
    return reasons


def without(spec: ModelSpec, frame: "pd.DataFrame", names: "dict[str, str]") -> "pd.DataFrame":
    """The rows with nothing in these features: numbers are 0, and texts one that no encoder knows."""
    emptied = frame.copy()
    for name in names:
        if spec.columns[name].numeric:
            emptied[name] = np.float32(0)
        else:
            emptied[name] = never_seen(frame[name].unique())
    return emptied


def sentence(reasons: dict[str, str]) -> str:
    """All of them, for a person."""
    parts = []
    for name, reason in reasons.items():
        part = f"{name}: {reason}"
        parts.append(part)
    return "; ".join(parts)


def _why_not(column: Column, values: "pd.Series") -> str:
    if not column.numeric:
        return _one_text(values)
    numbers = values.to_numpy(np.float32)
    is_null = np.isnan(numbers)
    known = numbers[~is_null]
    if known.size == 0:
        return "null in every training row"
    largest = np.abs(known).max()
    if column.is_exact and largest >= LARGEST_WHOLE:
        return f"whole numbers of {LARGEST_WHOLE:,} and more, which float32 rounds; columns: rounded: true allows that"
    low = float(known.min())
    high = float(known.max())
    if low < high:
        is_finite = np.isfinite(known)
        return _coarse(known[is_finite])
    if is_null.any():
        return ""
    return f"{quoted(low)} in every training row"


def _one_text(values: "pd.Series") -> str:
    if values.empty:
        return "null in every training row"
    first = values.iloc[0]
    if (values != first).any():
        return ""
    value = "null" if first == MISSING else quoted(first)
    return f"{value} in every training row"


def _coarse(numbers: Float32s) -> str:
    """Of numbers that lie nearer to one another than float32 can tell, against the size that they have."""
    if numbers.size == 0:
        return ""
    spread = float(numbers.std(dtype=np.float64))
    if spread == 0:
        return ""
    largest = np.abs(numbers).max()
    step = float(np.spacing(largest))
    if step * FEWEST_STEPS <= spread:
        return ""
    return f"numbers that differ by hardly more than float32 can tell of their size, {step:g}"
