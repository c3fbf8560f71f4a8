"""Values at the ends of what their types hold are counted, in a reference and in a night alike."""

import numpy as np
import pyarrow as pa
import pytest

from nightshift.profiles.bins import Bins, bins_of

NIGHTS = np.repeat(np.arange(12), 50)
ROWS = len(NIGHTS)
RNG = np.random.default_rng(0)
LARGEST = float(np.finfo(np.float64).max)
EXTREMES = {
    "beyond 2^53": pa.array(2**53 + RNG.integers(0, 40, ROWS)),
    "of 64 bits": pa.array(RNG.integers(-(2**63), 2**63 - 1, ROWS)),
    "one of them": pa.array(np.full(ROWS, 2**62 + 1)),
    "as large as floats are": pa.array(RNG.choice([-1.0, 1.0], ROWS) * RNG.uniform(1e307, LARGEST, ROWS)),
    "null": pa.nulls(ROWS, pa.int64()),
    "null truths": pa.nulls(ROWS, pa.bool_()),
    "infinite now and then": pa.array(np.where(RNG.random(ROWS) < 0.1, np.inf, RNG.normal(size=ROWS))),
}


@pytest.mark.parametrize("name", EXTREMES)
def test_a_night_is_counted_as_the_reference_was(name: str) -> None:
    """Whole numbers that float64 rounds ended optimize with ArrowInvalid, after the training."""
    values = EXTREMES[name]
    bins = bins_of(values, NIGHTS, 10)
    of_reference = np.bincount(bins.codes(values), minlength=bins.size)
    assert bins.count(values).tolist() == of_reference.tolist()
    assert of_reference.sum() == ROWS
    assert Bins.model_validate_json(bins.model_dump_json()) == bins
    assert np.isfinite(bins.edges).all()


def test_a_column_that_was_always_null_has_a_bin_for_what_comes_back() -> None:
    numbers = bins_of(EXTREMES["null"], NIGHTS, 10)
    assert numbers.count(pa.array([1, None, 2**60])).tolist() == [2, 1]
    texts = bins_of(pa.nulls(ROWS, pa.string()), NIGHTS, 10)
    assert texts.count(pa.array(["a", None])).tolist() == [0, 1, 1]
