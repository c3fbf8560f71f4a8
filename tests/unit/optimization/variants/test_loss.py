"""What a graph loses: how often one that loses too much gets through, and what it would lose by its scores alone."""

import math

import numpy as np
import pytest

from nightshift.modelling.metrics import row_losses
from nightshift.optimization.variants.loss import expected_losses, loss_interval

LIMIT = 0.002
SPREAD = 0.003


def accepted(mean: float, nights: int, runs: int) -> float:
    """Of graphs that lose so much, on nights that differ by one and a half times the allowance."""
    rng = np.random.default_rng(nights)
    ordinals = np.arange(nights)
    passed = 0
    for _ in range(runs):
        passed += loss_interval(rng.normal(mean, SPREAD, nights), ordinals, 0.95).high <= LIMIT
    return passed / runs


@pytest.mark.parametrize("nights", [14, 28])
def test_one_bad_graph_in_forty_gets_through(nights: int) -> None:
    """One is judged, however many were tried; a bootstrap for each let 19 % of five through."""
    runs = 600
    allowed = 0.025 + 2.6 * math.sqrt(0.025 * 0.975 / runs)
    assert accepted(LIMIT, nights, runs) <= allowed


def test_a_harmless_graph_passes_on_four_weeks_of_nights() -> None:
    assert accepted(0.0, 28, 300) > 0.75


def test_rows_are_weights_and_nights_the_unit() -> None:
    lost = np.concatenate([np.full(900, 0.01), np.full(100, 0.03), np.full(1000, 0.02)])
    nights = np.repeat([1, 2, 3], [900, 100, 1000])
    found = loss_interval(lost, nights, 0.95)
    assert found.mean == pytest.approx(lost.mean())
    twice = loss_interval(np.repeat(lost, 2), np.repeat(nights, 2), 0.95)
    assert (twice.low, twice.high) == pytest.approx((found.low, found.high))


def test_two_nights_say_nothing() -> None:
    found = loss_interval(np.array([0.0, 0.0]), np.array([1, 2]), 0.95)
    assert (found.mean, found.low, found.high) == (0.0, -math.inf, math.inf)


def test_the_same_scores_lose_nothing() -> None:
    found = loss_interval(np.zeros(50), np.repeat(np.arange(10), 5), 0.95)
    assert (found.mean, found.low, found.high) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("metric", ["log_loss", "brier"])
def test_what_is_expected_by_the_scores_is_what_outcomes_drawn_by_them_cost(metric: str) -> None:
    rng = np.random.default_rng(5)
    exact = rng.uniform(0.05, 0.95, 200_000)
    other = np.clip(exact + rng.normal(0, 0.05, len(exact)), 0.01, 0.99)
    labels = (rng.random(len(exact)) < exact).astype(float)
    lost = row_losses(metric, labels, other) - row_losses(metric, labels, exact)
    expected = expected_losses(metric, exact, other)
    assert expected.mean() == pytest.approx(lost.mean(), abs=5 * lost.std() / math.sqrt(len(exact)))
    assert expected.min() >= -1e-12


def test_it_is_known_for_classes_and_numbers_too() -> None:
    exact = np.array([[0.2, 0.3, 0.5], [0.1, 0.8, 0.1]])
    assert expected_losses("log_loss", exact, exact) == pytest.approx([0, 0])
    assert (expected_losses("log_loss", exact, exact[::-1]) > 0).all()
    assert expected_losses("squared_error", np.array([1.0, 2.0]), np.array([1.5, 2.0])).tolist() == [0.25, 0.0]


def test_classes_that_come_by_themselves_lose_where_they_are_never_said_less_likely() -> None:
    """As for sets of classes: scores that are all too high would lose nothing, were one of the classes to come."""
    exact = np.array([[0.2, 0.5], [0.1, 0.8]])
    too_high = np.minimum(exact + 0.15, 0.95)
    assert (expected_losses("log_loss", exact, too_high) < 0).all()
    apart = expected_losses("log_loss", exact, too_high, one_comes=False)
    each = [expected_losses("log_loss", exact[:, place], too_high[:, place]) for place in range(2)]
    assert apart == pytest.approx(np.mean(each, axis=0))
    assert (apart > 0).all()
