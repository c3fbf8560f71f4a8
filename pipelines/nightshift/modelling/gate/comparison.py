"""What a comparison with the champion says: objections, a sentence, numbers, a table."""

from dataclasses import asdict, dataclass, field, replace
from typing import Literal, TypeAlias

from nightshift.modelling.metrics import Difference

Aim: TypeAlias = Literal["better", "not_worse"]
Plain: TypeAlias = str | float | None


@dataclass(frozen=True)
class GateRow:
    """One question of the gate. ``needed`` is what another verdict would have needed, or what could not be seen."""

    name: str
    estimate: float | None
    low: float | None
    high: float | None
    verdict: str
    needed: str = ""

    @classmethod
    def of(cls, name: str, verdict: str, difference: Difference | None) -> "GateRow":
        """One whose interval is that of a difference, if one is known."""
        if difference is None:
            return cls(name, None, None, None, verdict)
        return cls(name, difference.mean, difference.low, difference.high, verdict)

    def flat(self) -> dict[str, Plain]:
        """One plain value per column: it travels between tasks."""
        return asdict(self)


@dataclass(frozen=True)
class Answer:
    """Rows of the table to one question, and what speaks against the candidate."""

    table: list[GateRow]
    objections: list[str]


@dataclass(frozen=True)
class Comparison:
    """``outcome`` is one sentence; ``inconclusive``: nothing is wrong, but the nights do not say enough."""

    objections: list[str]
    outcome: str
    metrics: dict[str, float] = field(default_factory=dict)
    table: list[GateRow] = field(default_factory=list)
    inconclusive: bool = False

    def with_answer(self, answer: Answer) -> "Comparison":
        """With another question, whose objections are no lack of evidence."""
        return replace(
            self,
            objections=[*self.objections, *answer.objections],
            table=[*self.table, *answer.table],
            inconclusive=self.inconclusive and not answer.objections,
        )

    @property
    def flat_table(self) -> list[dict[str, Plain]]:
        """For a verdict."""
        rows = []
        for row in self.table:
            rows.append(row.flat())
        return rows
