"""What a first spec says of a column by its values."""

import datetime as dt
from collections import Counter

import numpy as np
import pyarrow as pa

from nightshift.authoring.decide import ColumnContext, line
from nightshift.authoring.facts import ColumnFacts

NIGHT = dt.date(2024, 1, 1)


def facts_of(values: list[int]) -> ColumnFacts:
    facts = ColumnFacts(pa.int64())
    nights = pa.array([NIGHT] * len(values))
    facts.add(nights, pa.array(values))
    return facts


def test_amounts_that_float32_rounds_are_drafted_as_rounded_and_ids_as_no_feature() -> None:
    """They were learnt to 7 digits without a word; a training goes without what is not allowed to be rounded."""
    rng = np.random.default_rng(0)
    cents = facts_of((rng.integers(0, 500, 2000) * 100_000).tolist())
    drafted = line(cents, ColumnContext("cents", Counter({NIGHT: 2000}), cents))
    assert drafted.keys["rounded"] is True
    assert "16,777,216 and more: the model learns it to 7 digits" in drafted.comment
    ids = facts_of((2**30 + np.arange(2000)).tolist())
    drafted = line(ids, ColumnContext("id", Counter({NIGHT: 2000}), ids))
    assert drafted.keys["feature"] is False
    assert "rounded" not in drafted.keys
    small = facts_of(rng.integers(0, 500, 2000).tolist())
    assert "rounded" not in line(small, ColumnContext("items", Counter({NIGHT: 2000}), small)).keys
