"""A row's key as people write it: complete, of the right types, or one clear error."""

import datetime as dt
from collections.abc import Callable

import pyarrow as pa
import pytest

from nightshift.errors import UsageError
from nightshift.spec import ModelSpec
from nightshift.steps._explain_row import parse_key


def test_texts_become_values_of_the_columns_types(spec: ModelSpec) -> None:
    found = parse_key(spec, ("number=12", "site=a=b"))
    assert {name: (value.as_py(), value.type) for name, value in found.items()} == {
        "number": (12, pa.int32()),
        "site": ("a=b", pa.string()),
    }
    assert parse_key(spec, ()) == {}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("site",), "--key 'site' is not NAME=VALUE"),
        (("=1",), "--key '=1' is not NAME=VALUE"),
        (("site=a", "weight=1", "number=1"), "weight is no key column of orders_"),
        (("site=a",), "the key is not complete: number is missing"),
        (("site=a", "number=1", "number=2"), "a key column is given twice"),
        (("site=a", "number=twelve"), "--key number: 'twelve' is not int32"),
        (("site=a", "number=99999999999"), "--key number: '99999999999' is not int32"),
    ],
)
def test_a_wrong_key_is_one_clear_error(spec: ModelSpec, given: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said) as error:
        parse_key(spec, given)
    assert error.value.fix


def test_keys_may_be_dates(spec: ModelSpec, change: Callable[..., ModelSpec]) -> None:
    dated = change(spec, columns={"number": {"type": "date", "min": None, "max": None, "feature": False}})
    assert parse_key(dated, ("site=a", "number=2024-02-29"))["number"].as_py() == dt.date(2024, 2, 29)
    with pytest.raises(UsageError, match="--key number: '2024-02-30' is not date32"):
        parse_key(dated, ("site=a", "number=2024-02-30"))


def test_nothing_names_the_row_without_a_value(spec: ModelSpec) -> None:
    assert not parse_key(spec, ("site=", "number="))["number"].is_valid
