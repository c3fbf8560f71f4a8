"""What is published, and from which score on it means yes."""

import math
from typing import Any, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from nightshift.errors import ModelError
from nightshift.spec.base import Frozen, Name, Share, is_off

EVEN_ODDS = 0.5
EngineName: TypeAlias = Literal["airflow", "ray", "spark", "aws_batch"]
AIRFLOW: EngineName = "airflow"


class Costs(Frozen):
    """What the errors of a binary label cost, in any unit: the threshold where both cost the same in expectation."""

    false_alarm: float = Field(gt=0, description="of a row that is predicted true and is not")
    miss: float = Field(gt=0, description="of a row that is true and is not predicted so")

    @property
    def threshold(self) -> float:
        """The probability from which on an alarm costs less than silence (Elkan, IJCAI 2001)."""
        return self.false_alarm / (self.false_alarm + self.miss)


def _threshold(predict: dict[str, Any]) -> float | None:
    if predict.get("share") is not None or predict.get("learn_threshold"):
        return None
    costs: Costs | None = predict.get("costs")
    return EVEN_ODDS if costs is None else costs.threshold


class Predict(Frozen):
    """What is published."""

    score: Name = Field(
        "score",
        description="P(label); <score>_<class> for each of several classes, <score>_q10 and so on for each"
        " quantile; none for a regression",
    )
    prediction: Name = Field(
        "prediction",
        description="true or false; the likeliest class, or all likely ones; the number that a regression predicts; the"
        " quantile nearest to the median",
    )
    costs: Costs | None = Field(None, description="the threshold as a rule: false_alarm / (false_alarm + miss)")
    share: Share | None = Field(
        None,
        description="the threshold as a share to flag: a training sets it where so many rows of its holdout are true",
    )
    learn_threshold: bool = Field(
        False,
        description="whether a training sets the threshold where costs were least on its judged nights, each scored by"
        " a fit that did not see it; the rule of costs is right where scores are probabilities that hold",
    )
    threshold: Share | None = Field(
        default_factory=_threshold,
        description="scores from here on are predicted true; for a binary or multilabel label; by default what costs or"
        " share say",
        json_schema_extra={"default": EVEN_ODDS},
    )
    shard_rows: int = Field(5_000_000, ge=1, description="rows of one mapped task: seconds of work")
    engine: EngineName = Field(
        AIRFLOW, description="whose workers score the shards of a night: Airflow's own, or those of another engine"
    )
    replay: bool = Field(
        False,
        description="true: <model>.monitor scores again what nightshift serve --replay kept, and counts rows of other"
        " bits",
        exclude_if=is_off,
    )
    allow_future_model: bool = Field(False, description="score nights inside the champion's training window")

    @property
    def learnt_by(self) -> str:
        """The rule by which a training sets the threshold; empty where this file says it."""
        if self.share is not None:
            return f"share {self.share}"
        if self.learn_threshold and self.costs is not None:
            return f"costs {self.costs.false_alarm:g} to {self.costs.miss:g}"
        return ""

    @model_validator(mode="after")
    def _one_learnt_threshold(self) -> Self:
        if self.learn_threshold and self.costs is None:
            raise ValueError("learn_threshold needs costs: false_alarm and miss")
        if self.learn_threshold and self.threshold is not None:
            raise ValueError("learn_threshold is for a training to set: leave threshold out")
        return self

    @model_validator(mode="after")
    def _one_threshold(self) -> Self:
        if self.share is not None and (self.costs is not None or self.threshold is not None):
            raise ValueError("share, costs and threshold each say from where on means yes: leave two of them out")
        if self.costs is None or self.threshold is None:
            return self
        if not math.isclose(self.threshold, self.costs.threshold):
            raise ValueError(
                f"threshold {self.threshold} is not what costs say, {self.costs.threshold:g}: leave one out"
            )
        return self

    @property
    def decides_from(self) -> float:
        """The score from which on means yes. Raises ``ModelError`` where only a training can say it."""
        if self.threshold is None:
            raise ModelError(
                f"predict.{self.learnt_by} has no threshold before a training",
                fix="train, or give predict.threshold",
            )
        return self.threshold
