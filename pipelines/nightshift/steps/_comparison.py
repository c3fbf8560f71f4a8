"""A recipe against the champion's, on nights that neither was fitted on."""

from dataclasses import asdict, dataclass, field, replace
from typing import Literal, Self, TypeAlias

from nightshift.modelling.arrays import Floats
from nightshift.modelling.gate import compare, worse_slices
from nightshift.modelling.holdout import LabelledRows
from nightshift.modelling.metrics import row_losses
from nightshift.spec import ModelSpec

Aim: TypeAlias = Literal["better", "not_worse"]


@dataclass(frozen=True)
class Comparison:
    """What came of a comparison in a sentence, what speaks against the challenger, and the numbers."""

    outcome: str
    objections: list[str] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)

    def named(self, version: str) -> Self:
        """The same for people, who know the champion by its number."""
        name = f"version {version}"
        outcome = self.outcome.replace("the champion", name)
        objections = [objection.replace("the champion", name) for objection in self.objections]
        return replace(self, outcome=outcome, objections=objections)

    def with_note(self, note: str) -> Self:
        """The same, and of which nights it is."""
        if not note:
            return self
        outcome = f"{self.outcome}; {note}"
        objections = [*self.objections, note] if self.objections else []
        return replace(self, outcome=outcome, objections=objections)


def judge(
    spec: ModelSpec, rows: LabelledRows, challenger: Floats, champion: Floats, *, look: int, aim: Aim
) -> Comparison:
    """Scores of the same rows, (n,) or (n, k), by the spec's gates."""
    losses = row_losses(spec.metric, rows.labels, challenger)
    champion_losses = row_losses(spec.metric, rows.labels, champion)
    difference = compare(spec, losses, champion_losses, rows.nights)
    outcome = (
        f"{spec.metric} {difference.mean:+.4f} against the champion"
        f" ({spec.gates.confidence:.0%} interval {difference.low:+.4f} to {difference.high:+.4f})"
    )
    objections = []
    if not difference.better:
        objections.append(f"{outcome}: {'worse' if difference.worse else 'inconclusive'}")
    for column in spec.gates.slices:
        objections += worse_slices(spec, column, rows, losses, champion_losses)
    comparison = {f"gate_{name}": value for name, value in asdict(difference).items()}
    comparison[f"gate_champion_{spec.metric}"] = float(champion_losses.mean())
    return Comparison(outcome, objections, comparison)
