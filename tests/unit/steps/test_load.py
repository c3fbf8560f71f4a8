"""Which nights a training may see, and how a range is cut for mapped tasks."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightshift.errors import LakeUnavailable, UsageError
from nightshift.partitions import between
from nightshift.settings import Settings
from nightshift.spec import ModelSpec
from nightshift.steps import _bring_night
from nightshift.steps import load as step
from nightshift.steps._bring_night import Bringing, Brought, Wanted
from nightshift.steps.load import _side_by_side, chunks, window
from nightshift.stores import Stores


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


@settings(deadline=None)  # its first call imports
@given(days=st.integers(0, 120), parts=st.integers(1, 9))
def test_chunks_hold_every_night_once_in_at_most_so_many_parts(days: int, parts: int) -> None:
    every = between("2024-01-01", "2024-04-30")[:days]
    found = chunks("2024-01-01", every[-1], parts) if every else []
    assert [night for first, last in found for night in between(first, last)] == every
    assert len(found) <= parts


def wanted(*nights: str) -> list[Wanted]:
    return [Wanted(night, rows=None, labels=None) for night in nights]


@pytest.fixture
def closed(tmp_path: Path) -> Stores:
    """Stores that nobody opens."""
    return Stores(Settings(project=tmp_path, home=tmp_path))


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many processes were asked for; nights come back as brought at once."""
    asked: list[int] = []

    class Counted:
        def __init__(self, start: object, most: int, *_: object) -> None:
            asked.append(most)

        def map(self, nights: list[Wanted]) -> Iterator[Brought]:
            return (Brought() for _ in nights)

    monkeypatch.setattr(step, "Workers", Counted)
    monkeypatch.setattr(Bringing, "start", lambda self: lambda night: Brought())
    return asked


def test_many_nights_are_loaded_side_by_side_and_few_are_not(
    spec: ModelSpec, closed: Stores, processes: list[int]
) -> None:
    many = wanted(*between("2024-01-01", "2024-01-20"))
    assert len(list(_side_by_side(spec, many, set(), closed, workers=8))) == 20
    assert processes == [5]
    list(_side_by_side(spec, many, set(), closed, workers=1))
    list(_side_by_side(spec, many[:7], set(), closed, workers=8))
    assert processes == [5]


def test_nights_that_are_compared_with_those_before_them_are_loaded_in_their_order(
    spec: ModelSpec, change: Callable[..., ModelSpec], closed: Stores, processes: list[int]
) -> None:
    compared = change(spec, night={"history": {"nights": 7, "min_share": 0.5, "max_share": 2.0}})
    many = wanted(*between("2024-01-01", "2024-01-20"))
    assert len(list(_side_by_side(compared, many, set(), closed, workers=8))) == 20
    assert processes == []


def test_an_error_names_its_night(spec: ModelSpec, closed: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    def ingest(*_: object) -> None:
        raise LakeUnavailable("S3 answered 503", fix="nightshift status")

    monkeypatch.setattr(_bring_night, "ingest", ingest)
    bring = Bringing(spec, closed, None).start()
    with pytest.raises(LakeUnavailable, match=f"^{spec.name} 2024-01-02: S3 answered 503") as error:
        bring(*wanted("2024-01-02"))
    assert error.value.fix == "nightshift status"
