"""The drift statistic: a metric of histograms, and how it behaves for nights of other sizes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nightshift.profiles import distance

HISTOGRAMS = hnp.arrays(np.int64, 6, elements=st.integers(0, 1000)).filter(lambda counts: counts.sum() > 0)


@given(HISTOGRAMS, HISTOGRAMS)
@settings(deadline=None)
def test_the_distance_is_symmetric_and_bounded(left, right):
    there, back = distance.between(left, right), distance.between(right, left)
    assert there == pytest.approx(back, abs=1e-7)
    assert 0 <= there <= 1


@given(HISTOGRAMS, st.integers(1, 50))
@settings(deadline=None)
def test_the_distance_of_equal_shares_is_zero(counts, times):
    assert distance.between(counts, counts * times) == pytest.approx(0, abs=1e-7)


@given(HISTOGRAMS, HISTOGRAMS, HISTOGRAMS)
@settings(deadline=None)
def test_the_distance_keeps_the_triangle_inequality(a, b, c):
    assert distance.between(a, c) <= distance.between(a, b) + distance.between(b, c) + 1e-7


def test_known_distances():
    assert distance.between([5, 0], [0, 9]) == 1
    # By hand: ((log2 4/3) + (1/2 log2 2/3 + 1/2 log2 2)) / 2 = 0.3112781
    assert distance.between([1, 0], [1, 1]) ** 2 == pytest.approx(0.3112781, abs=1e-7)
    assert np.isnan(distance.between([0, 0], [1, 1]))


def test_histograms_are_compared_along_the_last_axis():
    left, right = np.array([[5, 0], [1, 0], [0, 0]]), np.array([[0, 9], [1, 1], [1, 1]])
    each = [distance.between(one, other) for one, other in zip(left, right, strict=True)]
    np.testing.assert_array_equal(distance.between(left, right), each)


@given(st.floats(0, 0.99))
def test_stretching_can_be_undone_and_keeps_the_order(value):
    assert distance.unstretched(distance.stretched(value)) == pytest.approx(value, abs=1e-9)
    assert distance.stretched(value) <= distance.stretched(value + 0.005)


def test_the_farthest_distance_stretches_to_something_finite():
    assert np.isfinite(distance.stretched(np.array(1.0)))


def test_noise_only_ever_widens():
    """A night with more rows than usual gets no finer line than the reference could show."""
    usual = {"bins": 8, "usual_rows": np.array(300.0)}
    level, spread = np.array(0.2), np.array(0.05)
    same = distance.with_sampling_noise(level, spread, rows=np.array(3000.0), **usual)
    assert same == (pytest.approx(0.2), pytest.approx(0.05))
    few = distance.with_sampling_noise(level, spread, rows=np.array(30.0), **usual)
    fewer = distance.with_sampling_noise(level, spread, rows=np.array(10.0), **usual)
    assert level < few[0] < fewer[0]
    assert spread < few[1] < fewer[1]


def test_the_noise_is_that_of_drawn_histograms():
    """Of n rows drawn from the reference itself, d has the mean square (K - 1) / (8 ln 2 n)."""
    rng = np.random.default_rng(0)
    shares = np.array([0.3, 0.25, 0.2, 0.15, 0.1])
    reference = shares * 10_000_000
    drawn = distance.between(rng.multinomial(400, shares, 4000), reference)
    level, _ = distance.with_sampling_noise(
        np.array(0.0), np.array(0.0), bins=5, rows=np.array(400.0), usual_rows=np.array(np.inf)
    )
    assert np.mean(drawn**2) == pytest.approx(float(distance.unstretched(level) ** 2), rel=0.05)
