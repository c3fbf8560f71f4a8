"""The line of one series over several nights: by simulation, for so many reference nights that so depend on another.

``limits.json`` is made by ``python -m benchmarks.drift_limits``: quiet series of AR(1) nights, each with a reference of
its own from which mean, spread and correlation are estimated as they are here, and the alarms that open in the 60
nights after it counted as episodes are. So the doubt of these estimates is in the line.
"""

import json
from functools import cache
from importlib.resources import files

import numpy as np
from scipy.interpolate import RegularGridInterpolator

from nightshift.modelling.arrays import Float64s

FEWEST_NIGHTS = 10
MOST_CORRELATED = 0.93
"""Beyond it a series of months is one night long: nothing can be promised of it."""


def limit_of(nights: int, correlations: Float64s, rates: Float64s) -> Float64s:
    """Of each series (series,), passed once in 1 / rate quiet nights; infinite where nothing can be promised."""
    if nights < FEWEST_NIGHTS:
        return np.full(correlations.shape, np.inf)
    table = _table()
    sizes, _, by_rate = table.grid
    asked = np.clip(np.log(rates), by_rate[0], by_rate[-1])
    inside = np.minimum(correlations, MOST_CORRELATED)
    size = np.clip(np.log(nights), sizes[0], sizes[-1])
    points = np.empty((correlations.size, 3))
    points[:, 0] = size
    points[:, 1] = inside
    points[:, 2] = asked
    limits = table(points)
    is_one_night = correlations > MOST_CORRELATED
    return np.where(is_one_night, np.inf, limits)


@cache
def _table() -> RegularGridInterpolator:
    file = files("nightshift.monitoring.drift") / "limits.json"
    table = json.loads(file.read_text())
    sizes = np.log(table["nights"])
    rates = np.log(table["rates"])
    lines = np.asarray(table["lines"])
    # From the smallest rate on.
    return RegularGridInterpolator(
        (sizes, table["correlations"], rates[::-1]),
        lines[:, :, ::-1],
    )
