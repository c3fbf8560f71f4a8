"""What the detectors know of a night."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy.typing as npt

from nightshift.profiles.moments import Moments


@dataclass(frozen=True)
class NightValues:
    """A night as its model's profile counts it.

    ``counts`` has, by the profile's feature names, the rows per bin (``Profile.count``), ``moments`` those of finite
    numbers (``Profile.moments``); nights scored before these were kept have none.
    """

    partition: str
    rows: int
    counts: Mapping[str, npt.ArrayLike]
    moments: Mapping[str, Moments] = field(default_factory=dict)
