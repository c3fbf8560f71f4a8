"""A recipe that a search chose is held against a model.yaml by what that model.yaml's own search may come to."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from nightshift.errors import ModelError
from nightshift.releases.carried import CarriedVersion, require_recipe
from nightshift.releases.searched import as_searched
from nightshift.spec import ModelSpec
from nightshift.spec.search import with_recipe
from nightshift.stores.searches import SearchRecord, TrialRecord
from nightshift.stores.versions import VersionRecord
from tests.champions import FACTS

LINEAR = {"trainer": "logistic_regression", "ranges": {"C": {"low": 0.01, "high": 10.0, "log": True}}}
COSTS = {"false_alarm": 1.0, "miss": 4.0}


def searched(candidate: int, **values: Any) -> SearchRecord:
    trial = TrialRecord(
        study="ab", number=3, candidate=candidate, values=values, state="finished", losses=[0.5], night_losses={},
        seconds=1.0,
    )  # fmt: skip
    return SearchRecord(
        model="m", study="ab", snapshot_md5="ab.dir", metric="log_loss", night_rows={}, candidates=[], trials=[trial],
        winner=3, trainer="logistic_regression", parameters=values, reason="less", ended="all 4 trials",
    )  # fmt: skip


@pytest.fixture
def searching(spec: ModelSpec, change: Callable[..., ModelSpec]) -> ModelSpec:
    return change(spec, search={"candidates": [LINEAR]})


def carried(spec: ModelSpec, search: SearchRecord | None, **record: Any) -> CarriedVersion:
    facts = {**FACTS, "model": spec.name, "version": "2", "gate": "passed", "reason": "a test", "origin": {}}
    known = VersionRecord.model_validate({**facts, **record})
    return CarriedVersion(known, spec, cast("Any", SimpleNamespace()), {}, {}, search)


def test_a_spec_that_searches_may_come_to_the_winner_and_no_other_may(
    spec: ModelSpec, searching: ModelSpec, change: Callable[..., ModelSpec]
) -> None:
    won = searched(1, C=0.5)
    winner = with_recipe(searching, "logistic_regression", {"C": 0.5})
    assert as_searched(searching, won) == winner
    require_recipe(carried(winner, won), searching)
    written = with_recipe(spec, "logistic_regression", {"C": 0.5})
    require_recipe(carried(winner, won), written)
    narrower = change(searching, search={"candidates": [{**LINEAR, "ranges": {"C": {"low": 1.0, "high": 2.0}}}]})
    for other in (spec, narrower, change(searching, training={"seed": 8})):
        with pytest.raises(ModelError, match="of another recipe than"):
            require_recipe(carried(winner, won), other)


def test_own_recipe_that_won_is_held_against_the_one_that_is_written(
    searching: ModelSpec, change: Callable[..., ModelSpec]
) -> None:
    own = searched(0)
    require_recipe(carried(searching, own), searching)
    with pytest.raises(ModelError, match=r"another training\.parameters\.max_iter"):
        require_recipe(carried(searching, own), change(searching, training={"parameters": {"max_iter": 30}}))


def test_a_threshold_that_is_learnt_is_held_against_its_rule(spec: ModelSpec, change: Callable[..., ModelSpec]) -> None:
    by_costs = change(spec, predict={"costs": COSTS, "learn_threshold": True, "threshold": None})
    by_share = change(spec, predict={"share": 0.1, "threshold": None})
    of_costs = {"threshold": 0.3, "threshold_rule": "costs 1 to 4"}
    require_recipe(carried(by_costs, None, **of_costs), by_costs)
    require_recipe(carried(by_costs, None, **of_costs), spec)
    require_recipe(carried(by_share, None, share=0.1, threshold=0.3), by_share)
    with pytest.raises(ModelError, match=r"no threshold for predict\.costs 1 to 4"):
        require_recipe(carried(by_costs, None, share=0.1, threshold=0.3), by_costs)
    with pytest.raises(ModelError, match=r"no threshold for predict\.share 0\.1"):
        require_recipe(carried(by_costs, None, **of_costs), by_share)
