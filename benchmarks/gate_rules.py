"""Gates as the simulator takes them: what a rule says of night differences, all (n,), at a look."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from nightshift.modelling.arrays import Float64s, Int64s
from nightshift.modelling.gate.night_values import NightMeans
from nightshift.modelling.gate.nights import night_test
from nightshift.modelling.gate.spending import spent
from nightshift.modelling.metrics import Difference

Gate: TypeAlias = Callable[[Float64s, Int64s, int], Difference]
"""From the mean difference of each night, its rows and the look to an interval."""
CONFIDENCE = 0.95
RESAMPLES = 1000


def present(differences: Float64s, rows: Int64s, look: int) -> Difference:
    """The gate's own."""
    whole = float(np.average(differences, weights=rows))
    influence = rows * (differences - whole) / rows.mean()
    values = NightMeans(whole, influence, rows)
    return night_test(values).interval(spent(CONFIDENCE, look))


def former(differences: Float64s, rows: Int64s, look: int) -> Difference:
    """The gate until now: a percentile interval over resampled nights, the same at every look."""
    random = np.random.default_rng(0)
    drawn = random.integers(0, len(rows), size=(RESAMPLES, len(rows)))
    sums = differences * rows
    means = sums[drawn].sum(axis=1) / rows[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Difference(
        mean=float(np.average(differences, weights=rows)),
        low=float(low),
        high=float(high),
    )
