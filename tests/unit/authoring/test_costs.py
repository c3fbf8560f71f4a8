"""The threshold of a draft is a rule that a person can restate: what errors cost."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from nightshift.authoring.costs import costs_of
from nightshift.spec.predict import Costs, Predict
from tests.unit.authoring.conftest import Proposal
from tests.unit.authoring.test_next_month import rows


def test_the_threshold_follows_from_the_costs() -> None:
    assert Predict(costs=Costs(false_alarm=1, miss=4)).threshold == 0.2
    assert Predict().threshold == 0.5
    assert Predict(threshold=0.3).threshold == 0.3


def test_what_was_read_is_read_again() -> None:
    predict = Predict(costs=Costs(false_alarm=1, miss=2))
    assert Predict.model_validate(predict.model_dump(mode="json")) == predict


@pytest.mark.parametrize("raw", [{"costs": {"false_alarm": 1, "miss": 1}, "threshold": 0.2}, {"costs": {"miss": 1}},
                                 {"costs": {"false_alarm": 0, "miss": 1}}])  # fmt: skip
def test_costs_that_contradict_or_lack_one_are_refused(raw: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Predict.model_validate(raw)


@pytest.mark.parametrize("share", [0.001, 0.0123, 0.07, 0.3, 0.5, 0.77, 0.99])
def test_drafted_costs_put_the_threshold_near_the_share_of_yes(share: float) -> None:
    threshold = Costs(**costs_of(share)).threshold
    assert threshold == pytest.approx(share, rel=0.06)


def test_a_draft_states_them_and_warns_of_a_holdout_without_yes(propose: Proposal) -> None:
    label = np.random.default_rng(0).random(360) < 0.05
    spec, made, text = propose(rows(label=label))
    assert spec.predict.costs is not None
    assert 0.03 < spec.predict.threshold < 0.08
    assert "write what a false alarm and a miss cost you" in text
    [warning] = [warning for warning in made.warnings if "holdout" in warning]
    assert "rows of the rarer outcome" in warning
