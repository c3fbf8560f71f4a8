"""What every section of a spec is made of."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

NAME_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Share = Annotated[float, Field(gt=0, lt=1)]
Action = Literal["refuse", "drop"]
"""What a breach does: refuse the whole night, or drop the row into quarantine."""


class Frozen(BaseModel):
    """Immutable, and a key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def is_off(switch: bool) -> bool:
    """For a switch that is left out where it is off: what was digested before there was one has the same digest."""
    return not switch
