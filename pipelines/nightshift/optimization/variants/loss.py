"""What a graph loses against the exact one: its mean over rows, with an interval that holds nights for the unit."""

import math

from nightshift.modelling.arrays import Float64s, Int64s
from nightshift.modelling.gate.nights import night_test, of_rows
from nightshift.modelling.metrics import Difference

FEWEST_NIGHTS = 3
"""Of fewer an interval says nothing."""


def loss_interval(lost: Float64s, nights: Int64s, *, confidence: float, tests: int = 1) -> Difference:
    """The mean of what rows lose, (n,), and its interval at a confidence that holds for ``tests`` graphs at once.

    It is the gate's own; for several graphs each end has its share of the errors (Bonferroni). Of fewer than
    ``FEWEST_NIGHTS`` nights it has no ends.
    """
    values = of_rows(lost, nights)
    if values.nights < FEWEST_NIGHTS:
        return Difference(values.estimate, low=-math.inf, high=math.inf)
    one_end = (1 - confidence) / 2
    return night_test(values).interval(one_end / tests)
