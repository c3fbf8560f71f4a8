"""What a model.yaml would run into: its trainer is tried on made-up rows, and its champion is asked what it needs.

Where labels have files of their own, there should be one.
"""

import datetime as dt
import warnings
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from nightshift.concurrency import let_openmp_threads_sleep
from nightshift.contracts import Pin
from nightshift.errors import DataError, ModelError, NoChampion, OtherLabel, SpecError
from nightshift.extras import require
from nightshift.modelling.arrays import Floats
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.modelling.trainers import trainer_of
from nightshift.scoring.graph import OnnxGraph, fetch
from nightshift.sources.places import matching
from nightshift.spec import Column, FilesSource, ModelSpec
from nightshift.spec.columns import LARGEST_WHOLE
from nightshift.spec.predict import EVEN_ODDS
from nightshift.stores import Stores
from nightshift.stores.types import arrow_type

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

LEAST_ROWS = 1000
# Enough that a part of them, set aside to stop early by, still has each class.
ROWS_PER_CLASS = 200
MOST_ROUNDS = 5
"""A training is tried for so many: what is refused is refused before the first."""
FAR_APART = 1e-2
SPAN = 100.0
EPOCH = dt.date(1970, 1, 1)
MADE_UP = ("a", "b", "c")


def try_training(spec: ModelSpec) -> None:
    """Fit a spec's trainer to a few made-up rows of its columns, and export what comes of it.

    Raises ``SpecError`` for what scikit-learn refuses or ONNX has no form of, ``UsageError`` without the extra
    ``train``.
    """
    require("train", f"trying the trainer of {spec.name}")
    let_openmp_threads_sleep()
    brief = _brief(spec)
    rng = np.random.default_rng(spec.training.seed)
    rows = max(LEAST_ROWS, ROWS_PER_CLASS * len(spec.label.classes))
    table = _rows(spec, rows, rng)
    targets = _targets(spec, rows, rng)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            pipeline = trainer_of(brief).fit(brief, model_inputs(spec, table), targets)
        except DataError as error:
            raise SpecError(f"on made-up rows within the limits of columns, {error.message}", fix=error.fix) from error
        _require_graph(brief, pipeline, table)


def beyond_float32(spec: ModelSpec) -> list[str]:
    """The features that a training would go without, by the limits that model.yaml gives them, as warnings."""
    notices = []
    for name in spec.features:
        column = spec.columns[name]
        bounds = [_number(bound) for bound in (column.min, column.max) if bound is not None]
        largest = max((abs(bound) for bound in bounds if bound is not None), default=0.0)
        if column.is_exact and largest >= LARGEST_WHOLE:
            notices.append(
                f"columns.{name}: whole numbers of {LARGEST_WHOLE:,} and more are rounded in a graph: a training that"
                f" meets one goes without {name}; rounded: true has it learn them to 7 digits, feature: false keeps an"
                " id out"
            )
    return notices


def no_label_files(spec: ModelSpec, stores: Stores) -> str:
    """That no file has the labels of a source of their own yet; empty where there is one, or no such source.

    Raises ``LakeUnavailable``, and what else is wrong with the files.
    """
    source = spec.label.own_source
    if not isinstance(source, FilesSource) or matching(source.files, stores.settings):
        return ""
    return f"label.source: no file matches {source.files} so far: until one does, no night has labels"


def unlike_champion(spec: ModelSpec, stores: Stores) -> str:
    """What keeps the champion from scoring a night of this spec; empty where nothing does, or there is none.

    Raises ``LakeUnavailable``, ``RegistryUnavailable``, ``UsageError``, ``ModelError`` for one that cannot be read.
    """
    try:
        pin, _ = stores.aliases.champion(spec.name)
        graph = fetch(spec, pin.key, pin.sha256, stores)
    except NoChampion:
        return ""
    except OtherLabel as error:
        return error.message
    return _other_features(spec, pin, graph) or _no_threshold(spec, pin, stores)


def _other_features(spec: ModelSpec, pin: Pin, graph: OnnxGraph) -> str:
    needs = [name for name in graph.features if name not in spec.features]
    knows_nothing_of = [name for name in spec.features if name not in graph.features]
    parts = []
    if needs:
        parts.append(f"needs {', '.join(needs)}, which model.yaml has not as a feature")
    if knows_nothing_of:
        parts.append(f"knows nothing of {', '.join(knows_nothing_of)}")
    if not parts:
        return ""
    return f"the champion, version {pin.version}, {' and '.join(parts)}: nothing scores until a training"


def _no_threshold(spec: ModelSpec, pin: Pin, stores: Stores) -> str:
    if spec.predict.share is None:
        return ""
    try:
        stores.versions.threshold(pin, spec.predict.share)
    except ModelError as error:
        return f"{error.message}: nothing scores until a training"
    return ""


def _brief(spec: ModelSpec) -> ModelSpec:
    """The same training with few rounds."""
    parameters = dict(spec.training.parameters)
    estimator = trainer_of(spec).pipeline(spec)[-1]
    rounds = estimator.get_params().get("max_iter", 0)
    if rounds is None or (isinstance(rounds, int) and rounds > MOST_ROUNDS):
        parameters["max_iter"] = MOST_ROUNDS
    training = spec.training.model_copy(update={"parameters": parameters})
    return spec.model_copy(update={"training": training}).with_threshold(spec.predict.threshold or EVEN_ODDS)


def _require_graph(spec: ModelSpec, pipeline: "Pipeline", table: pa.Table) -> None:
    from nightshift.optimization.export import to_onnx
    from nightshift.optimization.parity import parity_rows

    held = parity_rows(spec, pipeline, table)
    try:
        graph = OnnxGraph(spec, to_onnx(spec, pipeline), "cpu")
        parity = held.compare(graph.score(held.rows))
    except ModelError as error:
        first_line = error.message.split("\n", maxsplit=1)[0]
        *_, reason = first_line.partition("no ONNX form: ")
        raise _no_form(spec, reason or first_line) from error
    if parity.max_difference > FAR_APART:
        raise _no_form(spec, f"its graph is {parity.max_difference:.2g} from it")


def _no_form(spec: ModelSpec, reason: str) -> SpecError:
    loss = spec.training.parameters.get("loss", "these parameters")
    return SpecError(
        f"{spec.name}: training.parameters: {spec.training.trainer} with {loss} has no ONNX form: {reason}",
        fix="take another loss, or another trainer",
    )


def _rows(spec: ModelSpec, rows: int, rng: np.random.Generator) -> pa.Table:
    """Made-up features; nulls where they are allowed."""
    columns = {}
    for name in spec.features:
        column = spec.columns[name]
        mask = rng.random(rows) < (0.1 if column.nullable else 0.0)
        columns[name] = pa.array(_values(column, rows, rng), arrow_type(column), mask=mask)
    return pa.table(columns)


def _values(column: Column, rows: int, rng: np.random.Generator) -> Any:
    if column.type == "string":
        return rng.choice(column.values or MADE_UP, rows).tolist()
    if column.type == "bool":
        return rng.random(rows) < 0.5
    low, high = _bounds(column)
    numbers = rng.uniform(low, high, rows)
    return [CONVERSIONS.get(column.type, float)(number) for number in numbers]


def _bounds(column: Column) -> tuple[float, float]:
    """The column's own where it has some, else some."""
    low = _number(column.min)
    high = _number(column.max)
    if low is None:
        low = 0.0 if high is None else high - SPAN
    if high is None:
        high = low + SPAN
    return low, high


def _number(bound: float | dt.date | None) -> float | None:
    if isinstance(bound, dt.date):
        return float((bound - EPOCH).days)
    return bound


def _day(number: float) -> dt.date:
    return EPOCH + dt.timedelta(int(number))


def _cents(number: float) -> Decimal:
    return Decimal(int(number))


CONVERSIONS: dict[str, Callable[[float], object]] = {
    "int16": int,
    "int32": int,
    "int64": int,
    "date": _day,
    "decimal": _cents,
}
"""Numbers as the types hold them that are not floats."""


def _targets(spec: ModelSpec, rows: int, rng: np.random.Generator) -> Floats:
    """Every class by turns; numbers above 0, since no loss refuses those."""
    if label_type(spec).estimator_type == "regressor":
        return rng.gamma(2.0, 1.0, rows)
    classes = len(spec.label.classes) or 2
    return rng.permutation(np.arange(rows) % classes).astype(float)
