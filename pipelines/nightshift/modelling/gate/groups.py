"""Two models that each scored other rows of a night, drawn by the hash of their keys: nobody scored a row twice.

Rows of a night share its weather, so a night counts once, as in the gate; its difference is that of two means. Which
rows are whose is drawn once and stays, so a key that comes every night is in the same group every night: what is
peculiar to the keys of one group then looks like a difference of the models that no further night takes away. How much
of that there is shows in how alike the losses of a key are on two nights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from nightshift.modelling.gate.sequence import NightDifference, interval
from nightshift.modelling.metrics import Difference

SPENT = 0.5
"""The part of the errors asked for that is spent: the rest is for nights that are stormy and alike, of which the
sequence errs oftener than it says."""


@dataclass(frozen=True)
class GroupSums:
    """The rows of one group in a night that have a figure, as a loss, and its sum.

    ``again`` is the sum, over rows whose key was in the group on the night before too, of the products of both nights'
    figures, each less the mean of its night; ``before`` the rows of that night.
    """

    rows: int
    total: float
    again: float = 0.0
    before: int = 0

    @property
    def mean(self) -> float:
        """Of a row."""
        return self.total / self.rows

    @property
    def lasting(self) -> float:
        """The covariance of the means of both nights, as their common keys make it; 0 where there are none."""
        if not self.before:
            return 0.0
        return self.again / (self.rows * self.before)


@dataclass(frozen=True)
class GroupedNight:
    """A night by both groups, each with a row at least."""

    night: str
    champion: GroupSums
    canary: GroupSums

    @property
    def has_night_before(self) -> bool:
        """Whether either group had rows with the figure on the night before."""
        return bool(self.champion.before or self.canary.before)

    @cached_property
    def evidence(self) -> NightDifference:
        """The canary's mean less the champion's, by as many rows as each of two equal groups would have to say it."""
        both = self.champion.rows + self.canary.rows
        matched = 2 * self.champion.rows * self.canary.rows / both
        rows = max(1, round(matched))
        return NightDifference(self.night, rows, rows * (self.canary.mean - self.champion.mean))


def harm(nights: Sequence[GroupedNight], alpha: float) -> Difference | None:
    """What a row loses more with the canary, as a confidence sequence; None of too few nights, or of nights all alike.

    Of a canary that is not worse, over all nights on which it is asked, the whole of it is above 0 with probability
    ``alpha``.
    """
    return interval([night.evidence for night in nights], SPENT * alpha, lasting_variance(nights))


def lasting_variance(nights: Sequence[GroupedNight]) -> float:
    """Of the difference, by keys that come again: it is believed to last for as long as the groups do.

    Nights that had none before them, as the first, do not say whether their keys come again, and do not count.
    """
    after_another = [night for night in nights if night.has_night_before]
    covariances = sum(night.champion.lasting + night.canary.lasting for night in after_another)
    return max(0.0, covariances / max(len(after_another), 1))
