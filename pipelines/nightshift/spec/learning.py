"""How a model is trained, judged and made fast."""

import re
from itertools import chain, count
from typing import Annotated, Literal, Self, get_args

from pydantic import BeforeValidator, Field, model_validator

from nightshift.spec.base import Frozen, Name, Share
from nightshift.spec.cron import Cron
from nightshift.spec.parameters import Parameter, with_texts_for_keys
from nightshift.spec.source import LabelSource, Source

LabelKind = Literal["binary", "multiclass", "regression"]
Metric = Literal["log_loss", "brier", "roc_auc", "pr_auc", "f1", "accuracy", "rmse", "mae", "r2"]
GateMetric = Literal[
    "log_loss",
    "brier",
    "squared_error",
    "absolute_error",
    "roc_auc",
    "pr_auc",
    "f1",
    "cost",
]
METRICS: dict[LabelKind, frozenset[str]] = {
    "binary": frozenset({"log_loss", "brier", "roc_auc", "pr_auc", "f1", "accuracy"}),
    "multiclass": frozenset({"log_loss", "brier", "roc_auc", "f1", "accuracy"}),
    "regression": frozenset({"rmse", "mae", "r2"}),
}
LOSSES: dict[LabelKind, frozenset[str]] = {
    "binary": frozenset({"log_loss", "brier"}),
    "multiclass": frozenset({"log_loss", "brier"}),
    "regression": frozenset({"squared_error", "absolute_error"}),
}
RANKS: dict[LabelKind, frozenset[str]] = {
    "binary": frozenset({"roc_auc", "pr_auc", "f1"}),
    "multiclass": frozenset({"roc_auc", "f1"}),
    "regression": frozenset(),
}
"""Metrics that are no means of rows; more of them is better."""
DEFAULT_LOSS: dict[LabelKind, str] = {
    "binary": "log_loss",
    "multiclass": "log_loss",
    "regression": "squared_error",
}
DECIDED_BY_THRESHOLD: frozenset[LabelKind] = frozenset({"binary"})
"""The kinds whose prediction follows from a score by a threshold."""
TrainerName = Literal["hist_gradient_boosting", "logistic_regression", "ridge", "neural_network"]
TRAINER_LABELS: dict[TrainerName, frozenset[LabelKind]] = {
    "hist_gradient_boosting": frozenset({"binary", "multiclass", "regression"}),
    "logistic_regression": frozenset({"binary", "multiclass"}),
    "ridge": frozenset({"regression"}),
    "neural_network": frozenset({"binary", "multiclass", "regression"}),
}
"""The kinds of label that each trainer is for; the trainers themselves are in ``modelling.trainers``."""
Variant = Literal[
    "fp32_optimized",
    "codes",
    "codes_mirrored",
    "truncated_half",
    "truncated_quarter",
    "student",
    "pruned",
    "int8_dynamic",
    "int8_static",
]
VARIANTS: tuple[Variant, ...] = get_args(Variant)
"""Graphs besides fp32 that optimize may build, in order of preference between equals."""


class Label(Frozen):
    """What is being predicted, and when it becomes known."""

    column: Name = Field(description="its name in the lake")
    source: LabelSource | None = Field(
        None,
        description="its name in the source, where that is another; or a source of its own, with keys and label",
    )
    source_column: str | None = Field(
        None, description="its name in a source of its own, where that is another", min_length=1
    )
    type: LabelKind = Field("binary", description="two outcomes, three or more classes, or a number")
    positive: str | None = Field(None, description="the text that means yes, where a binary label is text")
    negative: str | None = Field(
        None, description="the text that means no; any other stops its night, and null is no outcome"
    )
    nulls: tuple[str, ...] = Field((), description="texts that mean null in the source")
    classes: tuple[str, ...] = Field((), description="all values of a multiclass label, as text")
    delay_days: int = Field(ge=0, description="the run of night D sees labels of nights up to D - delay_days")
    corrected_within: int = Field(
        0, ge=0, description="days in which labels may still come or change: so long each run fetches them again"
    )

    @model_validator(mode="after")
    def _classes_are_for_multiclass(self) -> Self:
        if (self.type == "multiclass") != bool(self.classes):
            raise ValueError("classes are given for a multiclass label, and only for it")
        number = len(self.classes)
        each_once = len(set(self.classes)) == number
        if self.classes and (number < 3 or not each_once):
            raise ValueError(f"classes: got {number}, allowed: three or more, each once")
        if self.positive is not None and self.type != "binary":
            raise ValueError("positive is for a binary label")
        return self

    @model_validator(mode="after")
    def _two_texts_are_two(self) -> Self:
        if self.negative is None:
            return self
        if self.positive is None:
            raise ValueError("negative needs positive, the text that means yes")
        if self.negative == self.positive:
            raise ValueError(f"positive and negative are both {self.positive!r}")
        return self

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts that the label may have; empty where it comes as truth or number."""
        if self.classes:
            return self.classes
        return tuple(text for text in (self.positive, self.negative) if text is not None)

    @model_validator(mode="after")
    def _is_named_once(self) -> Self:
        if self.source_column is not None and self.own_source is None:
            raise ValueError("source_column is for a label with a source of its own; else source is its name")
        return self

    @property
    def ranks(self) -> frozenset[str]:
        """The metrics that are no means of rows, of which more is better."""
        return RANKS[self.type]

    @property
    def own_source(self) -> Source | None:
        """Where labels come from, if not with the rows."""
        return None if isinstance(self.source, str) else self.source

    @property
    def source_name(self) -> str:
        """What the source calls it."""
        if isinstance(self.source, str):
            return self.source
        return self.source_column or self.column

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes as parts of column names: small letters, digits and ``_``, each once, in their order."""
        names: list[str] = []
        for text in self.classes:
            plain = re.sub("[^a-z0-9]", "_", text.lower())
            numbered = (f"{plain}_{number}" for number in count(2))
            free = (name for name in chain([plain], numbered) if name not in names)
            names.append(next(free))
        return tuple(names)

    def score_columns(self, score: str) -> tuple[str, ...]:
        """The published columns of scores: ``score``, one for each class in the order of ``classes``, or none."""
        if self.type == "regression":
            return ()
        if self.type == "multiclass":
            return tuple(f"{score}_{name}" for name in self.class_names)
        return (score,)


class Training(Frozen):
    """What a model learns from."""

    window_days: int = Field(
        ge=2, description="days of the calendar that a snapshot spans, back from the last labelled night"
    )
    holdout_days: int = Field(
        ge=1, description="the last nights that there are in the window; what they judge was fitted on those before"
    )
    folds: int = Field(
        2,
        ge=1,
        le=10,
        description="fits that are judged by the nights after theirs: the last by the holdout, others by the nights"
        " before it, 28 of 90 at least; what scores is then fitted on all. In a short window there are fewer",
    )
    trainer: TrainerName = Field(
        description="what is fitted; ridge learns numbers only, logistic_regression classes only"
    )
    parameters: Annotated[dict[str, Parameter], BeforeValidator(with_texts_for_keys)] = Field(
        default_factory=dict,
        description="of the trainer, by name; classes of class_weight and features of monotonic_cst and"
        " interaction_cst are named as they are here",
    )
    seed: int = Field(0, description="of all that is drawn at random in a training")
    schedule: Cron | None = Field(None, description="cron of a regular training, none by default")
    max_age_days: int | None = Field(
        None, ge=1, description="a champion that learnt from no night of so many days is said to be old; none: never"
    )

    @model_validator(mode="after")
    def _something_is_left_to_learn_from(self) -> Self:
        if self.holdout_days >= self.window_days:
            raise ValueError(f"holdout_days {self.holdout_days} leaves nothing of window_days {self.window_days}")
        return self


class Gates(Frozen):
    """What a challenger must show on judged nights before it becomes champion."""

    metric: GateMetric | None = Field(
        None,
        description="compared with the champion by nights; by default log_loss, or squared_error for a regression;"
        " cost is that of predict.costs",
    )
    promote: Literal["better", "not_worse"] | None = Field(
        None,
        description="what a challenger must surely be; by default better; not_worse where a recipe is trained again",
    )
    margin: float | None = Field(
        None,
        ge=0,
        description="how much worse, in the metric, still is not_worse; by default 2 % of the champion's loss, at most"
        " a quarter of what it gains on the best constant",
    )
    min_nights: int = Field(7, ge=2, description="judged nights; with fewer the gate says inconclusive")
    confidence: Share = Field(
        0.95,
        description="of the first interval; all looks of one champion's life together promote what they should not"
        " with probability 1 - confidence",
    )
    resamples: int = Field(1000, ge=100, description="of nights, for areas and F1")
    at_least: dict[Metric, float] = Field(default_factory=dict, description="floors (ceilings for losses)")
    slices: tuple[Name, ...] = Field((), description="columns of which no value may surely get worse: one question")
    slice_allowance: float = Field(0.0, ge=0, description="how much worse a slice may be, in the loss of a row")
    slice_min_rows: int = Field(200, ge=1, description="a slice with fewer rows is not judged")
    slice_min_nights: int = Field(5, ge=2, description="a slice with fewer nights is not judged")
    calibration: float | None = Field(
        None, ge=0, description="how far the mean score may surely be from the mean outcome; none: not judged"
    )
    robustness: float | None = Field(
        None,
        ge=0,
        description="how much worse than the champion, in the loss of a row, it may surely be where a nullable feature"
        " is missing or numbers are a tenth of a standard deviation off; none: not judged",
    )
    size_ratio: float | None = Field(None, gt=0, description="bytes of its graph over the champion's; none: any")
    speed_ratio: float | None = Field(
        None, gt=0, description="seconds to score over the champion's, in alternating rounds; none: any"
    )
    approval: Literal["never", "on_inconclusive", "always"] = Field(
        "never",
        description="a person decides in Airflow's UI: about what was inconclusive, or also about what passed;"
        " what failed never scores",
    )
    approval_hours: int = Field(72, ge=1, description="so long a training waits for that person; then it is no")


class Optimize(Frozen):
    """How far the ONNX graph may be from the trained model, and which graphs are tried for speed."""

    max_abs_difference: float = Field(
        1e-5,
        gt=0,
        description="of scores, for exact variants; for a regression over the standard deviation of the trained"
        " model's predictions on the holdout, beyond the one step of float32 that rounding costs",
    )
    max_mean_difference: float = Field(1e-6, gt=0, description="the same, on average")
    max_label_flips: int = Field(
        0,
        ge=0,
        description="predictions that may change although the score is further than max_abs_difference from where they"
        " turn, for exact variants; nearer ones are counted apart; a regression has none",
    )
    max_metric_loss: float | None = Field(
        None, gt=0, description="upper end of the interval of mean gates.metric lost; none: exact variants only"
    )
    variants: tuple[Variant, ...] = Field(VARIANTS, description="what is tried besides fp32, which always is")
    provider: Literal["cpu", "cuda", "tensorrt", "openvino"] = Field("cpu", description="where ONNX Runtime runs")

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.variants)) < len(self.variants):
            raise ValueError(f"variants names one twice: {', '.join(self.variants)}")
        return self
