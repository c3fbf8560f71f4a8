from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from nightshift.contracts import Pin, Plan
from nightshift.scoring import sample

ROWS = 60_000
PLAN = Plan(
    model="m", partition="2024-01-01", pin=Pin("m", "1", "r", "ab", "k", "5f.dir", "2023-12-31"), generation="g",
    input_digest="d", input_rows=ROWS, base_etag=None, shards=[],
)  # fmt: skip


def night(rows=ROWS):
    texts = [f"key {number}" for number in range(rows)]
    return pa.table({"site": texts, "number": pa.array(range(rows), pa.int32())})


def sampled(rows, cuts):
    """The sample of a night that is scored in units between these cuts."""
    parts = []
    for first, last in pairwise(cuts):
        (unit,) = rows.slice(first, last - first).combine_chunks().to_batches()
        parts.append(sample.taken(unit, sample.drawn(PLAN, unit)))
    return sample.smallest(pa.Table.from_batches(parts), ["site", "number"])


def test_a_night_has_the_same_sample_however_it_is_cut():
    whole = sampled(night(), [0, ROWS])
    assert whole.num_rows == sample.MOST_ROWS
    assert sampled(night(), [0, 7, 20_000, 33_333, ROWS]).equals(whole)


def test_dictionaries_draw_the_same_rows():
    rows = night()
    coded = rows.set_column(0, "site", rows["site"].dictionary_encode())
    assert sampled(coded, [0, 30_000, ROWS]).equals(sampled(rows, [0, ROWS]))


def test_the_sample_is_spread_over_the_night():
    numbers = sampled(night(), [0, ROWS])["number"].to_numpy()
    assert (np.diff(numbers) > 0).all()
    assert np.abs(np.histogram(numbers, 6)[0] - sample.MOST_ROWS / 6).max() < 300


@pytest.mark.parametrize(("rows", "expected"), [(20_000, False), (20_001, True)])
def test_only_a_large_night_has_a_sample(rows, expected):
    assert sample.has_sample(replace(PLAN, input_rows=rows)) is expected


def test_of_a_night_that_is_hardly_too_large_every_row_may_be_in_the_sample():
    """More rows are expected below the bound than there are."""
    rows = sample.MOST_ROWS + 1
    (unit,) = night(rows).combine_chunks().to_batches()
    places = sample.drawn(replace(PLAN, input_rows=rows), unit)
    assert places.tolist() == list(range(rows))
