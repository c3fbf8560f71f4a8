"""Does the ONNX graph say what the trained model says? On held-out rows, and on the edges."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from nightshift.errors import ParityFailed
from nightshift.modelling.arrays import Float32s, Float64s, Floats
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.optimization.export import seen_categories, split_values
from nightshift.optimization.forest_graph import floor32
from nightshift.spec import ModelSpec
from nightshift.stores.types import DECIMAL_DIGITS
from nightshift.training.unseen import never_seen

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

EDGE_ROWS = 200
EPOCH = dt.date(1970, 1, 1)
FIRST_DAY = (dt.date.min - EPOCH).days
LAST_DAY = (dt.date.max - EPOCH).days


@dataclass(frozen=True)
class Parity:
    """How far two scorers are apart over ``rows`` rows; for a regression in standard deviations of predictions.

    ``label_flips`` are rows of which they predict different things. So they do of ``near_flips`` more, whose score is
    so near to where the prediction turns that a difference which is allowed turns it.
    """

    rows: int
    max_difference: float
    mean_difference: float
    label_flips: int
    near_flips: int = 0


@dataclass(frozen=True)
class ParityRows:
    """Rows that every variant of a graph is held against: ``rows`` and what the trained model says of each.

    ``trained`` is (n,), or (n, k) for k classes; differences are measured in ``scale``.
    """

    spec: ModelSpec
    rows: pa.Table
    trained: Floats
    scale: float = 1.0

    def apart(self, one: Floats, other: Floats) -> Float64s:
        """How far scores of each row are apart, (n,): of its classes the farthest."""
        rounding = label_type(self.spec).rounding(one)
        difference = np.abs(one - other)
        beyond_rounding = np.maximum(difference - rounding, 0.0)
        by_row = beyond_rounding.reshape(len(one), -1)
        farthest = by_row.max(axis=1)
        return np.asarray(farthest / self.scale, np.float64)

    def compare(self, scores: Float32s) -> Parity:
        """How far ``scores`` of these rows are from the trained model's."""
        label = label_type(self.spec)
        difference = self.apart(self.trained, scores)
        decided = label.decide(scores)
        is_flipped = label.decide(self.trained) != decided
        margins = label.margins(self.trained, decided)
        is_near = margins <= self.spec.optimize.max_abs_difference
        return Parity(
            rows=len(scores),
            max_difference=float(difference.max()),
            mean_difference=float(difference.mean()),
            label_flips=int((is_flipped & ~is_near).sum()),
            near_flips=int((is_flipped & is_near).sum()),
        )

    def require(self, scores: Float32s) -> Parity:
        """The same. Raises ``ParityFailed``, with the farthest row, when that is further than the spec allows."""
        parity = self.compare(scores)
        allowed = self.spec.optimize
        if (
            parity.max_difference > allowed.max_abs_difference
            or parity.mean_difference > allowed.max_mean_difference
            or parity.label_flips > allowed.max_label_flips
        ):
            farthest = int(self.apart(self.trained, scores).argmax())
            raise ParityFailed(
                f"{self.spec.name}: the ONNX graph is up to {parity.max_difference:.2e} away"
                f" (allowed {allowed.max_abs_difference:.0e}),"
                f" {parity.mean_difference:.2e} on average (allowed {allowed.max_mean_difference:.0e}),"
                f" with {parity.label_flips} flipped predictions (allowed {allowed.max_label_flips})"
                f" and {parity.near_flips} within that of where predictions turn,"
                f" over {parity.rows} rows; farthest: {self.rows.slice(farthest, 1).to_pylist()[0]}",
                fix="nothing was promoted, and the same data train the same again: look at the farthest row; then"
                " change training.parameters or the trainer, or allow so much in optimize of model.yaml",
            )
        return parity


def parity_rows(spec: ModelSpec, pipeline: "Pipeline", holdout: pa.Table) -> ParityRows:
    """The holdout and edge rows made from it, as the trained model scores them."""
    label = label_type(spec)
    held_out = holdout.select(list(spec.features))
    edges = edge_rows(spec, pipeline, holdout)
    rows = pa.concat_tables([held_out, edges])
    frame = model_inputs(spec, rows)
    trained = label.predict(pipeline, frame)
    of_held_out = trained[: holdout.num_rows]
    return ParityRows(spec, rows, trained, label.difference_scale(of_held_out))


def edge_rows(spec: ModelSpec, pipeline: "Pipeline", table: pa.Table) -> pa.Table:
    """Rows of the holdout with one value moved to an edge: null, unseen category, each side of a split."""
    base = table.select(list(spec.features)).slice(0, EDGE_ROWS)
    nullable = [name for name in spec.features if spec.columns[name].nullable]
    categories = [name for name in spec.features if not spec.columns[name].numeric]
    nulls = [None] * base.num_rows
    known = seen_categories(spec, pipeline)
    with_nulls = [_with(base, name, nulls) for name in nullable]
    with_unseen = []
    for name in categories:
        unseen = [never_seen(known[name])] * base.num_rows
        with_unseen.append(_with(base, name, unseen))
    beside_splits = _beside_splits(spec, pipeline, base)
    return pa.concat_tables([*with_nulls, *with_unseen, _all_null(base), *beside_splits])


def _beside_splits(spec: ModelSpec, pipeline: "Pipeline", base: pa.Table) -> Iterator[pa.Table]:
    splits = split_values(spec, pipeline)
    numbers = [name for name in spec.features if spec.columns[name].numeric]
    # Categories come first in what the trees see.
    first = len(spec.features) - len(numbers)
    for position, name in enumerate(numbers, start=first):
        arrow_type = base.schema.field(name).type
        edges = _around(splits.get(position, np.empty(0)))
        values = _as_held(arrow_type, edges)
        for start in range(0, len(values), base.num_rows):
            end = start + base.num_rows
            chosen = values[start:end]
            rows = base.slice(0, len(chosen))
            yield _with(rows, name, chosen)


def _around(splits: Float64s) -> Float32s:
    """The splits as float32, and the numbers next to them."""
    at = floor32(splits).astype(np.float32)
    above = np.nextafter(at, np.float32(np.inf))
    below = np.nextafter(at, np.float32(-np.inf))
    edges = np.concatenate([at, above, below])
    # A split that tells nulls from numbers has no end, which some trainers refuse.
    return np.unique(edges[np.isfinite(edges)])


def _with(base: pa.Table, name: str, values: Sequence[object]) -> pa.Table:
    index = base.schema.get_field_index(name)
    arrow_type = base.schema.field(name).type
    return base.set_column(
        index,
        pa.field(name, arrow_type),
        pa.array(values, arrow_type),
    )


def _as_held(arrow_type: pa.DataType, edges: Float32s) -> list[object]:
    """The edges as values that a column can hold: one of whole numbers, days or cents meets only those beside them."""
    if pa.types.is_boolean(arrow_type):
        return [bool(edge > 0) for edge in edges]
    if pa.types.is_decimal(arrow_type):
        return _decimals_beside(edges, arrow_type.scale)
    if not (pa.types.is_integer(arrow_type) or pa.types.is_date(arrow_type)):
        return [float(edge) for edge in edges]
    below = np.floor(edges)
    above = np.ceil(edges)
    whole = np.unique([below, above]).astype(np.float64)
    if pa.types.is_date(arrow_type):
        days = whole[(whole >= FIRST_DAY) & (whole <= LAST_DAY)]
        return [EPOCH + dt.timedelta(int(day)) for day in days]
    limits = np.iinfo(arrow_type.to_pandas_dtype())
    inside = whole[(whole >= limits.min) & (whole < limits.max)]
    return [int(value) for value in inside]


def _decimals_beside(edges: Iterable[np.float32], scale: int) -> list[object]:
    smallest = Decimal(1).scaleb(-scale)
    values: list[object] = []
    with localcontext(prec=DECIMAL_DIGITS * 2):
        for edge in edges:
            exact = Decimal(float(edge))
            values.append(exact.quantize(smallest, ROUND_FLOOR))
            values.append(exact.quantize(smallest, ROUND_CEILING))
    return list(dict.fromkeys(values))


def _all_null(base: pa.Table) -> pa.Table:
    nulls = [pa.nulls(1, field.type) for field in base.schema]
    return pa.table(nulls, schema=base.schema)
