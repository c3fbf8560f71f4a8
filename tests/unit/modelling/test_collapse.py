"""A refit that is of another world than what was judged is refused; one that learnt a little more is not."""

import numpy as np
import pytest

from nightshift.errors import CollapsedRefit
from nightshift.modelling.collapse import require_alive
from nightshift.spec import ModelSpec

OUT_OF_FOLD = np.random.default_rng(0).beta(2, 5, 2_000)


@pytest.mark.parametrize(
    "refit",
    [
        np.full(2_000, OUT_OF_FOLD.mean()),
        (OUT_OF_FOLD > 0.3).astype(float),
        1 - OUT_OF_FOLD,
        OUT_OF_FOLD.mean() + (OUT_OF_FOLD - OUT_OF_FOLD.mean()) / 4,
        np.where(np.arange(2_000) == 7, np.nan, OUT_OF_FOLD),
    ],
    ids=["constant", "yes or no", "turned round", "a quarter of its range", "no number"],
)
def test_a_fit_that_failed_is_refused(spec: ModelSpec, refit: np.ndarray) -> None:
    if set(np.unique(refit)) == {0.0, 1.0}:
        refit = refit * 4
    with pytest.raises(CollapsedRefit, match=f"{spec.name}: fitted on the whole window"):
        require_alive(spec, OUT_OF_FOLD, refit)


@pytest.mark.parametrize("spread", [0.7, 1.0, 1.5])
def test_one_that_saw_the_judged_nights_is_sharper_and_stays(spec: ModelSpec, spread: float) -> None:
    mean = OUT_OF_FOLD.mean()
    require_alive(spec, OUT_OF_FOLD, mean + 0.05 + spread * (OUT_OF_FOLD - mean))


def test_each_class_is_looked_at(of_kind: object) -> None:
    spec = of_kind("multiclass")  # type: ignore[operator]
    scores = np.random.default_rng(1).dirichlet([2, 3, 4], 1_000)
    require_alive(spec, scores, scores)
    dead = scores.copy()
    dead[:, 2] = 0.4
    with pytest.raises(CollapsedRefit, match="of 'late'"):
        require_alive(spec, scores, dead)


def test_a_recipe_that_says_the_same_of_all_is_for_the_gate(spec: ModelSpec) -> None:
    require_alive(spec, np.full(100, 0.3), np.full(100, 0.4))
