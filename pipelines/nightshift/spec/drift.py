"""Which changes of a night are worth an alarm, and how often a quiet one may raise one."""

from typing import Self

from pydantic import Field, model_validator

from nightshift.spec.base import Frozen, Name, Share
from nightshift.spec.planned import PlannedNights


class FalseAlarms(Frozen):
    """What is promised of quiet nights."""

    once_per_nights: float = Field(100, gt=1, le=100_000, description="quiet nights in which one alarm may open")


class Drift(Frozen):
    """Which changes are worth an alarm."""

    features: tuple[Name, ...] = Field((), description="columns that are watched, whether the model sees them or not")
    score: bool = Field(True, description="whether what the model publishes is watched too")
    bins: int = Field(10, ge=2, le=100, description="of a histogram of numbers, by the reference's quantiles")
    false_alarms: FalseAlarms | None = Field(
        None, description="how often quiet nights may open an alarm, over all features and detectors; once in 100"
    )
    false_alarm_rate: Share | None = Field(None, description="the same as it was written before: 1 / once_per_nights")
    planned: tuple[PlannedNights, ...] = Field((), description="nights that alarm nobody: holidays, migrations")

    @property
    def rate(self) -> float:
        """Alarms that one quiet night may open."""
        if self.false_alarm_rate is not None:
            return self.false_alarm_rate
        promise = self.false_alarms or FalseAlarms()
        return 1 / promise.once_per_nights

    @model_validator(mode="after")
    def _one_promise(self) -> Self:
        if self.false_alarm_rate is not None and self.false_alarms is not None:
            raise ValueError("false_alarms says what false_alarm_rate said before: leave false_alarm_rate out")
        return self

    def why_planned(self, night: str) -> str | None:
        """Why a night is known not to be like others; None for one that is not."""
        for planned in self.planned:
            if planned.has(night):
                return planned.why
        return None
