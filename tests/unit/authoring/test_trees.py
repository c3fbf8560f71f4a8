"""Trees of a draft grow with the rows that there are to learn from."""

import datetime as dt
from collections import Counter

import numpy as np
import pytest

from nightshift.authoring.trees import (
    MOST_TREES,
    SIZES,
    TRIED,
    TreeTrial,
    effective_rows,
    grown,
    learnt_rows,
    tree_size,
    written_parameters,
)
from nightshift.authoring.window import window
from tests.unit.authoring.conftest import Proposal
from tests.unit.authoring.test_next_month import rows


def test_more_rows_bear_more_and_larger_trees() -> None:
    capacity = [size.trees * size.leaves for size in SIZES.values()]
    assert capacity == sorted(set(capacity))
    assert tree_size(50_000).leaves == 31
    assert tree_size(3_000_000).leaves == 127


@pytest.mark.parametrize(("share", "counted"), [(0.0, 10_000), (0.5, 10_000), (0.01, 1_000), (0.99, 1_000)])
def test_a_rare_outcome_makes_rows_count_less(share: float, counted: int) -> None:
    assert effective_rows(10_000, share) == counted


def test_what_did_well_on_some_rows_has_more_trees_for_more_of_them() -> None:
    small, _ = TRIED
    assert grown(TreeTrial(small, rows=1_000), rows=800) == small
    more = grown(TreeTrial(small, rows=1_000), rows=4_000).trees
    assert more > small.trees
    # scikit-learn takes no 460.0.
    assert isinstance(more, int)
    million = grown(TreeTrial(small, rows=15_000), rows=1_000_000)
    assert million.trees == MOST_TREES
    assert million.leaves == 28


def test_a_label_of_classes_has_no_penalty_that_would_keep_a_model_unsure() -> None:
    small, _ = TRIED
    assert written_parameters(small, "binary")["l2_regularization"] == 0
    assert written_parameters(small, "regression")["l2_regularization"] > 0


def test_rows_beyond_the_window_and_held_out_are_not_learnt_from() -> None:
    first = dt.date(2024, 1, 1)
    nights = Counter({first + dt.timedelta(days=day): 10 for day in range(20)})
    assert learnt_rows(nights, window_days=10, holdout_days=2) == 80


def test_a_draft_has_them_and_says_for_how_many_rows(propose: Proposal) -> None:
    spec, _, text = propose(rows())
    assert spec.training.parameters["max_leaf_nodes"] == 8
    assert "for 280 rows to learn from" in text
    rare = np.arange(360) % 40 == 0
    _, _, text = propose(rows(label=rare), force=True)
    assert "for 280 rows to learn from, which count as 70 since one outcome is rare" in text


@pytest.mark.parametrize(("rows_a_night", "days"), [(24, 365), (300, 334), (5_000, 90)])
def test_a_window_is_longer_where_nights_have_few_rows(rows_a_night: int, days: int) -> None:
    first = dt.date(2024, 1, 1)
    nights = Counter({first + dt.timedelta(days=day): rows_a_night for day in range(365)})
    assert window(nights) == (days, 14)
