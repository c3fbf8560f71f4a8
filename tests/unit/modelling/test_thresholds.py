"""From which score on a share of the holdout is flagged."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.modelling.thresholds import threshold_for


@pytest.mark.parametrize(
    ("scores", "share", "flagged"),
    [
        (np.linspace(0, 1, 101), 0.05, 5),
        (np.linspace(0, 1, 101), 0.001, 1),
        (np.array([0.1, 0.9, 0.9, 0.9]), 0.25, 3),
        (np.array([0.1, 0.1, 0.1, 0.9]), 0.75, 1),
        (np.array([0.1, 0.2, 0.3, 0.9]), 0.5, 2),
        (np.array([0.3, 0.3]), 0.5, 2),
        (np.array([0.3]), 0.5, 1),
    ],
)
def test_about_so_many_are_flagged_and_equal_scores_go_together(scores: np.ndarray, share: float, flagged: int) -> None:
    assert (scores >= threshold_for(scores, share)).sum() == flagged


@given(seed=st.integers(0, 50), share=st.floats(0.001, 0.5))
def test_the_same_rows_are_flagged_in_float32(seed: int, share: float) -> None:
    scores = np.random.default_rng(seed).beta(2, 30, 20_000)
    threshold = threshold_for(scores, share)
    flagged = scores >= threshold
    assert np.array_equal(flagged, scores.astype(np.float32) >= threshold)
    wanted = max(1, round(share * len(scores)))
    assert abs(int(flagged.sum()) - wanted) <= max(1, 0.01 * wanted)
