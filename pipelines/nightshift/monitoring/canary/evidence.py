"""What the nights of a canary say together: that it does harm, that it had its nights, or that it goes on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

from nightshift.modelling.gate.comparison import GateRow
from nightshift.modelling.gate.groups import GroupedNight, harm
from nightshift.modelling.metrics import Difference
from nightshift.monitoring.canary.record import LOSS, CanaryNight
from nightshift.spec.canary import Canary
from nightshift.stores.canaries import StandingCanary

CanaryOutcome: TypeAlias = Literal["harmful", "held", "open"]


@dataclass(frozen=True)
class CanaryEvidence:
    """All nights of a canary that both have labelled rows of, oldest first, under what ``rule`` says."""

    rule: Canary
    canary: StandingCanary
    nights: Sequence[CanaryNight]

    @property
    def alpha(self) -> float:
        """With what probability one that is not worse is ever taken back."""
        return 1 - self.rule.confidence

    @cached_property
    def grouped(self) -> list[GroupedNight]:
        """Its nights as the statistic has them."""
        grouped = [night.grouped(LOSS) for night in self.nights]
        return [night for night in grouped if night is not None]

    @cached_property
    def difference(self) -> Difference | None:
        """What a row loses more with the canary; None of too few nights, or of nights that are all alike."""
        if len(self.nights) < self.rule.min_nights:
            return None
        return harm(self.grouped, self.alpha)

    @cached_property
    def outcome(self) -> CanaryOutcome:
        """*harmful* is taken back, *held* had as many nights as it was given, *open* goes on."""
        difference = self.difference
        if difference is not None and difference.worse:
            return "harmful"
        return "held" if len(self.nights) >= self.rule.nights else "open"

    @property
    def reason(self) -> str:
        """The same in one sentence."""
        against = f"version {self.canary.version} as a canary beside version {self.canary.champion}"
        counted = f"{len(self.nights)} of {self.rule.nights} labelled nights"
        if len(self.nights) < self.rule.min_nights:
            return f"{against}: {counted}, and with fewer than {self.rule.min_nights} nothing is decided: open"
        if self.difference is None:
            return f"{against}: {counted} say all the same, and so nothing of others: {self._words}"
        known = self.difference
        confidence = 100 * (1 - 2 * self.alpha)
        first = self.nights[0].night
        last = self.nights[-1].night
        return (
            f"{against}: {self.nights[-1].metric} of a row {known.mean:+.4g} ({confidence:.4g}% sequence"
            f" {known.low:+.4g} to {known.high:+.4g}, {counted}, {first} to {last}): {self._words}"
        )

    @property
    def row(self) -> GateRow:
        """The same for the table of a verdict."""
        metric = self.nights[-1].metric if self.nights else "loss"
        return GateRow.of(f"{metric} as a canary", self.outcome, self.difference)

    @property
    def _words(self) -> str:
        if self.outcome == "harmful":
            return "it surely loses more, and is taken back"
        if self.outcome == "held":
            return "no harm is sure after the nights that it was given"
        return "open"
