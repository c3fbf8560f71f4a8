"""The hash of a row's keys stays what it was: it says which rows a night's sample has and which a canary scores."""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightshift.stores.key_hashes import key_hashes, remixed
from nightshift.stores.shared_texts import MOST_TEXTS

ROWS = pa.record_batch({
    "site": ["a", None, "ß", ""],
    "number": pa.array([7, -1, None, 2**31 - 1], pa.int32()),
    "weight": [0.5, None, -1e300, 0.0],
    "good": [True, None, False, True],
    "day": pa.array([dt.date(1969, 12, 31), None, dt.date(2024, 2, 29), dt.date(1970, 1, 1)]),
})  # fmt: skip
WHOLE = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


def test_hashes_are_those_that_earlier_versions_made() -> None:
    assert key_hashes(ROWS).tolist() == [
        12384878751656873485,
        716297218035340502,
        3784668338009404067,
        10341745542170150004,
    ]
    assert remixed(key_hashes(ROWS), np.uint64(77)).tolist() == [
        14549874331214919259,
        13017993592377299365,
        9029618279158269643,
        2850025943536037862,
    ]


@pytest.mark.parametrize("kind", WHOLE)
def test_whole_numbers_of_every_width_have_the_hash_that_pandas_gives_them(kind: str) -> None:
    ends = np.iinfo(kind)
    numbers = np.array([ends.min, ends.max, 0, 1, 17], kind)
    keys = pa.record_batch({"key": pa.array(numbers)})
    of_one_column = remixed(pd.util.hash_array(numbers), np.uint64(0))
    assert key_hashes(keys).tolist() == of_one_column.tolist()


@given(st.lists(st.none() | st.sampled_from(["", "a", "ß", "late"]), max_size=30), st.integers(0, 9))
@settings(deadline=None, max_examples=40)
def test_a_text_has_its_hash_in_whatever_form_it_comes(values: list[str | None], cut: int) -> None:
    plain = pa.record_batch({"key": pa.array(values, pa.string())})
    coded = pa.record_batch({"key": plain["key"].dictionary_encode()})
    assert key_hashes(coded).tolist() == key_hashes(plain).tolist()
    assert key_hashes(coded.slice(cut)).tolist() == key_hashes(plain).tolist()[cut:]


@pytest.mark.parametrize("texts", [3, MOST_TEXTS + 1])
def test_dictionaries_that_follow_one_another_are_never_mistaken(texts: int) -> None:
    """Each is gone before the next is made, which may then lie where it lay."""
    for number in range(20):
        values = pa.array([f"{number} {place}" for place in range(texts)])
        coded = pa.record_batch({"key": values.dictionary_encode()})
        assert key_hashes(coded).tolist() == key_hashes(pa.record_batch({"key": values})).tolist()
        del values, coded
