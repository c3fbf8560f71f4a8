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
from nightshift.modelling.arrays import Float64s
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.scoring.graph import OnnxGraph, fetch
from nightshift.sources.places import matching
from nightshift.spec import Column, FilesSource, ModelSpec
from nightshift.spec.columns import LARGEST_WHOLE
from nightshift.spec.predict import EVEN_ODDS
from nightshift.spec.search import TRAINING, recipes, with_recipe
from nightshift.spec.trainers import is_path
from nightshift.stores import Stores
from nightshift.stores.types import arrow_type
from nightshift.training.trained_file import read_again
from nightshift.training.trainers import trainer_of
from nightshift.training.training_rows import TrainingRows

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
LINKS_OF_PROBABILITIES = frozenset({"Sigmoid", "Softmax", "Clip"})
MADE_UP_NIGHTS = 10
MADE_UP = ("a", "b", "c")


def try_training(spec: ModelSpec) -> None:
    """Fit a spec's trainer to a few made-up rows of its columns, and export what comes of it; candidates as well.

    Raises ``SpecError`` for what scikit-learn refuses or ONNX has no form of, ``UsageError`` without the extra
    ``train``.
    """
    require("train", f"trying the trainer of {spec.name}")
    if spec.search:
        require("search", f"the search of {spec.name}")
    let_openmp_threads_sleep()
    for where, trainer, parameters in recipes(spec.training, spec.search):
        recipe = with_recipe(spec, trainer, parameters)
        try:
            _try(recipe)
        except SpecError as error:
            if where == TRAINING:
                raise
            raise SpecError(f"{where} with {parameters}: {error.message}", fix=error.fix) from error


def _try(spec: ModelSpec) -> None:
    brief = _brief(spec)
    rng = np.random.default_rng(spec.training.seed)
    rows = max(LEAST_ROWS, ROWS_PER_CLASS * len(spec.label.classes))
    table = _rows(spec, rows, rng)
    made_up = TrainingRows(
        frame=model_inputs(spec, table),
        targets=label_type(spec).made_up(rows, rng),
        nights=np.arange(rows) * MADE_UP_NIGHTS // rows,
        weights=_weights(spec, rows),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            pipeline = trainer_of(brief).fit(brief, made_up)
        except DataError as error:
            raise SpecError(f"on made-up rows within the limits of columns, {error.message}", fix=error.fix) from error
        _require_graph(brief, pipeline, table)


def _weights(spec: ModelSpec, rows: int) -> Float64s | None:
    """Of so many rows, with a mean of 1; none are alike, as an estimator that takes none may take those."""
    training = spec.training
    if training.weight is None and training.recency_half_life is None:
        return None
    return np.linspace(0.5, 1.5, rows)


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
    except NoChampion:
        return ""
    return unlike_version(spec, pin, stores)


def unlike_version(spec: ModelSpec, pin: Pin, stores: Stores) -> str:
    """What keeps a version from scoring a night of this spec; empty where nothing does.

    Raises ``LakeUnavailable``, ``ModelError`` for one that cannot be read.
    """
    try:
        graph = fetch(spec, pin.key, pin.sha256, stores)
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
    return f"version {pin.version} {' and '.join(parts)}: with it nothing scores until a training"


def _no_threshold(spec: ModelSpec, pin: Pin, stores: Stores) -> str:
    if not spec.predict.learnt_by:
        return ""
    try:
        stores.versions.threshold(pin, spec.predict.learnt_by)
    except ModelError as error:
        return f"{error.message}: nothing scores until a training"
    return ""


def _brief(spec: ModelSpec) -> ModelSpec:
    """The same training with few rounds."""
    trainer = trainer_of(spec)
    trainer.pipeline(spec)
    parameters = dict(spec.training.parameters)
    rounds = parameters.get(trainer.rounds)
    is_long = isinstance(rounds, int) and rounds > MOST_ROUNDS
    if trainer.rounds and (rounds is None or is_long):
        parameters[trainer.rounds] = MOST_ROUNDS
    training = spec.training.model_copy(update={"parameters": parameters})
    return spec.model_copy(update={"training": training}).with_threshold(spec.predict.threshold or EVEN_ODDS)


def _require_graph(spec: ModelSpec, pipeline: "Pipeline", table: pa.Table) -> None:
    from nightshift.optimization.export import to_onnx
    from nightshift.optimization.parity import parity_rows

    allowed = FAR_APART
    if is_path(spec.training.trainer):
        # Nobody has tried it before.
        allowed = spec.optimize.max_abs_difference
    try:
        held = parity_rows(spec, pipeline, table)
        graph = OnnxGraph(spec, to_onnx(spec, pipeline), "cpu")
        parity = held.compare(graph.score(held.rows))
        read_again(spec, pipeline)
        _require_probabilities(spec, pipeline)
    except (ModelError, ValueError) as error:
        first_line = str(error).split("\n", maxsplit=1)[0].removeprefix(f"{spec.name}: ")
        *_, reason = first_line.partition("no ONNX form: ")
        raise _no_form(spec, reason or first_line) from error
    if parity.max_difference > allowed:
        raise _no_form(spec, f"its graph is {parity.max_difference:.2g} from it")


def _require_probabilities(spec: ModelSpec, pipeline: "Pipeline") -> None:
    """Raises ``SpecError`` for trees of classes whose sums are the scores: made-up rows may stay within [0, 1]."""
    from nightshift.optimization.export import trained_forest

    forest = trained_forest(spec, pipeline)
    if forest is None or label_type(spec).estimator_type != "classifier":
        return
    if forest.link not in LINKS_OF_PROBABILITIES:
        raise _no_form(spec, "its scores are no probabilities")


def _no_form(spec: ModelSpec, reason: str) -> SpecError:
    parameters = spec.training.parameters
    loss = parameters.get("loss") or parameters.get("objective") or "these parameters"
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
