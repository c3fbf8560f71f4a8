"""What each feature added to the scores of some rows: Shapley values, as SHAP has them (Lundberg and Lee, 2017).

The whole pipeline is asked, with features as the spec has them, so every trainer is explained in one way: the rows of a
background take a row's values one after the other, in the order of a permutation and back, which is exact for features
that act alone or in pairs. All rows take a step together, so that it is as fast as scoring.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from nightshift.modelling.arrays import Array, Float64s, Int64s
from nightshift.modelling.holdout import LabelledRows
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.spec import ModelSpec

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

MOST_ROWS = 2000
BACKGROUND = 20
MOST_SCORES = 1_000_000
"""Rows that are scored for it, all together: so it takes seconds, however many features there are."""
Scores: TypeAlias = Callable[[Float64s], Float64s]


@dataclass(frozen=True)
class ShapleyValues:
    """Of n rows and their features: what each added, ``values`` (n, features), and how large each was, 0 to 1.

    With several scores, a value is the largest of theirs, and has no sign. ``sizes`` are ranks, NaN for a null.
    """

    features: list[str]
    values: Float64s
    sizes: Float64s


def shapley_values(spec: ModelSpec, pipeline: "Pipeline", rows: LabelledRows) -> ShapleyValues | None:
    """Of at most 2,000 rows; None of hardly any."""
    random = np.random.default_rng(spec.training.seed)
    order = random.permutation(len(rows.labels))
    features = len(spec.features)
    number = min(MOST_ROWS, _rows_for(features))
    drawn = order[: number + BACKGROUND]
    table = rows.table.take(drawn)
    frame = model_inputs(spec, table)
    codes = _Codes(frame)
    background = codes.matrix[:BACKGROUND]
    explained = codes.matrix[BACKGROUND:]
    if len(explained) == 0:
        return None
    return ShapleyValues(
        features=list(frame.columns),
        values=_explained(spec, pipeline, codes, background, explained),
        sizes=_ranks(explained),
    )


def _rows_for(features: int) -> int:
    steps = 2 * features + 1
    of_row = steps * BACKGROUND
    rows = MOST_SCORES // of_row
    return max(1, rows)


class _Codes:
    """A frame as a matrix of numbers, and back: what shap mixes are numbers."""

    def __init__(self, frame: "pd.DataFrame") -> None:
        self._columns = list(frame.columns)
        self._types = frame.dtypes
        self._texts: dict[str, Any] = {}
        columns = []
        for name in self._columns:
            columns.append(self._numbers(frame, name))
        self.matrix: Float64s = np.column_stack(columns)

    def _numbers(self, frame: "pd.DataFrame", name: str) -> Array:
        import pandas as pd

        column = frame[name]
        if pd.api.types.is_numeric_dtype(column):
            return column.to_numpy(dtype=np.float64, na_value=np.nan)
        codes, texts = pd.factorize(column, use_na_sentinel=True)
        self._texts[name] = texts
        return codes.astype(np.float64)

    def frame(self, matrix: Float64s) -> "pd.DataFrame":
        """The rows of such a matrix as the pipeline takes them."""
        import pandas as pd

        columns = {}
        for place, name in enumerate(self._columns):
            numbers = matrix[:, place]
            columns[name] = self._column(name, numbers)
        return pd.DataFrame(columns)

    def _column(self, name: str, numbers: Float64s) -> Any:
        import pandas as pd

        if name not in self._texts:
            return pd.Series(numbers).astype(self._types[name])
        texts = self._texts[name]
        return pd.Series(
            texts.take(numbers.astype(np.int64), allow_fill=True, fill_value=None), dtype=self._types[name]
        )


def _explained(spec: ModelSpec, pipeline: "Pipeline", codes: _Codes, background: Float64s, rows: Float64s) -> Float64s:
    label = label_type(spec)

    def scores(matrix: Float64s) -> Float64s:
        frame = codes.frame(matrix)
        scored = label.predict(pipeline, frame)
        return np.asarray(scored, dtype=np.float64)

    random = np.random.default_rng(spec.training.seed)
    order = random.permutation(rows.shape[1])
    forth = added(scores, background, rows, order)
    back = added(scores, background, rows, order[::-1])
    values: Float64s = (forth + back) / 2
    if values.ndim == 2:
        return values
    return np.asarray(np.abs(values).max(axis=2))


def added(scores: Scores, background: Float64s, rows: Float64s, order: Int64s) -> Float64s:
    """What each feature adds to the mean score when the background takes the row's values one after the other.

    ``background`` (b, features) and ``rows`` (n, features) give (n, features), or (n, features, k) of k scores.
    """
    number = len(rows)
    mixed = np.tile(background, (number, 1))
    before = _means(scores(mixed), number)
    steps: dict[int, Float64s] = {}
    for feature in order:
        mixed[:, feature] = np.repeat(rows[:, feature], len(background))
        after = _means(scores(mixed), number)
        steps[int(feature)] = after - before
        before = after
    in_order = [steps[feature] for feature in sorted(steps)]
    return np.stack(in_order, axis=1)


def _means(scores: Float64s, rows: int) -> Float64s:
    of_score = scores.shape[1:]
    by_row = scores.reshape(rows, -1, *of_score)
    means = by_row.mean(axis=1)
    return np.asarray(means)


def _ranks(rows: Float64s) -> Float64s:
    """Of each column, how many rows have less, as a share."""
    ranks = np.full(rows.shape, np.nan)
    for place in range(rows.shape[1]):
        column = rows[:, place]
        known = ~np.isnan(column)
        values = column[known]
        _, places = np.unique(values, return_inverse=True)
        ranks[known, place] = places / max(1, places.max(initial=0))
    return ranks
