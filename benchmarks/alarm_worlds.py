"""Worlds of nights whose truth is known: what a night's rows are drawn from, so that every quiet alarm is a false one.

``rows``: a night differs from the next by the rows it happened to have. ``night``: by the night as well, and some
features have one value in all rows of a night, as weather has. ``week``: by the day of the week. ``auto``: by a night
that remembers the last one, AR(1) with 0.8, and by means of the last three and seven.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import cycle, islice
from typing import TypeAlias

import numpy as np
from scipy import special

from nightshift.modelling.arrays import Float64s

MEMORY = 0.8
NIGHT_EFFECT = 0.1
"""Of a feature's mean, in standard deviations of its rows."""
WEEKDAY_EFFECT = 0.3
CONCENTRATION = 300
"""Of the Dirichlet that a night's categories are drawn from: a seventh of the rows is 0.14 +- 0.02 of a night's."""
WEEKDAY_CONCENTRATION = 100
MIDDLE = 15.0
SPREAD = 8.0
WEATHER = (10.0, 3.0)
DRY = 0.6
RAIN = 5.0
FEW = np.full(7, 1 / 7)
ZIPF = 1 / np.arange(1, 51)
MANY = ZIPF / ZIPF.sum()
DAYS = 7


@dataclass(frozen=True)
class Numbers:
    """A number's nights, all (nights,): each normal, or one value where its spread is 0."""

    mean: Float64s
    spread: Float64s
    null: Float64s


@dataclass(frozen=True)
class Texts:
    """A text's nights: the share of each category, (nights, categories), the last of which is never seen."""

    shares: Float64s
    null: Float64s


Latent: TypeAlias = Numbers | Texts
Draw: TypeAlias = Callable[[np.random.Generator, int], Latent]
"""From how many nights to what their rows are drawn from."""


@dataclass(frozen=True)
class Kind:
    """One kind of feature."""

    name: str
    draw: Draw


@dataclass(frozen=True)
class NightsWorld:
    """The kinds of features of a world, taken by turns."""

    name: str
    number: int
    kinds: tuple[Kind, ...]

    def features(self, count: int) -> list[Kind]:
        """So many of them."""
        return list(islice(cycle(self.kinds), count))


def series(random: np.random.Generator, nights: int, memory: float) -> Float64s:
    """Standard normal nights, each correlated so with the next."""
    values = random.normal(size=nights)
    fresh = (1 - memory**2) ** 0.5
    for night in range(1, nights):
        values[night] = memory * values[night - 1] + fresh * values[night]
    return values


def level(effect: float = NIGHT_EFFECT, memory: float = 0.0, weekday: float = 0.0) -> Draw:
    """A number that differs by row, about a mean that differs by night."""

    def draw(random: np.random.Generator, nights: int) -> Numbers:
        of_night = effect * series(random, nights, memory)
        of_day = weekday * random.normal(size=DAYS)
        mean = of_night + of_day[np.arange(nights) % DAYS]
        return _numbers(MIDDLE + SPREAD * mean, SPREAD)

    return draw


def weather(memory: float = 0.0) -> Draw:
    """One value in all rows of a night."""

    def draw(random: np.random.Generator, nights: int) -> Numbers:
        middle, spread = WEATHER
        return _numbers(middle + spread * series(random, nights, memory), 0.0)

    return draw


def rain(memory: float = 0.0) -> Draw:
    """One value in all rows of a night, and the same one on most nights."""

    def draw(random: np.random.Generator, nights: int) -> Numbers:
        passed = special.ndtr(series(random, nights, memory))
        left = np.minimum((1 - passed) / (1 - DRY), 1.0)
        return _numbers(-RAIN * np.log(left), 0.0)

    return draw


def trailing(window: int) -> Draw:
    """The mean of the last nights' weather."""

    def draw(random: np.random.Generator, nights: int) -> Numbers:
        middle, spread = WEATHER
        values = random.normal(middle, spread, nights + window - 1)
        return _numbers(np.convolve(values, np.full(window, 1 / window), "valid"), 0.0)

    return draw


def texts(base: Float64s, *, varies: bool = True, by_weekday: bool = False) -> Draw:
    """Categories whose shares differ by night, Dirichlet."""

    def draw(random: np.random.Generator, nights: int) -> Texts:
        shares = np.tile(base, (nights, 1))
        if by_weekday:
            of_day = random.dirichlet(WEEKDAY_CONCENTRATION * base, DAYS)
            shares = of_day[np.arange(nights) % DAYS]
        if varies:
            weights = random.standard_gamma(CONCENTRATION * shares)
            shares = weights / weights.sum(axis=1, keepdims=True)
        never_seen = np.zeros((nights, 1))
        return Texts(np.hstack([shares, never_seen]), np.zeros(nights))

    return draw


def _numbers(mean: Float64s, spread: float) -> Numbers:
    return Numbers(mean, np.full(len(mean), spread), np.zeros(len(mean)))


_ROWS = (
    *[Kind("level", level(effect=0.0))] * 5,
    Kind("few", texts(FEW, varies=False)),
    Kind("many", texts(MANY, varies=False)),
    Kind("level", level(effect=0.0)),
)
_NIGHT = (
    *[Kind("level", level())] * 3,
    Kind("weather", weather()),
    Kind("few", texts(FEW)),
    Kind("many", texts(MANY)),
    Kind("rain", rain()),
    Kind("level", level()),
)
_WEEK = (
    *[Kind("level", level(weekday=WEEKDAY_EFFECT))] * 5,
    Kind("few", texts(FEW, by_weekday=True)),
    Kind("many", texts(MANY, by_weekday=True)),
    Kind("level", level()),
)
_AUTO = (
    *[Kind("level", level(memory=MEMORY))] * 3,
    Kind("weather", weather(MEMORY)),
    Kind("few", texts(FEW)),
    Kind("trailing_3", trailing(3)),
    Kind("trailing_7", trailing(7)),
    Kind("many", texts(MANY)),
)
WORLDS: Mapping[str, NightsWorld] = {
    "rows": NightsWorld("rows", 1, _ROWS),
    "night": NightsWorld("night", 2, _NIGHT),
    "week": NightsWorld("week", 3, _WEEK),
    "auto": NightsWorld("auto", 4, _AUTO),
}
