"""Trees are chosen on nights that they were not grown on, where there are rows enough to tell."""

import numpy as np
import pandas as pd
import pytest

from nightshift.authoring import trial
from nightshift.authoring.trees import TRIED, TreeSize
from nightshift.authoring.trial import FEWEST_ROWS, _chosen, _folds
from tests.unit.authoring.conftest import Proposal

NIGHTS = 20


@pytest.fixture(autouse=True)
def without_trial() -> None:
    """With it."""


def _rows(rows: int, label: np.ndarray | None = None) -> pd.DataFrame:
    random = np.random.default_rng(0)
    numbers = {name: random.normal(size=rows) for name in "abcd"}
    frame = pd.DataFrame({
        "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(rows) * NIGHTS // rows, unit="D"),
        "id": np.arange(rows),
        "place": random.choice(["north", "south", "east"], size=rows),
        **numbers,
    })
    frame["day"] = frame["day"].dt.date
    product = np.sign(numbers["a"] * numbers["b"] * numbers["c"])
    frame["label"] = product + 0.1 * random.normal(size=rows) if label is None else label
    return frame


def test_what_is_hard_to_tell_has_smaller_trees_than_what_takes_some_to_tell(propose: Proposal) -> None:
    told, _, text = propose(_rows(800))
    noise = np.random.default_rng(1).normal(size=800)
    untold, _, _ = propose(_rows(800, label=noise), force=True)
    assert told.training.parameters["max_leaf_nodes"] > untold.training.parameters["max_leaf_nodes"]
    assert "by what 600 of them told of nights left out" in text


def test_few_rows_are_not_tried(propose: Proposal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "_losses", None)
    _, _, text = propose(_rows(FEWEST_ROWS - 1))
    assert "told of nights left out" not in text


def test_rows_without_a_label_are_no_part_of_it(propose: Proposal) -> None:
    label = np.where(np.arange(800) % 4 == 0, np.nan, np.random.default_rng(1).normal(size=800))
    _, _, text = propose(_rows(800, label=label))
    assert "by what 450 of them told" in text


def test_a_size_that_chance_may_have_made_the_best_gives_way_to_the_usual() -> None:
    usual = TreeSize(trees=200, rate=0.05, leaves=8, leaf_rows=20)
    short = TreeSize(trees=20, rate=0.05, leaves=8, leaf_rows=20)
    even = np.ones(10)
    by_chance = even - np.array([1.0, -0.9] * 5)
    surely = even - 0.1
    assert _chosen({usual: even, short: by_chance}) == usual
    assert _chosen({usual: even, short: surely}) == short


@pytest.mark.parametrize(("rows_a_night", "judged"), [(20, 10), (800, 4)])
def test_a_night_is_never_judged_by_what_was_learnt_from_it(rows_a_night: int, judged: int) -> None:
    nights = np.repeat(np.arange(10), rows_a_night)
    folds = list(_folds(nights))
    of_folds = [set(nights[is_judged]) for _, is_judged in folds]
    assert sum(map(len, of_folds)) == len(set().union(*of_folds)) == judged
    for is_learnt, is_judged in folds:
        assert is_learnt.any()
        assert not set(nights[is_learnt]) & set(nights[is_judged])


def test_many_rows_are_judged_by_earlier_nights_alone() -> None:
    nights = np.repeat(np.arange(10), 800)
    for is_learnt, is_judged in _folds(nights):
        assert nights[is_learnt].max() < nights[is_judged].min()


def test_sizes_that_are_tried_differ() -> None:
    assert len({size.leaves for size in TRIED}) == len(TRIED)
