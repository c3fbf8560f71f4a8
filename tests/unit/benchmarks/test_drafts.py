"""The interval of a draft against the baseline: of whole nights, paired."""

import numpy as np
import pytest

from benchmarks.drafts import ratio_of


def test_equal_losses_are_one_without_a_doubt() -> None:
    nights = [np.random.default_rng(night).random(50) for night in range(8)]
    assert ratio_of(nights, nights) == pytest.approx((1.0, 1.0, 1.0))


def test_a_night_that_alone_is_better_makes_the_interval_wide() -> None:
    baseline = [np.ones(50) for _ in range(8)]
    draft = [np.ones(50) for _ in range(7)] + [np.zeros(50)]
    ratio, low, high = ratio_of(draft, baseline)
    assert (ratio, high) == (0.875, 1.0)
    assert low < 0.8
