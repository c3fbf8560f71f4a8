"""Makes ``monitoring/drift/limits.json``: which line of one series over several nights opens an alarm how often.

``python -m benchmarks.drift_limits FILE``; minutes on one core. Each replicate is a series of its own.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from nightshift.monitoring.drift.nights import autocorrelation
from nightshift.monitoring.drift.scores import scores_among
from nightshift.monitoring.drift.statistics import statistics

SEED = 20260101
REPLICATES = 30_000
NIGHTS = (10, 14, 20, 30, 45, 60, 90, 150, 300)
CORRELATIONS = (0.0, 0.2, 0.4, 0.55, 0.7, 0.8, 0.88, 0.93)
RATES = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6, 3e-7)
GAP = 2
LATER = 60
HISTORY = 28
# An alarm is another one after so many quiet nights.
QUIET = 3
# A line that fewer openings have shown is taken from the tail of those that more have.
SHOWN = 30
LINES = np.arange(1.0, 14.0, 0.05)
Floats = NDArray[Any]


def main() -> None:
    """Write the table."""
    lines = [[_lines(nights, correlation) for correlation in CORRELATIONS] for nights in NIGHTS]
    table = {"nights": NIGHTS, "correlations": CORRELATIONS, "rates": RATES, "lines": lines}
    Path(sys.argv[1]).write_text(json.dumps(table) + "\n")


def _lines(nights: int, correlation: float) -> list[float]:
    """For each rate, of series whose neighbours have this correlation."""
    rng = np.random.default_rng([SEED, nights, int(100 * correlation)])
    largest, _ = quiet(rng, nights, correlation, REPLICATES)
    rates = np.array([opened(largest, line).mean() for line in LINES])
    found = [round(_line(rates, rate), 3) for rate in RATES]
    print(nights, correlation, found, flush=True)
    return found


def quiet(rng: np.random.Generator, nights: int, correlation: float, replicates: int) -> tuple[Floats, Floats]:
    """Of each later night (nights, replicates) the statistic, and each replicate's estimated correlation."""
    values = _series(rng, nights + GAP + LATER, correlation, replicates)
    reference = values[:nights]
    ranks = reference.argsort(axis=0).argsort(axis=0)
    own = stats.norm.ppf((ranks + 0.5) / nights)
    estimated = autocorrelation(own)
    scores = scores_among(values[nights + GAP :], np.sort(reference, axis=0))
    largest = []
    for last in range(LATER):
        first = max(0, last - HISTORY)
        largest.append(statistics(scores[first : last + 1], estimated, nights).largest)
    return np.stack(largest), estimated


def _series(rng: np.random.Generator, nights: int, correlation: float, replicates: int) -> Floats:
    values = np.empty((nights, replicates))
    values[0] = rng.normal(size=replicates)
    fresh = np.sqrt(1 - correlation**2)
    for night in range(1, nights):
        values[night] = correlation * values[night - 1] + fresh * rng.normal(size=replicates)
    return values


def opened(largest: Floats, line: Floats | float) -> NDArray[np.bool_]:
    """Which nights open an alarm: they pass the line, and none of the few before did."""
    alarms = largest > line
    opening = alarms.copy()
    for back in range(1, QUIET + 1):
        opening[back:] &= ~alarms[:-back]
    return opening


def _line(rates: Floats, rate: float) -> float:
    """By the logarithm of the rate, which beyond what was seen falls on as it did."""
    shown = rates >= SHOWN / (REPLICATES * LATER)
    last = int(np.flatnonzero(shown).max())
    peak = int(rates[: last + 1].argmax())
    falling = np.log(rates[peak : last + 1])
    lines = LINES[peak : last + 1]
    if np.log(rate) >= falling[-1]:
        return float(np.interp(-np.log(rate), -falling, lines))
    tail = falling < falling[-1] + 2
    slope, _ = np.polyfit(lines[tail], falling[tail], 1)
    return float(lines[-1] + (np.log(rate) - falling[-1]) / slope)


if __name__ == "__main__":
    main()
