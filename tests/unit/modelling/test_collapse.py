"""A refit that is of another world than what was judged is refused; one that learnt a little more is not."""

from collections.abc import Callable

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


def test_classes_are_taken_together_for_a_rare_one_may_go_with_the_newest_nights(
    of_kind: Callable[..., ModelSpec],
) -> None:
    spec = of_kind("multiclass")
    scores = np.random.default_rng(1).dirichlet([4, 4, 0.3], 1_000)
    gone = scores.copy()
    gone[:, 2] /= 10
    gone /= gone.sum(axis=1, keepdims=True)
    require_alive(spec, scores, gone)
    with pytest.raises(CollapsedRefit):
        require_alive(spec, scores, np.tile(scores.mean(axis=0), (1_000, 1)))


def test_a_recipe_that_says_the_same_of_all_is_for_the_gate(spec: ModelSpec) -> None:
    require_alive(spec, np.full(100, 0.3), np.full(100, 0.4))
