"""Is the challenger better than the champion, or not worse, and if neither, what it would have needed."""

import math
from dataclasses import dataclass
from functools import cached_property

from nightshift.modelling.gate.comparison import Aim, GateRow
from nightshift.modelling.gate.night_values import NightMeans
from nightshift.modelling.gate.nights import NightTest, night_test
from nightshift.modelling.gate.spending import spent
from nightshift.modelling.metrics import Difference
from nightshift.spec import ModelSpec

LEAST_NIGHTS = 2
MOST_NIGHTS = 1000


@dataclass(frozen=True)
class MainQuestion:
    """The difference in the spec's metric by nights, below 0 where the challenger is better."""

    spec: ModelSpec
    values: NightMeans | None
    aim: Aim
    margin: float
    look: int
    against: str

    @cached_property
    def verdict(self) -> str:
        """*better*, *not worse*, *worse* or *inconclusive*."""
        difference = self.difference
        if self.has_few_nights or difference is None:
            return "inconclusive"
        if difference.better:
            return "better"
        if self.aim == "not_worse" and difference.high <= self.margin:
            return "not worse"
        return "worse" if difference.worse else "inconclusive"

    @property
    def is_inconclusive(self) -> bool:
        """Whether the nights do not say enough."""
        return self.verdict == "inconclusive"

    @property
    def objections(self) -> list[str]:
        """What speaks against the candidate."""
        if self.verdict in ("better", "not worse"):
            return []
        return [self.outcome]

    @cached_property
    def outcome(self) -> str:
        """The answer in one sentence."""
        metric = self.spec.judged_by
        if self.values is None:
            return f"{metric} is not defined on the judged nights: {self.verdict}"
        nights = self.values.nights
        if self.has_few_nights or self.difference is None:
            return (
                f"{metric} against {self.against}: {nights} nights, and gates.min_nights is"
                f" {self.spec.gates.min_nights}: {self.verdict}"
            )
        row = self.row
        confidence = 100 * (1 - 2 * self.alpha)
        allowed = f" by more than {self.margin:.4g}" if self.verdict == "not worse" else ""
        return (
            f"{metric} {row.estimate:+.4f} against {self.against} ({confidence:.4g}% interval {row.low:+.4f} to"
            f" {row.high:+.4f}, {nights} nights): {self.verdict}{allowed}"
        )

    @cached_property
    def row(self) -> GateRow:
        """The answer as a row; of an area or F1, where more is better, in its own direction."""
        name = self.spec.judged_by
        if self.values is None:
            return GateRow(name, None, None, None, self.verdict, "both classes on all but any one night")
        difference = self.difference
        if difference is None:
            return GateRow(name, self._own(self.values.estimate), None, None, self.verdict, self._needed)
        ends = [self._own(difference.low), self._own(difference.high)]
        return GateRow(
            name=name,
            estimate=self._own(difference.mean),
            low=min(ends),
            high=max(ends),
            verdict=self.verdict,
            needed=self._needed,
        )

    @property
    def metrics(self) -> dict[str, float]:
        """For the run."""
        row = self.row
        named = {
            "gate_mean": row.estimate,
            "gate_low": row.low,
            "gate_high": row.high,
        }
        metrics = {name: value for name, value in named.items() if value is not None}
        metrics["gate_look"] = float(self.look)
        if self.values is not None:
            metrics["gate_nights"] = float(self.values.nights)
        if self.aim == "not_worse":
            metrics["gate_margin"] = self.margin
        return metrics

    @property
    def alpha(self) -> float:
        """What this look may spend."""
        return spent(self.spec.gates.confidence, self.look)

    @property
    def has_few_nights(self) -> bool:
        """Whether there are too few nights for a verdict."""
        if self.values is None:
            return True
        least = self.spec.gates.min_nights
        return self.values.nights < least

    @cached_property
    def difference(self) -> Difference | None:
        """With its interval, which one night does not have."""
        return self._test.interval(self.alpha) if self._test else None

    @cached_property
    def _test(self) -> NightTest | None:
        if self.values is None or self.values.nights < LEAST_NIGHTS:
            return None
        return night_test(self.values)

    def _own(self, value: float) -> float:
        if self.spec.judged_by in self.spec.label.ranks:
            return -value
        return value

    @property
    def _needed(self) -> str:
        """What would have given another verdict."""
        if self.has_few_nights or self.values is None or self._test is None or self.difference is None:
            return f"{self.spec.gates.min_nights} nights"
        if self.verdict != "inconclusive":
            return ""
        allowed = self.margin if self.aim == "not_worse" else 0.0
        surplus = allowed - self.values.estimate
        smallest = self._test.detectable(self.alpha) - allowed
        seen = f"better by {smallest:.4g} is seen in 8 of 10 trainings"
        if surplus <= 0:
            return seen
        half = self.difference.high - self.difference.mean
        nights = math.ceil(self.values.nights * (half / surplus) ** 2)
        if nights > MOST_NIGHTS:
            return seen
        return f"about {nights} such nights, if it is as it looks; {seen}"
