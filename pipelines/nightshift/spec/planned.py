"""Nights of which it is known beforehand that they are not like others: holidays, a migration of the source."""

import datetime as dt
from typing import Self

from pydantic import ConfigDict, Field, model_validator

from nightshift.partitions import parse_partition
from nightshift.spec.base import Frozen


class PlannedNights(Frozen):
    """Nights that raise no alarm, and that no later night is held against; the report says so."""

    # "from" is a word of Python's own.
    model_config = ConfigDict(populate_by_name=True)

    first: dt.date = Field(alias="from", description="the first of them")
    last: dt.date | None = Field(None, alias="to", description="the last of them; none: that one night")
    why: str = Field(min_length=1, description="for whoever wonders why nobody was woken")

    @model_validator(mode="after")
    def _has_a_night(self) -> Self:
        if self.last and self.last < self.first:
            raise ValueError(f"from {self.first} to {self.last} is no night")
        return self

    def has(self, night: str) -> bool:
        """Whether a night is one of them."""
        last = self.last or self.first
        return self.first <= parse_partition(night) <= last
