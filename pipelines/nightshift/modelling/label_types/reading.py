"""How labels are read and written, whatever their kind, and what is said of those that are none."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightshift.errors import SchemaMismatch
from nightshift.quotes import all_quoted
from nightshift.spec import ModelSpec
from nightshift.stores.types import is_number, plain_array

if TYPE_CHECKING:
    from nightshift.modelling.label_types.base import ArrowValues, LabelType

MOST_EXAMPLES = 3


def mismatch(spec: ModelSpec, where: str, problem: str, fix: str) -> SchemaMismatch:
    """The error of a label that is none."""
    column = spec.label.column
    message = f"{where}: label {column} {problem}"
    return SchemaMismatch(message, fix=fix)


def is_number_or_null(arrow_type: pa.DataType) -> bool:
    """Numbers, or nothing but nulls; truth values are not numbers here."""
    if is_number(arrow_type):
        return True
    return bool(pa.types.is_null(arrow_type))


def examples(values: "ArrowValues", chosen: Any) -> str:
    """The first few of the chosen values, for a message."""
    different: Sequence[object] = pc.unique(values.filter(chosen)).to_pylist()
    first_few = different[:MOST_EXAMPLES]
    few_quoted = all_quoted(first_few)
    if len(different) > MOST_EXAMPLES:
        return f"{few_quoted} ..."
    return few_quoted


def from_lake(label: "LabelType", labels: "ArrowValues") -> pa.Array:
    """Labels read back, once they are of the type that this kind of label writes. Raises ``SchemaMismatch``."""
    if labels.type != label.arrow_type:
        spec = label.spec
        raise mismatch(
            spec,
            spec.name,
            f"is {labels.type} in the lake; a {spec.label.type} label is {label.arrow_type}",
            fix=f"nightshift load {spec.name} <first night> <last night>, which brings such labels again",
        )
    return plain_array(labels)


def nan_for_null(values: pa.Array, dtype: type[np.generic]) -> Any:
    """(n,) of a floating type."""
    numbers = values.to_numpy(zero_copy_only=False)
    return numbers.astype(dtype)


def no_better_than_the_base_rate(metrics: dict[str, float]) -> str:
    """What is said of a log loss that a constant reaches."""
    log_loss = metrics["log_loss"]
    of_constant = metrics["base_rate_log_loss"]
    if log_loss < of_constant:
        return ""
    return f"log loss {log_loss:.4f} is no better than always saying the base rate ({of_constant:.4f})"
