"""Which rows a canary scores: by their keys alone, and by chance to all that goes by another hash."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightshift.contracts import CanaryPin, Pin, Plan
from nightshift.scoring.canary import canary_rows
from nightshift.scoring.sample import drawn

PIN = Pin("orders", "4", "run", "ab" * 32, "key", "5f.dir", "2024-01-10")
CANARY = CanaryPin(PIN, 0.1, 7)
ROWS = 40_000
DEVIATIONS = 5
KEYS = pa.record_batch({
    "site": pa.array([f"site {number % 97}" for number in range(ROWS)]).dictionary_encode(),
    "number": pa.array(np.arange(ROWS), pa.int32()),
})


def is_within(count: int, rows: int, share: float) -> bool:
    """Whether a count is what so many tosses of a coin may give."""
    return abs(count - rows * share) <= DEVIATIONS * (rows * share * (1 - share)) ** 0.5


@pytest.mark.parametrize("share", [0.001, 0.05, 0.1, 0.5])
def test_the_share_of_the_rows_is_what_a_coin_would_give(share: float) -> None:
    rows = canary_rows(replace(CANARY, share=share), KEYS)
    assert is_within(int(rows.sum()), ROWS, share)


@given(cuts=st.lists(st.integers(0, 300), max_size=6), encoded=st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_row_goes_to_the_same_version_however_the_night_is_cut_and_its_texts_are_kept(
    cuts: list[int], encoded: bool
) -> None:
    night = KEYS.slice(0, 300)
    whole = canary_rows(CANARY, night)
    bounds = [0, *sorted(cuts), 300]
    parts = []
    for first, last in pairwise(bounds):
        part = night.slice(first, last - first)
        parts.append(canary_rows(CANARY, part if encoded else as_texts(part)))
    assert np.concatenate(parts).tolist() == whole.tolist()


def as_texts(rows: pa.RecordBatch) -> pa.RecordBatch:
    return pa.record_batch({"site": rows["site"].dictionary_decode(), "number": rows["number"]})


def test_a_larger_share_keeps_the_rows_that_a_smaller_one_has() -> None:
    few = canary_rows(CANARY, KEYS)
    many = canary_rows(replace(CANARY, share=0.3), KEYS)
    assert (many >= few).all()
    assert many.sum() > few.sum()


@pytest.mark.parametrize(
    "other",
    [replace(CANARY, number=8), replace(CANARY, pin=replace(PIN, model="flights"))],
    ids=["the next canary", "another model"],
)
def test_another_canary_has_other_rows_as_if_by_chance(other: CanaryPin) -> None:
    one = canary_rows(CANARY, KEYS)
    both = one & canary_rows(other, KEYS)
    assert is_within(int(both.sum()), int(one.sum()), 0.1)


def test_of_the_rows_in_the_monitoring_sample_the_canary_has_its_share() -> None:
    """The sample goes by the smallest hashes of the same keys."""
    plan = Plan("orders", "2024-01-11", PIN, "g", "d", 8 * ROWS, None, [])
    sampled = canary_rows(CANARY, KEYS)[drawn(plan, KEYS)]
    assert len(sampled) > 1_000
    assert is_within(int(sampled.sum()), len(sampled), 0.1)


def test_who_scores_what_is_written_down_and_stays_so() -> None:
    """A version of Nightshift that drew others would give a key to two versions within one canary."""
    assert np.flatnonzero(canary_rows(CANARY, KEYS))[:6].tolist() == [7, 10, 25, 33, 54, 57]
