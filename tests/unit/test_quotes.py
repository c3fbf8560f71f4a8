"""Values in messages: few, short, and none where an operator says so."""

import pyarrow as pa
import pytest

from nightshift.quotes import HIDDEN, LONGEST_VALUE, LONGEST_WORDS, VARIABLE, all_quoted, own_words, quoted, shown
from nightshift.sources.tables import _first_line
from nightshift.stores.types import fitted

NAME = "Wilhelmina Plantagenet"


@pytest.fixture(params=["false", "0", "No", " off "])
def discreet(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, request.param)


def test_a_value_is_quoted_whole_while_it_is_short() -> None:
    assert quoted("7,5") == "'7,5'"
    assert all_quoted(["a", None]) == "'a', None"
    assert shown("-5.0") == "-5.0"


def test_a_long_value_is_cut() -> None:
    assert len(quoted("x" * 10**6)) == LONGEST_VALUE
    assert quoted("x" * 10**6).endswith(" ...")
    assert len(own_words(ValueError("x" * 10**6))) == LONGEST_WORDS


def test_of_what_a_library_says_one_line_is_passed_on() -> None:
    assert own_words(ValueError("first\nsecond")) == "first"
    assert own_words(ValueError()) == "ValueError"


@pytest.mark.usefixtures("discreet")
def test_no_value_is_shown_where_an_operator_says_so() -> None:
    assert {quoted(NAME), shown(NAME), all_quoted([NAME, NAME])} == {HIDDEN}
    assert own_words(ValueError(f"cannot convert {NAME}")) == "ValueError"


@pytest.mark.parametrize("kind", [pa.float64(), pa.int32(), pa.date32(), pa.bool_(), pa.timestamp("us", "UTC")])
def test_a_value_that_does_not_fit_is_quoted_or_not(kind: pa.DataType, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(pa.ArrowInvalid, match=NAME):
        fitted(pa.array(["1", NAME]), kind, as_text=True)
    monkeypatch.setenv(VARIABLE, "false")
    with pytest.raises(pa.ArrowInvalid) as error:
        fitted(pa.array(["1", NAME]), kind, as_text=True)
    assert NAME not in str(error.value)
    assert HIDDEN in str(error.value)


def test_a_row_with_too_many_fields_is_told_by_its_number() -> None:
    """Arrow quotes all of it, however much that is."""
    error = pa.ArrowInvalid(f"CSV parse error: Row #41: Expected 2 columns, got 3: 1,{NAME},x")
    assert _first_line(error) == "CSV parse error: Row #41: Expected 2 columns, got 3"
