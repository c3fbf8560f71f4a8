"""Which nights a training may see, and how a range is cut for mapped tasks."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.errors import UsageError
from nightshift.partitions import between
from nightshift.spec import ModelSpec
from nightshift.steps.load import chunks, window


def test_the_window_ends_where_labels_have_arrived(spec: ModelSpec, change: Callable[..., ModelSpec]) -> None:
    assert window(spec, "2024-03-10") == ("2024-02-29", "2024-03-09")
    late = change(spec, label={"delay_days": 5})
    assert window(late, "2024-03-10") == ("2024-02-25", "2024-03-05")
    assert late.labelled_night("2024-03-10") == "2024-03-05"


def test_the_window_does_not_begin_before_the_data_do(spec: ModelSpec) -> None:
    assert window(spec, "2024-01-05") == ("2024-01-01", "2024-01-04")
    assert window(spec, "2024-01-11") == ("2024-01-01", "2024-01-10")
    assert window(spec, "2024-01-12") == ("2024-01-02", "2024-01-11")
    assert window(spec, "2024-01-02") == ("2024-01-01", "2024-01-01")


def test_a_window_without_a_night_says_from_when_there_is_one(spec: ModelSpec) -> None:
    with pytest.raises(UsageError, match="no night is labelled as of 2024-01-01") as error:
        window(spec, "2024-01-01")
    assert "2024-01-02" in str(error.value.fix)


def test_a_bad_key_is_refused(spec: ModelSpec) -> None:
    with pytest.raises(UsageError, match="partition key"):
        window(spec, "../x")


@pytest.mark.parametrize(
    ("last", "parts", "expected"),
    [
        ("2024-01-01", 2, [("2024-01-01", "2024-01-01")]),
        ("2024-01-02", 2, [("2024-01-01", "2024-01-01"), ("2024-01-02", "2024-01-02")]),
        ("2024-01-05", 2, [("2024-01-01", "2024-01-03"), ("2024-01-04", "2024-01-05")]),
        ("2024-01-05", 1, [("2024-01-01", "2024-01-05")]),
        ("2023-12-31", 2, []),
    ],
)
def test_chunks(last: str, parts: int, expected: list[tuple[str, str]]) -> None:
    assert chunks("2024-01-01", last, parts) == expected


@given(days=st.integers(0, 120), parts=st.integers(1, 9))
def test_chunks_hold_every_night_once_in_at_most_so_many_parts(days: int, parts: int) -> None:
    every = between("2024-01-01", "2024-04-30")[:days]
    found = chunks("2024-01-01", every[-1], parts) if every else []
    assert [night for first, last in found for night in between(first, last)] == every
    assert len(found) <= parts
