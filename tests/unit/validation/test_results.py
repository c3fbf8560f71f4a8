"""A breach is called what its check is, also where the check gives Great Expectations nothing to look at."""

import pyarrow as pa
import pytest

from nightshift.validation.checks import MOST_LISTED, KnownValues, OneOf, RowCheck
from nightshift.validation.masks import RowMask
from nightshift.validation.results import Breach, CheckResult

# Great Expectations brings these when it is imported first.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class Odd(RowCheck):
    """A check of our own that Great Expectations has no word for."""

    kind = "odd"

    def breaches(self, rows: pa.RecordBatch) -> RowMask | None:
        return None

    def expectation(self) -> None:
        return None


class NamedOdd(Odd):
    expectation_type = "expect_column_values_to_be_even"


def breach(check: RowCheck) -> Breach:
    return CheckResult(check, rows=9, breached=2, success=False, examples=["1", "3"]).breach()


@pytest.mark.parametrize("check_type", [OneOf, KnownValues])
@pytest.mark.parametrize("count", [1, MOST_LISTED + 1])
def test_a_list_too_long_for_great_expectations_is_called_as_a_short_one(check_type: type[OneOf], count: int) -> None:
    allowed = pa.array([str(number) for number in range(count)])
    check = check_type(("site",), "refuse", allowed)
    assert (check.expectation() is None) == (count > MOST_LISTED)
    assert breach(check).expectation == "expect_column_values_to_be_in_set"


def test_a_check_without_an_expectation_goes_by_the_type_that_it_names() -> None:
    assert str(breach(NamedOdd(("x",), "refuse"))) == "x: expect_column_values_to_be_even (all): 2 of 9 rows, e.g. 1, 3"


def test_a_check_without_an_expectation_nor_its_type_is_a_fault_and_no_other_checks_breach() -> None:
    with pytest.raises(TypeError, match=r"Odd.* must name an expectation_type"):
        breach(Odd(("x",), "refuse"))
