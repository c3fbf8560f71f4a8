"""How a model is trained, judged and made fast."""

from typing import Annotated, Literal, Self, get_args

from pydantic import BeforeValidator, Field, model_validator

from nightshift.spec.base import Frozen, Name, Share, is_off
from nightshift.spec.cron import Cron
from nightshift.spec.label import CalibrationMethod, GateMetric, Metric
from nightshift.spec.parameters import Parameter, with_texts_for_keys
from nightshift.spec.trainers import TrainerName

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
        description="what is fitted: one of these, or an estimator by its path, from modules that the installation"
        " allows (scikit-learn's, by default)"
    )
    parameters: Annotated[dict[str, Parameter], BeforeValidator(with_texts_for_keys)] = Field(
        default_factory=dict,
        description="of the trainer, by name; classes of class_weight and features of monotonic_cst and"
        " interaction_cst are named as they are here",
    )
    seed: int = Field(0, description="of all that is drawn at random in a training")
    weight: Name | None = Field(
        None, description="a column of numbers, 0 or more, that says how much a row counts in a fit; none: all alike"
    )
    recency_half_life: float | None = Field(
        None, gt=0, description="a night counts half of one that is so many nights newer, in a fit; none: all alike"
    )
    calibration: CalibrationMethod | None = Field(
        None,
        description="makes scores of classes probabilities that hold, inside the graph: a line through their log odds,"
        " or any rising curve; learnt on the last nights of each fit, scored by a fit without them. none: as they are",
    )
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
        description="compared with the champion by nights; by default log_loss, squared_error for a regression, or"
        " pinball for quantiles;"
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
        None,
        ge=0,
        description="how far the mean score may surely be from the mean outcome, or the share of outcomes at or below"
        " each quantile from what it says; none: not judged",
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
    approximate: Literal["where_it_pays", "always"] = Field(
        "where_it_pays",
        description="whether approximate variants are built only where a month of scoring takes longer than they cost",
    )
    variants: tuple[Variant, ...] = Field(VARIANTS, description="what is tried besides fp32, which always is")
    provider: Literal["cpu", "cuda", "tensorrt", "openvino"] = Field("cpu", description="where ONNX Runtime runs")
    servable: bool = Field(
        False,
        description="true: only graphs that give a row the same bits however many rows are scored with it, as who is"
        " asked by day has to",
        exclude_if=is_off,
    )

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.variants)) < len(self.variants):
            raise ValueError(f"variants names one twice: {', '.join(self.variants)}")
        return self
