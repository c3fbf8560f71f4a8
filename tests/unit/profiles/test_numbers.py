"""What is counted of numbers is what a plain look at each of them gives, wherever nulls, NaN and infinity stand."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightshift.modelling.inputs import nan_where_null
from nightshift.profiles.bins import Bins
from nightshift.profiles.feature import Feature
from nightshift.profiles.moments import Moments, moments_of
from nightshift.profiles.numbers import Numbers

EDGES = (-1.0, 0.0, 0.1, 2.5, 7.0)
FLOATS = st.lists(st.none() | st.floats(width=32) | st.sampled_from([-1.0, 0.1, 2.5, 7.0]), max_size=40)
WHOLE = st.lists(st.none() | st.integers(-(2**15), 2**15 - 1) | st.integers(-2, 8), max_size=40)
KINDS = {"floats": (FLOATS, pa.float32()), "doubles": (FLOATS, pa.float64()), "whole": (WHOLE, pa.int16())}


def expected_counts(values: list[float | None]) -> list[int]:
    """Value by value."""
    counts = [0] * (len(EDGES) + 2)
    for value in values:
        is_null = value is None or math.isnan(value)
        counts[-1 if is_null else sum(edge <= value for edge in EDGES)] += 1
    return counts


@pytest.mark.parametrize("name", KINDS)
@given(data=st.data(), cut=st.integers(0, 11))
@settings(deadline=None, max_examples=40)
def test_counts_and_moments_are_those_of_the_values_one_by_one(name: str, data: st.DataObject, cut: int) -> None:
    strategy, kind = KINDS[name]
    values = data.draw(strategy)
    # As Arrow holds them: a float32 is not the number that was drawn.
    column = pa.array(values, kind)[cut:]
    known = column.to_pylist()
    counts, moments = Feature(
        name="x", bins=Bins(kind="numeric", edges=EDGES), counts=(), distances=()
    ).tally(column)  # fmt: skip
    assert counts.tolist() == expected_counts(known)
    finite = [value for value in known if value is not None and math.isfinite(value)]
    assert (moments is None) == (not finite)
    if moments:
        assert (moments.rows, moments.low, moments.high) == (len(finite), min(finite), max(finite))
        mean = float(np.asarray(finite, np.float64).mean())
        assert moments.mean == min(max(mean, moments.low), moments.high)


def test_what_lies_under_a_null_is_never_counted() -> None:
    """Arrow leaves anything there: NaN, infinity, the largest number."""
    hidden = np.array([np.nan, np.inf, -np.inf, 3.4e38, 1.0], np.float32)
    validity = pa.py_buffer(bytes([0b10000]))
    column = pa.Array.from_buffers(pa.float32(), 5, [validity, pa.py_buffer(hidden)])
    assert column.to_pylist() == [None, None, None, None, 1.0]
    assert moments_of(column) == Moments(1, 1.0, 1.0, 1.0)
    assert Bins(kind="numeric", edges=EDGES).count(column).tolist() == [0, 0, 0, 1, 0, 0, 4]
    assert Numbers.of(column).ends == (1.0, 1.0)


def test_a_factor_keeps_every_number_to_its_last_bit() -> None:
    values = pa.array([1e-45, -0.0, 3.4e38, None, math.inf], pa.float32())
    numbers = values.fill_null(5.0).to_numpy() * nan_where_null(values)
    assert (
        numbers.view(np.uint32)[[0, 1, 2, 4]].tolist() == values.to_numpy(False).view(np.uint32)[[0, 1, 2, 4]].tolist()
    )
    assert np.isnan(numbers[3])
