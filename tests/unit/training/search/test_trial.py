"""A trial is judged as the gate would judge it: by the loss of its own kind of label."""

from collections.abc import Callable
from typing import Any

import pytest

from nightshift.modelling.folds import folds_of
from nightshift.modelling.holdout import Split
from nightshift.modelling.label_types import label_type
from nightshift.spec import ModelSpec
from nightshift.training.recipe import fit, out_of_fold
from nightshift.training.search.sampler import proposal
from nightshift.training.search.space import space_of
from nightshift.training.search.trial import run_trial

PLAIN: dict[str, Any] = {}
TAUGHT = {"weight": "items", "recency_half_life": 5, "calibration": "isotonic"}
WEIGHTED = {"weight": "items", "recency_half_life": 5}


@pytest.mark.parametrize(
    ("kind", "trainer", "training"),
    [
        ("binary", "hist_gradient_boosting", TAUGHT),
        ("multiclass", "hist_gradient_boosting", TAUGHT),
        ("multilabel", "hist_gradient_boosting", TAUGHT),
        ("regression", "tabular_network", PLAIN),
        ("quantile", "hist_gradient_boosting", WEIGHTED),
    ],
)
def test_a_trial_loses_what_its_kind_of_label_loses(
    of_kind: Callable[..., ModelSpec],
    change: Callable[..., ModelSpec],
    labelled: Callable[[ModelSpec], Split],
    kind: str,
    trainer: str,
    training: dict[str, Any],
) -> None:
    spec = change(of_kind(kind, trainer), training=training, search={"trials": 2})
    folds = folds_of(spec, labelled(spec))
    own = proposal(space_of(spec), [])
    assert own
    trial = run_trial(spec, own, folds, "ab", 0)
    assert (trial.state, trial.why) == ("finished", "")
    judged = out_of_fold(spec, folds, [fit(spec, fold.train) for fold in folds])
    losses = label_type(spec).row_losses(spec.metric, judged.rows.labels, judged.scores)
    assert trial.loss == pytest.approx(losses.mean())
