"""How long is trained is a question of nights, never of rows beside those that were learnt."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nightshift.spec import ModelSpec
from nightshift.training.night_stopping import set_apart
from nightshift.training.trainers import trainer_of
from nightshift.training.training_rows import FitTargets, TrainingRows

STOPPING: dict[str, dict[str, Any]] = {
    "hist_gradient_boosting": {"early_stopping": True, "max_iter": 60, "n_iter_no_change": 5},
    "lightgbm": {"early_stopping_rounds": 5, "n_estimators": 60},
    "xgboost": {"early_stopping_rounds": 5, "n_estimators": 60},
    "neural_network": {"hidden_layer_sizes": [8], "max_iter": 60, "n_iter_no_change": 5, "learning_rate_init": 0.01},
}
"""As a spec asks for it; a network stops early unless it is told not to."""
ROUNDS = {"hist_gradient_boosting": "max_iter", "neural_network": "max_iter"}


def rows_of(spec: ModelSpec, *, turned: bool) -> TrainingRows:
    """Twenty nights of which each has a noise of its own; in the newest two the truth is ``turned`` round."""
    rng = np.random.default_rng(3)
    nights = np.repeat(np.arange(20), 40)
    rows = len(nights)
    amount = rng.normal(size=rows)
    sign = np.where(turned & (nights >= 18), -1, 1)
    truth = sign * amount + rng.normal(scale=0.3, size=rows)
    classes = spec.label.type == "binary"
    frame = pd.DataFrame({
        "site": rng.choice(["east", "north"], rows),
        "kind": rng.choice(["book", "lamp"], rows),
        "amount": amount.astype("float32"),
        "weight": rng.normal(size=rows).astype("float32"),
        "items": rng.integers(1, 9, rows).astype("float32"),
        "express": rng.integers(0, 2, rows).astype("float32"),
    })
    return TrainingRows(frame, (truth > 0).astype(float) if classes else truth, nights)


@pytest.mark.parametrize("kind", ["binary", "regression"])
@pytest.mark.parametrize("trainer", STOPPING)
def test_the_newest_nights_say_how_long_and_are_learnt_from_all_the_same(
    of_kind: Callable[..., ModelSpec], change: Callable[..., ModelSpec], trainer: str, kind: str
) -> None:
    """Rows drawn at random, as libraries take them, would go on until the last round of old nights."""
    spec = change(of_kind(kind, trainer), training={"parameters": STOPPING[trainer]})
    rounds = {}
    for turned in (False, True):
        rows = rows_of(spec, turned=turned)
        estimator = trainer_of(spec).fit(spec, rows)[-1]
        estimator = getattr(estimator, "regressor_", estimator)
        rounds[turned] = getattr(estimator, ROUNDS.get(trainer, "n_estimators"))
    assert 3 * rounds[True] < rounds[False]


def test_too_few_nights_or_classes_that_only_the_newest_have_set_nothing_apart() -> None:
    nights = np.repeat([1, 2, 3], 2)
    assert set_apart(FitTargets(np.zeros(2), np.array([1, 1])), are_classes=True) is None
    new_class = FitTargets(np.array([0, 1, 0, 1, 2, 1]), nights)
    assert set_apart(new_class, are_classes=True) is None
    apart = set_apart(new_class, are_classes=False)
    assert apart is not None
    assert apart.tolist() == [False, False, False, False, True, True]


def test_a_network_has_layers_as_a_list(of_kind: Callable[..., ModelSpec], change: Callable[..., ModelSpec]) -> None:
    spec = change(of_kind("binary", "neural_network"), training={"parameters": {"hidden_layer_sizes": [6, 3]}})
    assert trainer_of(spec).pipeline(spec)[-1].hidden_layer_sizes == [6, 3]


@pytest.mark.parametrize("side", ["late", "early"])
def test_rows_that_do_not_count_say_nothing(side: str) -> None:
    nights = np.repeat(np.arange(20), 3)
    is_late = nights >= 18
    counts = is_late if side == "early" else ~is_late
    rows = FitTargets(np.zeros(60), nights, counts.astype(float))
    assert set_apart(rows, are_classes=False) is None
    assert set_apart(FitTargets(np.zeros(60), nights, np.ones(60)), are_classes=False) is not None
