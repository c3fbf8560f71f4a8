"""Nights whose truth is known: differences of two models that are equal, (runs, nights), of standard deviation 1."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy import stats

from nightshift.modelling.arrays import Float64s, Int64s

Draw: TypeAlias = Callable[[np.random.Generator, int, int], Float64s]
ROWS = 1000
STORM = 0.9
"""Standard deviation of the logarithm of a storm; the former gate promotes 13 to 14 % of equals there."""
UNEVEN = 0.6


@dataclass(frozen=True)
class NightWorld:
    """How differences and sizes of nights are drawn."""

    name: str
    draw: Draw
    are_uneven: bool = False

    def differences(self, seed: list[int], runs: int, nights: int) -> tuple[Float64s, Int64s]:
        """Differences and rows, both (runs, nights)."""
        random = np.random.default_rng(seed)
        differences = self.draw(random, runs, nights)
        shape = (runs, nights)
        if not self.are_uneven:
            return differences, np.full(shape, ROWS)
        sizes = ROWS * np.exp(UNEVEN * random.normal(size=shape))
        return differences, np.maximum(sizes, 1).astype(np.int64)


def remembering(memory: float) -> Draw:
    """Normal nights, each correlated so with the next, AR(1)."""

    def draw(random: np.random.Generator, runs: int, nights: int) -> Float64s:
        values = random.normal(size=(runs, nights))
        fresh = (1 - memory**2) ** 0.5
        for night in range(1, nights):
            values[:, night] = memory * values[:, night - 1] + fresh * values[:, night]
        return values

    return draw


def student(random: np.random.Generator, runs: int, nights: int) -> Float64s:
    """Nights of t(3), most of them calm and some wild."""
    scale = 3**0.5
    return np.asarray(random.standard_t(3, size=(runs, nights)) / scale)


def storms(random: np.random.Generator, runs: int, nights: int) -> Float64s:
    """Rare nights on which the challenger is much worse."""
    draws = np.exp(STORM * random.normal(size=(runs, nights)))
    square = STORM**2
    spread = ((np.exp(square) - 1) * np.exp(square)) ** 0.5
    return np.asarray((draws - np.exp(square / 2)) / spread)


MEMORIES = (0.0, 0.3, 0.5)
REMEMBERING = tuple(NightWorld(f"memory_{memory}", remembering(memory)) for memory in MEMORIES)
STUDENT = NightWorld("t3", student)
STORMS = NightWorld("lognormal", storms)
UNEVEN_SIZES = NightWorld("sizes", remembering(0.0), are_uneven=True)


def standard_error(memory: float, nights: int) -> float:
    """Of the mean of so many remembering nights of standard deviation 1."""
    lags = np.arange(1, nights)
    shared = (1 - lags / nights) * memory**lags
    return float(((1 + 2 * shared.sum()) / nights) ** 0.5)


def limit(times: int, runs: int) -> float:
    """The 95 % upper bound of a probability seen so many times in so many independent runs (Clopper and Pearson)."""
    if times == runs:
        return 1.0
    return float(stats.beta.ppf(0.95, times + 1, runs - times))
