"""What every kind of label answers for itself, and what the kinds share in reading labels."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightshift.errors import SchemaMismatch
from nightshift.modelling.arrays import Array, Float32s, Floats
from nightshift.modelling.ranks import Rank
from nightshift.quotes import all_quoted
from nightshift.spec import ModelSpec
from nightshift.stores.types import is_number, plain_array

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from sklearn.pipeline import Pipeline

ArrowValues: TypeAlias = "pa.Array | pa.ChunkedArray"
Link: TypeAlias = Literal["Sigmoid", "Softmax", "Identity"]
EstimatorType: TypeAlias = Literal["classifier", "regressor"]
MOST_EXAMPLES = 3


class Floor(NamedTuple):
    """A gate for a first model: a metric, the value it must pass, and what is worth that without any skill."""

    metric: str
    value: float
    without_skill: str


class ReportColumn(NamedTuple):
    """A column of a night's accuracy: more digits where values have a unit."""

    title: str
    metric: str
    digits: int


@dataclass(frozen=True)
class LabelType(ABC):
    """A kind of label, for one spec.

    ``scores`` of n rows are (n,): P(label) or a number; or (n, k): P(class) of k classes. ``targets`` are
    labels as numbers, (n,).
    """

    spec: ModelSpec

    arrow_type: ClassVar[pa.DataType]
    """The label's type in the lake."""
    estimator_type: ClassVar[EstimatorType]
    """What learns it, in scikit-learn's word."""
    predict_method: ClassVar[Literal["predict_proba", "predict"]]
    """The trained pipeline's method that gives scores."""
    output: ClassVar[str]
    """The scores' name in scikit-learn's plain export."""
    link: ClassVar[Link]
    """The ONNX operator from raw scores to scores."""
    adds_up: ClassVar[bool] = True
    """Whether other columns may add up to it: numbers of classes are names."""
    has_threshold: ClassVar[bool] = False
    """Whether ``predict.threshold`` decides."""
    can_be_distilled: ClassVar[bool] = False
    """Whether a score is one probability, which smaller models can learn from."""
    is_seasonal: ClassVar[bool] = False
    """Whether the last night of the same weekday says what a night will be like, rather than all nights lately."""
    tells_its_odds: ClassVar[bool] = True
    """Whether a score says by itself which loss to expect; else rows that were judged do."""
    difference_note: ClassVar[str] = ""
    """In what differences of scores are measured, where that is not plain."""
    floor: ClassVar[Floor]
    metrics_kept: ClassVar[tuple[str, ...]]
    """The metrics that a night's record has."""
    report_columns: ClassVar[tuple[ReportColumn, ...]]
    """Of a night's report, besides loss and limit."""

    @property
    def identity(self) -> str | None:
        """What a graph says it was trained for; one for a binary label says nothing."""
        return None

    @property
    @abstractmethod
    def drift_column(self) -> str:
        """The published column whose drift is watched."""

    @property
    @abstractmethod
    def card_line(self) -> str:
        """What is published, for the model card."""

    @abstractmethod
    def cast(self, values: ArrowValues, where: str) -> pa.Array:
        """Labels as they came, in ``arrow_type``. Raises ``SchemaMismatch`` naming the first that is none."""

    @abstractmethod
    def as_targets(self, labels: ArrowValues) -> Floats:
        """Labels of the lake as numbers (n,), NaN for null. Raises ``SchemaMismatch``."""

    def text_of(self, target: float) -> str:
        """A target as a person would write the label."""
        return f"{target:g}"

    def unknown(self, labels: ArrowValues) -> dict[str, int]:
        """How many labels of the lake are of classes that the spec does not name, by their text."""
        return {}

    def scarce_classes(self, targets: Floats) -> list[str]:
        """Classes of too few targets: a model could not learn them."""
        return []

    @abstractmethod
    def predict(self, pipeline: "Pipeline", frame: "pd.DataFrame") -> Floats:
        """The trained pipeline's scores."""

    @abstractmethod
    def empty_scores(self, rows: int) -> Float32s:
        """Room for the scores of so many rows."""

    @abstractmethod
    def invalid(self, scores: Float32s) -> str:
        """What is wrong with scores that cannot be; empty for good ones."""

    @abstractmethod
    def decide(self, scores: Floats) -> Array:
        """The predicted label of each row, (n,)."""

    def margins(self, scores: Floats, decided: Array) -> Floats:
        """How far scores of each row have to move at least until ``decided``, (n,), is predicted of it, (n,)."""
        return np.full(len(scores), np.inf)

    def difference_scale(self, scores: Floats) -> float:
        """In what a difference between two scores is measured: probabilities as they are."""
        return 1.0

    def rounding(self, scores: Floats) -> Floats | float:
        """Differences of scores that say nothing."""
        return 0.0

    def threshold_for(self, scores: Floats) -> float | None:
        """The threshold that a training sets by the scores of its holdout; None where the spec has it."""
        return None

    def threshold_note(self, scores: Floats) -> str:
        """What is odd about the predictions that follow from some scores, (n,) or (n, k); empty where nothing is."""
        return ""

    @abstractmethod
    def metrics(self, targets: Floats, scores: Floats) -> dict[str, float]:
        """How good scores are; what these targets do not define is left out."""

    @property
    def outcome_names(self) -> tuple[str, ...]:
        """What a night's outcome is told by: the label's mean, or the share of each class."""
        return (self.spec.label.column,)

    def indicators(self, targets: Floats) -> Floats:
        """Targets (n,) by ``outcome_names``, (n, k): their means are the outcome."""
        return targets[:, None]

    @abstractmethod
    def rank(self, targets: Floats, scores: Floats) -> Rank | None:
        """How well scores order rows; None where these targets do not say."""

    @abstractmethod
    def no_skill(self, metrics: dict[str, float]) -> str:
        """What is said of scores that are no better than a constant; empty for better ones."""

    @abstractmethod
    def published_fields(self) -> list[pa.Field]:
        """The published columns of scores and prediction."""

    @abstractmethod
    def published_columns(self, scores: Float32s) -> list[pa.Array]:
        """Their values; texts as dictionaries."""

    @abstractmethod
    def read_scores(self, table: pa.Table) -> Floats:
        """Scores from the published columns, NaN for null."""

    @abstractmethod
    def drift_values(self, scores: Floats) -> pa.Array:
        """The values of ``drift_column`` for scores, null where they are NaN."""

    @abstractmethod
    def figures(self, targets: Floats, scores: Floats) -> dict[str, "Figure"]:
        """What a training run draws of its holdout, by name."""


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


def examples(values: ArrowValues, chosen: Any) -> str:
    """The first few of the chosen values, for a message."""
    different: Sequence[object] = pc.unique(values.filter(chosen)).to_pylist()
    first_few = different[:MOST_EXAMPLES]
    few_quoted = all_quoted(first_few)
    if len(different) > MOST_EXAMPLES:
        return f"{few_quoted} ..."
    return few_quoted


def from_lake(label: LabelType, labels: ArrowValues) -> pa.Array:
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
