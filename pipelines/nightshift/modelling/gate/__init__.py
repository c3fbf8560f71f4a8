"""The gate: what speaks against a candidate, and whether its nights say that it is better."""

from nightshift.modelling.gate.behaviour import Behaviour, judge_behaviour
from nightshift.modelling.gate.comparison import Aim, Answer, Comparison, GateRow
from nightshift.modelling.gate.floors import floors
from nightshift.modelling.gate.judge import judge
from nightshift.modelling.gate.slices import judge_slices

__all__ = [
    "Aim",
    "Answer",
    "Behaviour",
    "Comparison",
    "GateRow",
    "floors",
    "judge",
    "judge_behaviour",
    "judge_slices",
]
