"""What is being predicted: the kinds of label, and the metrics of each."""

import re
from itertools import chain, count
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from nightshift.spec.base import Frozen, Name
from nightshift.spec.source import LabelSource, Source

LabelKind = Literal["binary", "multiclass", "regression", "quantile", "multilabel"]
Metric = Literal[
    "log_loss",
    "brier",
    "roc_auc",
    "pr_auc",
    "f1",
    "accuracy",
    "rmse",
    "mae",
    "r2",
    "pinball",
    "pinball_skill",
    "coverage_error",
]
GateMetric = Literal[
    "log_loss",
    "brier",
    "squared_error",
    "absolute_error",
    "pinball",
    "roc_auc",
    "pr_auc",
    "f1",
    "cost",
]
METRICS: dict[LabelKind, frozenset[str]] = {
    "binary": frozenset({"log_loss", "brier", "roc_auc", "pr_auc", "f1", "accuracy"}),
    "multiclass": frozenset({"log_loss", "brier", "roc_auc", "f1", "accuracy"}),
    "regression": frozenset({"rmse", "mae", "r2"}),
    "quantile": frozenset({"pinball", "pinball_skill", "coverage_error", "mae"}),
    "multilabel": frozenset({"log_loss", "brier", "roc_auc", "f1", "accuracy"}),
}
LOSSES: dict[LabelKind, frozenset[str]] = {
    "binary": frozenset({"log_loss", "brier"}),
    "multiclass": frozenset({"log_loss", "brier"}),
    "regression": frozenset({"squared_error", "absolute_error"}),
    "quantile": frozenset({"pinball"}),
    "multilabel": frozenset({"log_loss", "brier"}),
}
RANKS: dict[LabelKind, frozenset[str]] = {
    "binary": frozenset({"roc_auc", "pr_auc", "f1"}),
    "multiclass": frozenset({"roc_auc", "f1"}),
    "regression": frozenset(),
    "quantile": frozenset(),
    "multilabel": frozenset({"roc_auc"}),
}
"""Metrics that are no means of rows; more of them is better."""
DEFAULT_LOSS: dict[LabelKind, str] = {
    "binary": "log_loss",
    "multiclass": "log_loss",
    "regression": "squared_error",
    "quantile": "pinball",
    "multilabel": "log_loss",
}
DECIDED_BY_THRESHOLD: frozenset[LabelKind] = frozenset({"binary"})
"""The kinds whose prediction follows from a score by a threshold."""
CalibrationMethod = Literal["platt", "isotonic"]
CALIBRATED: frozenset[LabelKind] = frozenset({"binary", "multiclass", "multilabel"})
"""The kinds whose scores are probabilities, which a calibration makes hold."""


QuantileLevel = Annotated[float, Field(gt=0, lt=1)]
MIDDLE = 0.5


FEWEST_CLASSES: dict[LabelKind, int] = {"multiclass": 3, "multilabel": 2}
IN_WORDS = {0: "none", 2: "two", 3: "three"}
MOST_TOGETHER = 50
"""Classes of which a row may have any: a set of them is a number that no float rounds."""


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
    type: LabelKind = Field(
        "binary",
        description="two outcomes, three or more classes, a number, quantiles of one, or any of several classes",
    )
    positive: str | None = Field(None, description="the text that means yes, where a binary label is text")
    negative: str | None = Field(
        None, description="the text that means no; any other stops its night, and null is no outcome"
    )
    nulls: tuple[str, ...] = Field((), description="texts that mean null in the source")
    classes: tuple[str, ...] = Field(
        (), description="all values of a multiclass label, or those that a row of a multilabel one has any of; as text"
    )
    separator: str = Field("|", description="what is between the classes of a multilabel row", min_length=1)
    none: str | None = Field(
        None,
        description="the text of a multilabel row that has none of the classes, besides an empty one",
        min_length=1,
    )
    quantiles: tuple[QuantileLevel, ...] = Field(
        (), description="of a quantile label, rising: what share of outcomes shall be at or below each published number"
    )
    delay_days: int = Field(ge=0, description="the run of night D sees labels of nights up to D - delay_days")
    corrected_within: int = Field(
        0, ge=0, description="days in which labels may still come or change: so long each run fetches them again"
    )

    @model_validator(mode="after")
    def _classes_are_for_multiclass(self) -> Self:
        if (self.type in FEWEST_CLASSES) != bool(self.classes):
            raise ValueError("classes are given for a multiclass or multilabel label, and only for it")
        number = len(self.classes)
        fewest = FEWEST_CLASSES.get(self.type, 0)
        each_once = len(set(self.classes)) == number
        if number < fewest or not each_once:
            raise ValueError(f"classes: got {number}, allowed: {IN_WORDS[fewest]} or more, each once")
        if self.positive is not None and self.type != "binary":
            raise ValueError("positive is for a binary label")
        return self

    @model_validator(mode="after")
    def _sets_can_be_written(self) -> Self:
        if self.type != "multilabel":
            return self
        if len(self.classes) > MOST_TOGETHER:
            raise ValueError(f"classes: got {len(self.classes)}, allowed for a multilabel label: {MOST_TOGETHER}")
        edged = [name for name in self.classes if name != name.strip()]
        if edged:
            raise ValueError(f"classes: {edged[0]!r} has blanks at its edges, which a row's classes are read without")
        split = [name for name in self.classes if self.separator in name or name in {"", self.none}]
        if split:
            raise ValueError(f"classes: {split[0]!r} has the separator {self.separator!r} in it, or means none")
        return self

    @model_validator(mode="after")
    def _quantiles_rise(self) -> Self:
        if (self.type == "quantile") != bool(self.quantiles):
            raise ValueError("quantiles are given for a quantile label, and only for it")
        if list(self.quantiles) != sorted(set(self.quantiles)):
            raise ValueError(f"quantiles: got {list(self.quantiles)}, allowed: rising, each once")
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

    @property
    def set_texts(self) -> tuple[str, str | None] | None:
        """How sets of classes are written; None for a label of another kind."""
        if self.type != "multilabel":
            return None
        return self.separator, self.none

    @property
    def quantile_names(self) -> tuple[str, ...]:
        """The quantiles as parts of column names, in hundredths: ``q10``, ``q97_5``."""
        return tuple("q" + f"{100 * level:g}".replace(".", "_") for level in self.quantiles)

    @property
    def middle(self) -> int:
        """The place of the quantile that stands for all: the one nearest to the median."""
        distances = [abs(level - MIDDLE) for level in self.quantiles]
        return distances.index(min(distances))

    def score_columns(self, score: str) -> tuple[str, ...]:
        """The published columns of scores: ``score``, one for each class or quantile in their order, or none."""
        if self.type == "regression":
            return ()
        if self.type == "quantile":
            return tuple(f"{score}_{name}" for name in self.quantile_names)
        if self.type in FEWEST_CLASSES:
            return tuple(f"{score}_{name}" for name in self.class_names)
        return (score,)
