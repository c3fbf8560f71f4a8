"""Numbers are widened for Great Expectations only where no comparison can come out another way."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from nightshift.validation.checks import OneOf, Within
from nightshift.validation.expectations import report
from nightshift.validation.results import CheckResult
from nightshift.validation.widened import widened

NEAREST = np.float32(0.1)


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({name: np.asarray(values) for name, values in columns.items()})


def test_integers_and_floats_get_the_types_that_are_compared_as_columns() -> None:
    rows = frame(small=np.array([1, 2], "int16"), bare=np.array([1, 2], "uint32"), share=np.array([0.5, 1], "float32"))
    limits = [Within(("share",), "refuse", 0, 0.5).expectation()]
    types = widened(rows, limits).dtypes
    assert [str(kind) for kind in types] == ["int64", "int64", "float64"]
    assert [str(kind) for kind in rows.dtypes] == ["int16", "uint32", "float32"]


def test_only_what_is_the_float32_of_a_limit_becomes_another_number() -> None:
    rows = frame(share=np.array([0.1, 0.3], "float32"), other=np.array([0.1], "float32").repeat(2))
    limits = [Within(("share",), "refuse", 0, 0.1).expectation()]
    wide = widened(rows, limits)
    assert wide["share"].tolist() == [0.1, float(np.float32(0.3))]
    assert wide["other"].tolist() == [float(NEAREST)] * 2


@pytest.mark.parametrize("share", [NEAREST, np.nextafter(NEAREST, np.float32(1))])
def test_a_value_on_a_limit_is_judged_as_our_own_check_judges_it(share: np.float32) -> None:
    rows = frame(share=np.array([share], "float32"))
    check = Within(("share",), "refuse", 0, 0.1)
    breached = int(check.breaches(pa.RecordBatch.from_pandas(rows)) is not None)
    assert breached == (share != NEAREST)
    result = CheckResult(check, 1, breached, success=not breached)
    # Raises where Great Expectations does not agree.
    assert len(report([result], "shop", rows).breaches) == breached


def test_a_listed_number_is_found_as_our_own_check_finds_it() -> None:
    rows = frame(share=np.array([0.1, 0.5], "float32"))
    result = CheckResult(OneOf(("share",), "refuse", pa.array([0.1, 0.5])), 2, 0, success=True)
    assert report([result], "shop", rows).breaches == []
