"""The reasons of one published row: by the graph that scored it, beside rows that its version learnt from.

Nothing here trains or unpickles. The seed is the row's key, so the same question has the same answer.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightshift.contracts import Pin
from nightshift.errors import ModelError
from nightshift.modelling.arrays import Floats
from nightshift.modelling.inputs import as_numbers
from nightshift.modelling.label_types import LabelType, label_type
from nightshift.monitoring.matters.reference import kept_background
from nightshift.scoring.graph import OnnxGraph, fetch
from nightshift.scoring.reasons import Reasons, reasons
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.types import is_text

PROBABILITY = "probability"
SAME_SCORE = 1e-4
"""A score that differs by more, of its size, is not the one that was published."""
ReasonValue = str | int | float | bool | None


@dataclass(frozen=True)
class FeatureReason:
    """What one feature adds, with the standard error of the drawing; ``usual`` is its median, or commonest value."""

    feature: str
    value: ReasonValue
    usual: ReasonValue
    added: float
    standard_error: float


@dataclass(frozen=True)
class ScoreReasons:
    """Why one published score is what it is: the parts in ``features``, the largest first, sum to ``difference``.

    ``score`` is the graph's, ``usual`` the mean score of ``background_rows`` rows of the reference, both in ``unit``:
    a probability, or the label's own. ``is_as_published`` is false where the night's rows are others by now.
    """

    score: float
    usual: float
    difference: float
    sum_of_parts: float
    unit: str
    method: str
    background_rows: int
    is_as_published: bool
    features: list[FeatureReason]


def reasons_of(
    spec: ModelSpec, pin: Pin, row: pa.Table, published: pa.Table, stores: Stores
) -> dict[str, ScoreReasons]:
    """Of one row of a validated night and what was published of it: by published column, those a person asks about.

    Raises ``ModelError`` for a version that keeps no rows, or whose features the night or model.yaml has no more.
    """
    background = _background(pin, stores)
    graph = fetch(spec, pin.key, pin.sha256, stores).as_trained()
    _require_features(spec, pin, graph, row, background)
    told = reasons(graph, row, background, _seed(spec, row))
    label = label_type(spec.with_classes(graph.classes))
    scores = label.read_scores(published)
    by_column = {}
    for column, place in label.asked_about(told.score).items():
        was = scores.reshape(-1)[place]
        by_column[column] = _of_output(
            label,
            told,
            place,
            was,
            row,
            background,
        )
    return by_column


def _background(pin: Pin, stores: Stores) -> pa.Table:
    background = kept_background(pin, stores.lake)
    if background is None:
        raise ModelError(
            f"{pin.model} version {pin.version} was trained before versions kept rows to explain a score by",
            fix=f"nightshift train {pin.model} NIGHT: the version that comes of it does",
        )
    return background


def _require_features(spec: ModelSpec, pin: Pin, graph: OnnxGraph, row: pa.Table, background: pa.Table) -> None:
    for where, columns in (
        ("the night", row.column_names),
        ("model.yaml", list(spec.columns)),
        ("its reference", background.column_names),
    ):
        missing = [name for name in graph.features if name not in columns]
        if missing:
            raise ModelError(
                f"{pin.model} version {pin.version} scored by {', '.join(missing)}, which {where} lacks",
                fix="explain the row by the model.yaml and the night that it was scored by",
            )


def _seed(spec: ModelSpec, row: pa.Table) -> int:
    key = [str(row[name][0].as_py()) for name in spec.keys]
    digest = hashlib.sha256("\0".join(key).encode()).digest()
    return int.from_bytes(digest[:8], "big")


def _of_output(
    label: LabelType, told: Reasons, place: int, published: float, row: pa.Table, background: pa.Table
) -> ScoreReasons:
    score = float(told.score[place])
    usual = float(told.usual[place])
    added = told.added[:, place]
    errors = told.errors[:, place]
    used = background.slice(0, told.background_rows)
    unit = PROBABILITY if label.estimator_type == "classifier" else label.spec.label.column
    method = "every order of the features" if told.is_exact else "drawn orders of the features"
    return ScoreReasons(
        score=score,
        usual=usual,
        difference=score - usual,
        sum_of_parts=float(added.sum()),
        unit=unit,
        method=method,
        background_rows=told.background_rows,
        is_as_published=bool(abs(score - published) <= SAME_SCORE * max(1.0, abs(score))),
        features=_features(
            told,
            added,
            errors,
            row,
            used,
        ),
    )


def _features(told: Reasons, added: Floats, errors: Floats, row: pa.Table, background: pa.Table) -> list[FeatureReason]:
    parts = []
    for place in np.argsort(-np.abs(added), kind="stable"):
        name = told.features[place]
        part = FeatureReason(
            feature=name,
            value=_plain(row[name][0].as_py()),
            usual=_usual(background[name]),
            added=float(added[place]),
            standard_error=float(errors[place]),
        )
        parts.append(part)
    return parts


def _usual(values: pa.ChunkedArray) -> ReasonValue:
    """The median of numbers, the commonest text; None of nulls alone."""
    known = values.drop_null()
    if len(known) == 0:
        return None
    if is_text(values.type) or pa.types.is_boolean(values.type):
        counted = pc.value_counts(known.cast(pa.string())).to_pylist()
        commonest = min(counted, key=lambda one: (-one["counts"], one["values"]))
        return str(commonest["values"])
    if pa.types.is_date(values.type):
        ordered = known.sort()
        return str(ordered[len(ordered) // 2])
    return float(np.median(as_numbers(known).to_numpy()))


def _plain(value: object) -> ReasonValue:
    """As JSON has it; dates and decimals as texts."""
    if value is None:
        return None
    if isinstance(value, str | bool | int | float):
        return value
    return str(value)
