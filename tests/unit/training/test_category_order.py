"""Categories are in the order of their labels, where enough rows say so."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from nightshift.optimization.export import seen_categories
from nightshift.spec import ModelSpec
from nightshift.training.category_order import order_by_label
from nightshift.training.trainer import in_alphabet
from nightshift.training.trainers import boosting, trainer_of
from tests.training import as_rows


def test_categories_follow_the_mean_of_their_labels() -> None:
    codes = np.repeat(np.arange(4), 100)
    means = np.array([3.0, -2.0, 9.0, 0.0])
    noise = np.random.default_rng(0).normal(size=400)
    order = order_by_label(codes, means[codes] + noise, are_classes=False)
    assert order.tolist() == [1, 3, 0, 2]


def test_a_category_of_few_rows_does_not_tell_their_labels() -> None:
    """Else each row would have its label in the number of its category."""
    codes = np.arange(1000) // 2
    labels = np.random.default_rng(0).integers(0, 2, size=1000).astype(float)
    assert order_by_label(codes, labels, are_classes=True).tolist() == list(range(500))


def test_classes_order_categories_by_their_shares() -> None:
    random = np.random.default_rng(0)
    codes = np.repeat(np.arange(3), 300)
    shares = np.array([[0.1, 0.1, 0.8], [0.8, 0.1, 0.1], [0.5, 0.1, 0.4]])
    classes = np.array([random.choice(3, p=shares[code]) for code in codes])
    assert order_by_label(codes, classes, are_classes=True).tolist() == [1, 2, 0]


@pytest.mark.parametrize("classes", [1, 2])
def test_labels_that_are_all_alike_or_two_are_no_special_case(classes: int) -> None:
    codes = np.repeat(np.arange(3), 50)
    labels = (codes == 1) & (classes == 2)
    order = order_by_label(codes, labels.astype(np.float32), are_classes=True).tolist()
    assert order == ([0, 2, 1] if classes == 2 else [0, 1, 2])


def test_whole_numbers_as_labels_are_no_classes(of_kind: Callable[..., ModelSpec]) -> None:
    """Counts of a regression have a mean; as classes they would be a line through shares."""
    spec = of_kind("regression", "hist_gradient_boosting")
    text = next(name for name in spec.features if not spec.columns[name].numeric)
    frame = pd.DataFrame({name: np.zeros(200, np.float32) for name in spec.features})
    frame[text] = np.repeat(["a", "b"], 100)
    counts = np.repeat([9.0, 1.0], 100)
    pipeline = trainer_of(spec).fit(spec, as_rows(frame, counts + np.tile([0.0, 1.0], 100)))
    assert seen_categories(spec, pipeline)[text] == ("b", "a")
    alphabetical = replace(boosting.TRAINER, fit_categories=in_alphabet)
    pipeline = alphabetical.fit(spec, as_rows(frame, counts + np.tile([0.0, 1.0], 100)))
    assert seen_categories(spec, pipeline)[text] == ("a", "b")
