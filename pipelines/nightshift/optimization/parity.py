"""Does the ONNX graph say what the trained model says? On held-out rows, and on the edges."""

import datetime as dt
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nightshift.errors import ParityFailed
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.modelling.label_types.base import Floats
from nightshift.optimization.export import floor32, split_values
from nightshift.spec import ModelSpec
from nightshift.stores.types import DECIMAL_DIGITS

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

UNSEEN = "~never seen~"
EDGE_ROWS = 200
EPOCH = dt.date(1970, 1, 1)
FIRST_DAY, LAST_DAY = (dt.date.min - EPOCH).days, (dt.date.max - EPOCH).days
ROUNDINGS = (ROUND_FLOOR, ROUND_CEILING)


@dataclass(frozen=True)
class Parity:
    """How far two scorers are apart over ``rows`` rows; for a regression in standard deviations of predictions."""

    rows: int
    max_difference: float
    mean_difference: float
    label_flips: int


@dataclass(frozen=True)
class ParityRows:
    """Rows that every variant of a graph is held against: ``rows`` and what the trained model says of each.

    ``trained`` is (n,), or (n, k) for k classes; differences are measured in ``unit``.
    """

    spec: ModelSpec
    rows: pa.Table
    trained: Floats
    unit: float = 1.0

    def apart(self, one: Floats, other: Floats) -> NDArray[np.float64]:
        """How far scores of each row are apart, (n,): of its classes the farthest."""
        difference = np.abs(one - other) - label_type(self.spec).resolution(one)
        by_row = np.maximum(difference, 0.0).reshape(len(one), -1).max(axis=1)
        return np.asarray(by_row / self.unit, np.float64)

    def compare(self, scores: NDArray[np.float32]) -> Parity:
        """How far ``scores`` of these rows are from the trained model's."""
        difference, task = self.apart(self.trained, scores), label_type(self.spec)
        flips = task.decide(self.trained) != task.decide(scores)
        return Parity(len(scores), float(difference.max()), float(difference.mean()), int(flips.sum()))

    def require(self, scores: NDArray[np.float32]) -> Parity:
        """The same. Raises ``ParityFailed``, with the farthest row, when that is further than the spec allows."""
        found, allowed = self.compare(scores), self.spec.optimize
        if (
            found.max_difference > allowed.max_abs_difference
            or found.mean_difference > allowed.max_mean_difference
            or found.label_flips > allowed.max_label_flips
        ):
            worst = int(self.apart(self.trained, scores).argmax())
            raise ParityFailed(
                f"{self.spec.name}: the ONNX graph is up to {found.max_difference:.2e} away"
                f" (allowed {allowed.max_abs_difference:.0e}),"
                f" {found.mean_difference:.2e} on average (allowed {allowed.max_mean_difference:.0e}),"
                f" with {found.label_flips} flipped predictions (allowed {allowed.max_label_flips})"
                f" over {found.rows} rows; farthest: {self.rows.slice(worst, 1).to_pylist()[0]}",
                fix="nothing was promoted; train again, or widen optimize in model.yaml if that is acceptable",
            )
        return found


def parity_rows(spec: ModelSpec, pipeline: "Pipeline", holdout: pa.Table) -> ParityRows:
    """The holdout and edge rows made from it, as the trained model scores them."""
    rows = pa.concat_tables([holdout.select(list(spec.features)), edge_rows(spec, pipeline, holdout)])
    task = label_type(spec)
    trained = task.predict(pipeline, model_inputs(spec, rows))
    return ParityRows(spec, rows, trained, task.unit(trained[: holdout.num_rows]))


def edge_rows(spec: ModelSpec, pipeline: "Pipeline", table: pa.Table) -> pa.Table:
    """Rows of the holdout with one value moved to an edge: null, unseen category, each side of a split."""
    base = table.select(list(spec.features)).slice(0, EDGE_ROWS)
    made = [_with(base, name, [None] * base.num_rows) for name in spec.features if spec.columns[name].nullable]
    categories = [name for name in spec.features if not spec.columns[name].numeric]
    made += [_with(base, name, [UNSEEN] * base.num_rows) for name in categories]
    made.append(_all_null(base))
    numbers = [name for name in spec.features if spec.columns[name].numeric]
    splits = split_values(pipeline)
    for position, name in enumerate(numbers, start=len(categories)):
        values = _as_held(base.schema.field(name).type, _around(splits.get(position, np.empty(0))))
        for start in range(0, len(values), base.num_rows):
            chosen = values[start : start + base.num_rows]
            made.append(_with(base.slice(0, len(chosen)), name, chosen))
    return pa.concat_tables(made)


def _around(splits: NDArray[np.float64]) -> NDArray[np.float32]:
    at = floor32(splits).astype(np.float32)
    return np.unique(np.concatenate([at, np.nextafter(at, np.float32(np.inf)), np.nextafter(at, np.float32(-np.inf))]))


def _with(base: pa.Table, name: str, values: list[object]) -> pa.Table:
    index = base.schema.get_field_index(name)
    kind = base.schema.field(name).type
    return base.set_column(index, pa.field(name, kind), pa.array(values, kind))


def _as_held(kind: pa.DataType, edges: NDArray[np.float32]) -> list[object]:
    """The edges as values that a column can hold: one of whole numbers, days or cents meets only those beside them."""
    if pa.types.is_boolean(kind):
        return [bool(edge > 0) for edge in edges]
    if pa.types.is_integer(kind):
        limits = np.iinfo(kind.to_pandas_dtype())
        beside = np.concatenate([np.floor(edges), np.ceil(edges)]).astype(np.float64)
        return [int(value) for value in np.unique(beside[(beside >= limits.min) & (beside < limits.max)])]
    if pa.types.is_date(kind):
        days = np.unique([np.floor(edges), np.ceil(edges)])
        return [EPOCH + dt.timedelta(int(day)) for day in days if FIRST_DAY <= day <= LAST_DAY]
    if pa.types.is_decimal(kind):
        return list(dict.fromkeys(_beside(float(edge), kind.scale, way) for edge in edges for way in ROUNDINGS))
    return [float(edge) for edge in edges]


def _beside(edge: float, scale: int, rounding: str) -> Decimal:
    with localcontext(prec=DECIMAL_DIGITS * 2):
        return Decimal(edge).quantize(Decimal(1).scaleb(-scale), rounding)


def _all_null(base: pa.Table) -> pa.Table:
    return pa.table([pa.nulls(1, field.type) for field in base.schema], schema=base.schema)
