"""What every kind of label answers for itself, and what the kinds share in reading labels."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

from nightshift.modelling.arrays import Array, Booleans, Float32s, Float64s, Floats
from nightshift.modelling.metrics import never_for_unknown, row_losses
from nightshift.modelling.ranks import Rank
from nightshift.spec import ModelSpec
from nightshift.stores.types import plain_values

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from sklearn.pipeline import Pipeline

ArrowValues: TypeAlias = "pa.Array | pa.ChunkedArray"
Link: TypeAlias = Literal["Sigmoid", "Softmax", "Identity", "Exp", "Clip"]
EstimatorType: TypeAlias = Literal["classifier", "regressor"]


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
    sums_to_one: ClassVar[bool] = False
    """Whether of a row's classes exactly one comes."""
    is_seasonal: ClassVar[bool] = False
    """Whether the last night of the same weekday says what a night will be like, rather than all nights lately."""
    tells_its_odds: ClassVar[bool] = True
    """Whether a score says by itself which loss to expect; else rows that were judged do."""
    fewest_classes: ClassVar[int] = 3
    """Of several classes, so many must be left to learn."""
    is_ordered: ClassVar[bool] = False
    """Whether the scores of a row rise from column to column."""
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
    def parts(self) -> tuple[ModelSpec, ...]:
        """Specs of what several estimators learn, each a score; none where one estimator learns all."""
        return ()

    def part_targets(self, targets: Floats, place: int) -> Floats:
        """What the estimator of a part learns of targets (n,)."""
        return targets

    def ordering(self, targets: Floats) -> Floats:
        """A number or a class of each row, (n,), by which the values of a category are put in order."""
        return targets

    def made_up(self, rows: int, rng: np.random.Generator) -> Floats:
        """Targets of rows that nobody has seen: every class by turns; numbers above 0, since no loss refuses those."""
        if self.estimator_type == "regressor":
            return rng.gamma(2.0, 1.0, rows)
        classes = len(self.spec.label.classes) or 2
        return rng.permutation(np.arange(rows) % classes).astype(np.float64)

    def has_class(self, targets: Floats, place: int) -> Booleans:
        """Which rows are of the class at a place."""
        return np.asarray(targets == place)

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

    def threshold_for(self, targets: Floats, scores: Floats) -> float | None:
        """The threshold that a training sets by rows that no fit of it saw; None where the spec has it."""
        return None

    def threshold_note(self, scores: Floats) -> str:
        """What is odd about the predictions that follow from some scores, (n,) or (n, k); empty where nothing is."""
        return ""

    @abstractmethod
    def metrics(self, targets: Floats, scores: Floats) -> dict[str, float]:
        """How good scores are; what these targets do not define is left out."""

    def row_losses(self, metric: str, targets: Floats, scores: Floats) -> Float64s:
        """The loss of each row, (n,); less is better."""
        return row_losses(metric, targets, scores)

    def best_constant(self, metric: str, targets: Floats) -> Floats:
        """The scores of a row, () or (k,), that suit these targets best if all rows have the same."""
        return np.asarray(targets.mean(), np.float64)

    @property
    def outcome_names(self) -> tuple[str, ...]:
        """What a night's outcome is told by: the label's mean, or the share of each class."""
        return (self.spec.label.column,)

    def indicators(self, targets: Floats) -> Floats:
        """Targets (n,) by ``outcome_names``, (n, k): their means are the outcome."""
        return targets[:, None]

    def outcome(self, targets: Floats) -> Float64s:
        """How rows turned out together, (k,) by ``outcome_names``: as scores that are the same for all would say it."""
        return np.asarray(self.indicators(targets).mean(axis=0), np.float64)

    def biases(self, targets: Floats, scores: Floats) -> Float64s:
        """By how much scores say more than came, (n, k) by ``outcome_names``."""
        by_name = never_for_unknown(scores.reshape(len(scores), -1))
        return np.asarray(by_name - self.indicators(targets), np.float64)

    def points(self, scores: Floats) -> Floats:
        """One number of each row, (n,), for what looks at one alone."""
        return scores.reshape(len(scores), -1)[:, -1]

    def asked_about(self, scores: Floats) -> dict[str, int]:
        """Which of a row's scores, (k,), a person asks the reasons of: their published columns, and places."""
        return {self.drift_column: 0}

    def for_estimates(self, scores: Floats) -> Floats:
        """Scores as a night's loss is estimated by: as they are where they tell their odds, else one of each row."""
        return scores if self.tells_its_odds else self.points(scores)

    def taught(self, targets: Floats, scores: Floats) -> Booleans:
        """Whether a model knows what each row turned out to be, (n,); true where that is not known."""
        return np.ones(len(targets), np.bool_)

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

    def published_values(self, scores: Float32s) -> list[Any]:
        """The same as plain values, where a few rows are answered: arrays with NaN for null, texts as a list."""
        return [plain_values(column) for column in self.published_columns(scores)]

    @abstractmethod
    def read_scores(self, table: pa.Table) -> Floats:
        """Scores from the published columns, NaN for null."""

    @abstractmethod
    def drift_values(self, scores: Floats) -> pa.Array:
        """The values of ``drift_column`` for scores, null where they are NaN."""

    @abstractmethod
    def figures(self, targets: Floats, scores: Floats) -> dict[str, "Figure"]:
        """What a training run draws of its holdout, by name."""
