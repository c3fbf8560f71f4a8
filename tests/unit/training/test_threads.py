"""A fit of few rows takes one thread, and is the same; the estimator is as it was told."""

import numpy as np
import pytest
from lightgbm import LGBMClassifier

from nightshift.concurrency import CELLS_OF_ONE_THREAD
from nightshift.training.trainers.lightgbm import _fit
from nightshift.training.training_rows import FitTargets

SAME_TREES = {"deterministic": True, "force_row_wise": True, "verbosity": -1}


@pytest.mark.parametrize(("told", "threads"), [(None, 1), (2, 2)])
def test_small_trees_of_lightgbm_grow_in_one_thread_unless_it_is_told(told: int | None, threads: int) -> None:
    random = np.random.default_rng(20261127)
    matrix = random.normal(size=(2_000, 5)).astype("float32")
    labels = random.random(2_000) < 0.3
    assert matrix.size <= CELLS_OF_ONE_THREAD
    estimator = LGBMClassifier(n_estimators=20, random_state=0, n_jobs=told, **SAME_TREES)
    _fit(estimator, matrix, FitTargets(labels, np.repeat(np.arange(20), 100)))
    assert f"[num_threads: {threads}]" in estimator.booster_.model_to_string()
    assert estimator.n_jobs == told
    by_two = LGBMClassifier(n_estimators=20, random_state=0, n_jobs=2, **SAME_TREES).fit(matrix, labels)
    assert np.array_equal(estimator.predict_proba(matrix), by_two.predict_proba(matrix))
