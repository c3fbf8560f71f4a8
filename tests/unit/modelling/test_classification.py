"""F1 and the areas on NumPy against scikit-learn, ties and lonely classes included."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from nightshift.modelling.classification import average_precision, f1, macro_f1, roc_auc

# Few distinct scores, so that most rows are tied with others.
TIED = st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.25, 0.5, 1.0])), min_size=2, max_size=40)
CLASSES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40)


def columns(rows: list[tuple[bool, float]]) -> tuple[np.ndarray, np.ndarray]:
    labels = np.array([label for label, _ in rows], np.float32)
    return labels, np.array([score for _, score in rows], np.float32)


@given(TIED)
def test_areas_are_those_of_scikit_learn_with_ties(rows: list[tuple[bool, float]]) -> None:
    labels, scores = columns([(True, 0.5), (False, 0.25), *rows])
    assert roc_auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    assert average_precision(labels, scores) == pytest.approx(average_precision_score(labels, scores), abs=1e-12)


@given(TIED)
def test_f1_is_that_of_scikit_learn(rows: list[tuple[bool, float]]) -> None:
    labels, scores = columns(rows)
    expected = f1_score(labels, scores >= 0.5, zero_division=0.0)
    assert f1(labels == 1, scores >= 0.5) == pytest.approx(expected, abs=1e-12)


@given(CLASSES)
def test_macro_f1_is_that_of_scikit_learn(rows: list[tuple[int, int]]) -> None:
    labels, predicted = np.array(rows, np.int64).T
    expected = f1_score(labels, predicted, average="macro", zero_division=0.0)
    assert macro_f1(labels, predicted) == pytest.approx(expected, abs=1e-12)


def test_a_large_night_s_area_does_not_overflow() -> None:
    rng = np.random.default_rng(5)
    labels = (rng.random(300_000) < 0.5).astype(np.float32)
    assert roc_auc(labels, labels) == 1.0
    assert roc_auc(labels, -labels) == 0.0
