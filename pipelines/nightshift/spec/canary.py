"""Which versions score a share of the rows first, before they take over from the champion."""

from typing import Literal, Self

from pydantic import Field, model_validator

from nightshift.spec.base import Frozen, Share

MOST_SHARE = 0.5
"""The champion keeps at least as many rows: what the canary is held against."""


class Canary(Frozen):
    """A version that scores a share of each night's rows, and is read, before it scores them all."""

    enters: Literal["proven", "by_hand"] = Field(
        "proven",
        description="who gets there by itself: whoever would take over, by the gate, by nights in shadow or by a"
        " person's word; or nobody, then a person says who",
    )
    share: float = Field(
        0.1,
        gt=0,
        le=MOST_SHARE,
        description="of a night's rows, by the hash of their keys: so many are scored by the canary",
    )
    confidence: Share = Field(
        0.975,
        description="a canary that is not worse is ever taken back with probability 1 - confidence, however often one"
        " looks",
    )
    min_nights: int = Field(10, ge=10, description="labelled nights of a canary; with fewer none is taken back")
    nights: int = Field(28, ge=10, description="after so many labelled nights it takes over, if it was not taken back")

    @model_validator(mode="after")
    def _ends_after_it_may_be_judged(self) -> Self:
        if self.nights < self.min_nights:
            raise ValueError(f"nights {self.nights} end before min_nights {self.min_nights} are there")
        return self
