"""The readout of an A/B test by nights: what each of two versions did with its rows, and how far they are apart.

A fixed horizon holds for who looks once, at a number of nights that was chosen before. The sequence holds for who looks
every night and stops when they like, and is wider for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nightshift.modelling.gate.groups import GroupedNight, GroupSums, harm, lasting_variance
from nightshift.modelling.gate.night_values import of_nights
from nightshift.modelling.gate.nights import NightTest, night_test
from nightshift.modelling.gate.sequence import NightDifference
from nightshift.modelling.metrics import Difference
from nightshift.monitoring.canary.record import LOSS, PREDICTED, SCORE, CanaryNight

LEAST_NIGHTS = 2
"""One night says nothing of the next."""


@dataclass(frozen=True)
class FigureReading:
    """One figure by versions, each a mean of rows with its interval by nights; None where these do not define it.

    ``difference`` is the canary's less the champion's, for one look at so many nights; ``sequence`` the same for a
    look every night.
    """

    name: str
    nights: int
    champion: Difference | None
    canary: Difference | None
    difference: Difference | None
    sequence: Difference | None


def readings(nights: Sequence[CanaryNight], confidence: float) -> list[FigureReading]:
    """What nights of one canary say, at this confidence: shares and scores of all rows, and losses of labelled ones."""
    return [_reading(name, nights, 1 - confidence) for name in (PREDICTED, SCORE, LOSS)]


def _reading(name: str, nights: Sequence[CanaryNight], errors: float) -> FigureReading:
    figures = [night.grouped(name) for night in nights]
    grouped = [night for night in figures if night is not None]
    reading = FigureReading(name, len(grouped), None, None, None, None)
    if len(grouped) < LEAST_NIGHTS:
        return reading
    of_champion = [night.champion for night in grouped]
    of_canary = [night.canary for night in grouped]
    return replace(
        reading,
        champion=_level(of_champion, errors),
        canary=_level(of_canary, errors),
        difference=fixed_horizon(grouped, errors),
        sequence=harm(grouped, errors / 2),
    )


def _level(groups: Sequence[GroupSums], errors: float) -> Difference:
    sums = np.array([group.total for group in groups])
    rows = np.array([group.rows for group in groups], dtype=np.int64)
    return night_test(of_nights(sums, rows)).interval(errors / 2)


def fixed_horizon(nights: Sequence[GroupedNight], errors: float) -> Difference:
    """The canary's mean of a row less the champion's, which is outside with probability ``errors`` at one look."""
    evidence = [night.evidence for night in nights]
    test = _test(evidence)
    error = float(np.hypot(test.standard_error, lasting_variance(nights) ** 0.5))
    return replace(test, standard_error=error).interval(errors / 2)


def _test(nights: Sequence[NightDifference]) -> NightTest:
    sums = np.array([night.difference for night in nights])
    rows = np.array([night.rows for night in nights], dtype=np.int64)
    return night_test(of_nights(sums, rows))
