"""What differs between the kinds of label, and what they share in reading labels."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nightshift.errors import SchemaMismatch
from nightshift.spec import ModelSpec

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

Floats: TypeAlias = NDArray[np.float32] | NDArray[np.float64]
Values: TypeAlias = "pa.Array | pa.ChunkedArray"


class LabelType(Protocol):
    """A kind of label. ``scores`` of n rows are (n,): P(label) or a number; or (n, k): P(class) of k classes."""

    @property
    def label_type(self) -> pa.DataType:
        """The label's type in the lake."""

    @property
    def output(self) -> str:
        """The scores' name in scikit-learn's plain export."""

    @property
    def monitored(self) -> tuple[str, ...]:
        """The metrics that a night's record has."""

    @property
    def watched(self) -> str:
        """The published column whose drift is watched."""

    @property
    def identity(self) -> str | None:
        """What a graph says it was trained for; one for a binary label says nothing."""

    def typed(self, values: Values, where: str) -> pa.Array:
        """Labels as they came, in ``label_type``. Raises ``SchemaMismatch`` naming the first that is none."""

    def targets(self, labels: Values) -> Floats:
        """Labels of the lake as numbers (n,), NaN for null. Raises ``SchemaMismatch``."""

    def predict(self, pipeline: "Pipeline", frame: "pd.DataFrame") -> Floats:
        """The trained pipeline's scores."""

    def blank(self, rows: int) -> NDArray[np.float32]:
        """Room for the scores of so many rows."""

    def wrong(self, scores: NDArray[np.float32]) -> str:
        """What is wrong with scores that cannot be; empty for good ones."""

    def decide(self, scores: Floats) -> NDArray[Any]:
        """The predicted label of each row, (n,)."""

    def unit(self, scores: Floats) -> float:
        """In what a difference between two scores is measured."""

    def resolution(self, scores: Floats) -> Floats | float:
        """Differences of scores that say nothing."""

    def metrics(self, labels: Floats, scores: Floats) -> dict[str, float]:
        """How good scores are; what these labels do not define is left out."""

    def no_skill(self, metrics: dict[str, float]) -> str:
        """What is said of scores that are no better than a constant; empty for better ones."""

    def fields(self) -> list[pa.Field]:
        """The published columns of scores and prediction."""

    def columns(self, scores: NDArray[np.float32]) -> list[pa.Array]:
        """Their values; texts as dictionaries."""

    def published(self, table: pa.Table) -> Floats:
        """Scores from the published columns, NaN for null."""

    def watch(self, scores: Floats) -> pa.Array:
        """The values of ``watched`` for scores, null where they are NaN."""


def mismatch(spec: ModelSpec, where: str, found: str, fix: str) -> SchemaMismatch:
    """The error of a label that is none."""
    return SchemaMismatch(f"{where}: label {spec.label.column} {found}", fix=fix)


def plain(values: Values) -> pa.Array:
    """One array, dictionaries decoded, NaN as null."""
    found = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    found = found.dictionary_decode() if pa.types.is_dictionary(found.type) else found
    return pc.if_else(pc.is_nan(found), None, found) if pa.types.is_floating(found.type) else found


def is_text(kind: pa.DataType) -> bool:
    """Strings of either size."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def is_number(kind: pa.DataType) -> bool:
    """Numbers, or nothing but nulls."""
    return any(
        test(kind) for test in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
    )


def shown(values: Values, chosen: Any) -> str:
    """The first few of the chosen values, for a message."""
    some: Sequence[object] = pc.unique(values.filter(chosen)).to_pylist()
    return ", ".join(map(repr, some[:3])) + (" ..." if len(some) > 3 else "")


def as_lake(spec: ModelSpec, labels: Values, kind: pa.DataType) -> pa.Array:
    """Labels read back, once they are of the type that the spec's task writes. Raises ``SchemaMismatch``."""
    if labels.type != kind:
        raise mismatch(
            spec, spec.name, f"is {labels.type} in the lake; a {spec.label.type} label is {kind}",
            fix=f"nightshift load {spec.name} <first night> <last night>, which brings such labels again",
        )  # fmt: skip
    return plain(labels)


def as_numbers(values: pa.Array, kind: type[np.generic]) -> Any:
    """(n,) with NaN for null."""
    return values.to_numpy(zero_copy_only=False).astype(kind)
