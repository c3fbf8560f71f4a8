"""When the governor starts a training by itself, and what keeps it from one."""

from typing import Self

from pydantic import Field, model_validator

from nightshift.spec.base import Frozen

USUAL_WINDOW = 3


class Retrain(Frozen):
    """When drift or lost accuracy starts a training by itself."""

    nights: int = Field(2, ge=1, description="alarmed nights of an episode that start a training ...")
    of: int | None = Field(
        None,
        ge=1,
        description=f"... among this many last nights; by default {USUAL_WINDOW}, or nights where that is more",
    )
    cooldown_days: int = Field(
        7, ge=0, description="days after a started retrain in which none follows; one that failed has none"
    )
    min_new_nights: int = Field(
        7, ge=1, description="labelled nights that neither the champion nor a challenger of its has seen"
    )
    per_month: int | None = Field(
        None, ge=0, description="retrains that a calendar month of nights may start, also failed ones; none: any"
    )
    give_up_after: int | None = Field(
        5,
        ge=1,
        description="challengers in a row that did not take over, or failed trainings of one cause: then a person"
        " decides; none: never",
    )

    @property
    def window(self) -> int:
        """Among so many last nights the alarms are counted."""
        return self.of or max(USUAL_WINDOW, self.nights)

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if self.nights > self.window:
            raise ValueError(f"nights {self.nights} can never be reached within of {self.of}")
        return self
