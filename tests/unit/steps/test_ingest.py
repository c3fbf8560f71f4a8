"""Labels as a source gives them, before they reach the lake."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from nightshift.errors import SchemaMismatch
from nightshift.spec import ModelSpec
from nightshift.steps.ingest import label_schema, with_outcomes


@pytest.mark.parametrize(
    ("kind", "values", "kept"),
    [
        ("binary", [True, False], [1.0, 0.0]),
        ("multiclass", ["late", "on time"], ["late", "on time"]),
        ("regression", [3, -1], [3.0, -1.0]),
    ],
)
def test_labels_stay_in_order_whatever_the_index_of_the_frame(
    of_kind: Callable[..., ModelSpec], kind: str, values: list[object], kept: list[object]
) -> None:
    """As a series of their own they were laid against the frame by index: most rows lost theirs, some got another's."""
    frame = pd.DataFrame({"late": values}, index=[1, 0])
    assert with_outcomes(of_kind(kind), "2024-01-01", frame)["late"].tolist() == kept
    table = pa.table({"late": values})
    assert with_outcomes(of_kind(kind), "2024-01-01", table)["late"].to_pylist() == kept


def test_a_column_of_mixed_types_is_named(spec: ModelSpec) -> None:
    with pytest.raises(SchemaMismatch, match=rf"^labels/{spec.name} 2024-01-01: label late mixes types"):
        with_outcomes(spec, "2024-01-01", pd.DataFrame({"late": pd.Series([1, "yes", None], dtype=object)}))


@pytest.mark.parametrize(("kind", "type_"), [("binary", "float"), ("multiclass", "string"), ("regression", "double")])
def test_a_night_of_labels_has_the_keys_and_the_label_of_its_kind(
    of_kind: Callable[..., ModelSpec], kind: str, type_: str
) -> None:
    schema = label_schema(of_kind(kind))
    assert {field.name: str(field.type) for field in schema} == {"site": "string", "number": "int32", "late": type_}


def test_unknown_outcomes_are_null_not_zero(spec: ModelSpec) -> None:
    frame = pd.DataFrame({"late": pd.Series([None, True, np.nan], dtype=object)})
    found = with_outcomes(spec, "2024-01-01", frame)["late"]
    assert pa.Array.from_pandas(found).to_pylist() == [None, 1.0, None]
