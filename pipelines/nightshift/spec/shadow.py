"""Which challengers score beside the champion, unread, until their nights say whether they are better."""

from typing import Literal, Self

from pydantic import Field, model_validator

from nightshift.spec.base import Frozen, Share


class Shadow(Frozen):
    """A challenger that scores every night beside the champion, and is read by nobody."""

    enters: Literal["inconclusive", "passed", "by_hand"] = Field(
        "inconclusive",
        description="who gets there by itself: a challenger of which the gate's nights did not say enough; also one"
        " that passed, instead of taking over at once; or nobody, then a person says who",
    )
    confidence: Share = Field(
        0.95,
        description="all challengers in one champion's shadow together take over, though no better, with probability"
        " 1 - confidence, however often one looks",
    )
    min_nights: int = Field(10, ge=10, description="labelled nights in shadow; with fewer nothing is decided")
    nights: int = Field(60, ge=10, description="after so many labelled nights it ends, decided or not")
    gain: float | None = Field(
        None,
        ge=0,
        description="the smallest gain that is worth a change, in the loss of a row: who surely gains less is stopped;"
        " by default 1 % of the champion's mean loss",
    )

    @model_validator(mode="after")
    def _ends_after_it_may_decide(self) -> Self:
        if self.nights < self.min_nights:
            raise ValueError(f"nights {self.nights} end before min_nights {self.min_nights} are there")
        return self
