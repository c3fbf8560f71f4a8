"""The line until now: the largest distance of one night over all features, from the reference's own nights.

As ``monitoring.drift.measure`` was, for all features at once, so that it can stand beside what is there now.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.alarm_counts import Counted, CountedNight
from benchmarks.alarm_rules import total
from nightshift.modelling.arrays import Float64s, Int64s
from nightshift.profiles import distance

RATE = 0.01
TAIL_SHARE = 0.2
MIN_TAIL = 7
SMALLEST_SPREAD = 0.01
NORMAL_EXCESS = 0.558


@dataclass(frozen=True)
class FormerLine:
    """The reference, and the level, mean excess and bins of each feature; all (features, ...)."""

    counts: Int64s
    level: Float64s
    mean_excess: Float64s
    bins: Int64s
    usual_rows: float
    line: float


class Former:
    """One line for the largest statistic of a night."""

    name = "former"

    def fit(self, reference: Counted) -> FormerLine:
        """From each night's distance to all others."""
        blocks = np.stack([night.block for night in reference.nights])
        counts = total(reference)
        stretched = distance.stretched(distance.between(blocks, counts - blocks)).T
        level, mean_excess = _tail(stretched)
        level_of_others, excess_of_others = _tail(_without_each(stretched))
        statistics = (stretched - level_of_others) / np.maximum(excess_of_others, SMALLEST_SPREAD)
        line = max(_prediction_limit(statistics.max(axis=0)), math.log1p(TAIL_SHARE / RATE))
        rows = np.median([night.rows for night in reference.nights])
        return FormerLine(counts, level, mean_excess, np.count_nonzero(counts, axis=-1), float(rows), line)

    def alarm(self, state: FormerLine, night: CountedNight, history: Sequence[CountedNight]) -> bool:
        """Whether the night's largest statistic passes."""
        scarcity = max(1 / night.rows - 1 / state.usual_rows, 0.0) / (8 * math.log(2))
        squared = distance.unstretched(state.level) ** 2
        level = distance.stretched(np.sqrt(squared + (state.bins - 1) * scarcity))
        noise = NORMAL_EXCESS * (scarcity / 2) ** 0.5 * np.exp(level)
        scale = np.hypot(np.maximum(state.mean_excess, SMALLEST_SPREAD), noise)
        statistics = (distance.stretched(distance.between(night.block, state.counts)) - level) / scale
        return bool(statistics.max() > state.line)


def _without_each(values: Float64s) -> Float64s:
    """Values (features, n) without each: (features, n, n - 1)."""
    nights = values.shape[-1]
    is_itself = np.eye(nights, dtype=bool)
    repeated = np.broadcast_to(values[:, None, :], (len(values), nights, nights))
    return np.asarray(repeated[:, ~is_itself].reshape(len(values), nights, nights - 1))


def _tail(values: Float64s) -> tuple[Float64s, Float64s]:
    ordered = -np.sort(-values, axis=-1)
    k = max(round(TAIL_SHARE * values.shape[-1]), min(MIN_TAIL, values.shape[-1] // 2), 1)
    level = ordered[..., k]
    return level, ordered[..., :k].mean(axis=-1) - level


def _prediction_limit(statistics: Float64s) -> float:
    """That of one further night, for an exponential tail of the upper fifth."""
    level, mean_excess = _tail(statistics)
    k = max(round(TAIL_SHARE * len(statistics)), min(MIN_TAIL, len(statistics) // 2), 1)
    inside = RATE * (len(statistics) + 1) / (k + 1)
    return float(level + mean_excess * k * (inside ** (-1 / k) - 1))
