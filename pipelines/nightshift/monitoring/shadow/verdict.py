"""What the nights of a challenger in shadow say together: whether it takes over, is stopped, or goes on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

from nightshift.modelling.gate.comparison import GateRow
from nightshift.modelling.gate.sequence import interval
from nightshift.modelling.gate.spending import spent
from nightshift.modelling.metrics import Difference
from nightshift.monitoring.shadow.record import ShadowNight
from nightshift.spec.shadow import Shadow
from nightshift.stores.shadows import StandingShadow

ShadowOutcome: TypeAlias = Literal["better", "worse", "futile", "open", "ended"]
OF_LOSS = 0.01
"""Of the champion's loss: less is by default no gain that is worth a change."""


@dataclass(frozen=True)
class ShadowEvidence:
    """All labelled nights of a challenger in shadow so far, oldest first, under what ``rule`` says."""

    rule: Shadow
    shadow: StandingShadow
    nights: Sequence[ShadowNight]

    @property
    def alpha(self) -> float:
        """What this challenger may spend of the errors of its champion's life."""
        return spent(self.rule.confidence, self.shadow.look)

    @cached_property
    def difference(self) -> Difference | None:
        """Of a row's mean loss, below 0 where the challenger is better; None of too few nights, or of equal ones."""
        if len(self.nights) < self.rule.min_nights:
            return None
        return interval([night.evidence for night in self.nights], self.alpha)

    @property
    def gain(self) -> float:
        """The smallest that is worth a change."""
        if self.rule.gain is not None:
            return self.rule.gain
        rows = sum(night.labelled for night in self.nights)
        losses = sum(night.champion_loss for night in self.nights)
        return OF_LOSS * losses / max(rows, 1)

    @cached_property
    def outcome(self) -> ShadowOutcome:
        """*better* takes over, *worse*, *futile* and *ended* are stopped, *open* goes on."""
        difference = self.difference
        if difference is not None:
            if difference.better:
                return "better"
            if difference.worse:
                return "worse"
            if difference.low > -self.gain:
                return "futile"
        return "ended" if len(self.nights) >= self.rule.nights else "open"

    @property
    def reason(self) -> str:
        """The same in one sentence."""
        against = f"version {self.shadow.champion} in its shadow"
        if len(self.nights) < self.rule.min_nights:
            return f"{len(self.nights)} of {self.rule.min_nights} labelled nights against {against}: open"
        if self.difference is None:
            alike = f"all {len(self.nights)} labelled nights against {against} say the same, and so nothing of others"
            return f"{alike}: {self._words}"
        first = self.nights[0].night
        last = self.nights[-1].night
        confidence = 100 * (1 - 2 * self.alpha)
        known = self.difference
        return (
            f"{self.nights[-1].metric} {known.mean:+.4g} against {against} ({confidence:.4g}% sequence {known.low:+.4g}"
            f" to {known.high:+.4g}, {len(self.nights)} nights, {first} to {last}): {self._words}"
        )

    @property
    def row(self) -> GateRow:
        """The same for the table of a verdict."""
        name = f"{self.nights[-1].metric} in shadow" if self.nights else "shadow"
        return GateRow.of(name, self.outcome, self.difference)

    @property
    def _words(self) -> str:
        if self.outcome == "futile":
            return f"surely no gain of {self.gain:.4g}"
        if self.outcome == "ended":
            return f"undecided after the {self.rule.nights} nights that it was given"
        return self.outcome
