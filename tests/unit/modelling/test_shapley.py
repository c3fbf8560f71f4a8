"""Shapley values: those of the definition, of every kind of label, and in sum the score."""

import math
from collections.abc import Callable
from itertools import permutations
from typing import Any

import numpy as np
import pytest

from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.modelling.plots.shapley import shapley_figure
from nightshift.modelling.shapley import BACKGROUND, MOST_ROWS, _rows_for, added, shapley_values
from tests.unit.conftest import Fitted


def score(matrix: np.ndarray) -> np.ndarray:
    """Features that act alone, in a pair, and not at all."""
    return np.asarray(2 * matrix[:, 0] + np.sin(matrix[:, 1]) * matrix[:, 2])


def by_definition(background: np.ndarray, row: np.ndarray) -> np.ndarray:
    """The mean, over all orders, of what a feature adds when it comes to those before it."""
    total = np.zeros(len(row))
    for order in permutations(range(len(row))):
        mixed = background.copy()
        before = score(mixed).mean()
        for feature in order:
            mixed[:, feature] = row[feature]
            after = score(mixed).mean()
            total[feature] += after - before
            before = after
    return total / math.factorial(len(row))


def test_of_features_that_act_alone_or_in_pairs_they_are_exact() -> None:
    """The package shap says the same, and needs a hundred times as long."""
    random = np.random.default_rng(3)
    background = random.normal(size=(12, 4))
    rows = random.normal(size=(9, 4))
    order = random.permutation(4)
    values = (added(score, background, rows, order) + added(score, background, rows, order[::-1])) / 2
    assert values == pytest.approx(np.stack([by_definition(background, row) for row in rows]))
    assert values[:, 3] == pytest.approx(0)


@pytest.mark.parametrize(
    ("kind", "trainer"),
    [("binary", "logistic_regression"), ("multiclass", "hist_gradient_boosting"), ("regression", "ridge")],
)
def test_of_every_kind_of_label_what_matters_matters_most(
    fitted: Callable[..., Fitted], kind: str, trainer: str
) -> None:
    made: Any = fitted(kind, trainer)
    explained = shapley_values(made.spec, made.pipeline, made.rows.labelled)
    assert explained is not None
    largest = dict(zip(explained.features, np.abs(explained.values).mean(axis=0), strict=True))
    assert largest["items"] > largest["weight"]
    assert np.nanmax(explained.sizes) == 1.0
    assert np.isnan(explained.sizes[:, explained.features.index("amount")]).any(), "nulls have no place"
    shapley_figure(explained)


def test_in_sum_they_are_the_score_less_that_of_the_background(fitted: Callable[..., Fitted]) -> None:
    made: Any = fitted("binary")
    rows = made.rows.labelled
    explained = shapley_values(made.spec, made.pipeline, rows)
    assert explained is not None
    order = np.random.default_rng(made.spec.training.seed).permutation(len(rows.labels))
    frame = model_inputs(made.spec, rows.table.take(order[: len(explained.values) + BACKGROUND]))
    scores = label_type(made.spec).predict(made.pipeline, frame)
    expected = scores[BACKGROUND:] - scores[:BACKGROUND].mean()
    assert explained.values.sum(axis=1) == pytest.approx(expected, abs=1e-6)


def test_many_features_have_fewer_rows() -> None:
    assert _rows_for(5) > MOST_ROWS > _rows_for(100) > 100
