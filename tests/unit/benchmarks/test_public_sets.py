"""Which sets drafts were developed on is drawn, and a file of frames calls nothing else."""

import pickle
from io import BytesIO

import pandas as pd
import pytest

from benchmarks.known_sets import NAMED
from benchmarks.public_sets import is_held_out
from benchmarks.r_sets import R_SETS, FrameReader
from benchmarks.set import NIGHTS, cut

SEEN = {"flights", "caravan", "wage", "fair", "diabetes", "tumours"}


def test_names_are_drawn_once_and_for_all() -> None:
    held_out = {public.name for public in R_SETS if is_held_out(public.name)}
    assert {"rain", "credit", "diamonds", "wages"} <= held_out
    assert {"hotel", "houses", "jobs", "teachers"}.isdisjoint(held_out)
    assert is_held_out("digits")


def test_no_set_that_was_seen_before_is_a_named_one() -> None:
    assert SEEN.isdisjoint(public.name for public in R_SETS)
    assert [make.__name__ for make in NAMED] == ["_bikes", "_digits"]


def test_rows_without_a_date_are_cut_into_nights_with_a_key() -> None:
    public = cut("some", pd.DataFrame({"x": range(400), "y": range(400)}), "y")
    assert public.frame["night"].nunique() == NIGHTS
    assert public.frame["row"].is_unique


def test_a_pickle_that_calls_something_is_refused() -> None:
    with pytest.raises(pickle.UnpicklingError, match=r"builtins\.print is no part of a frame"):
        FrameReader(BytesIO(pickle.dumps(print))).load()
