"""``shadow.*``: what a challenger in shadow is promised, on pairs whose truth is known, looked at every night.

World: two models whose differences by night are drawn by one rule (``gate_nights``), for 60 nights. From the tenth on
the evidence is looked at each night, and the first verdict counts. Nights remember their neighbours, some are storms,
and their sizes differ. A run is a pair of its own; limits are one-sided, 95 %. The plain sequence is measured beside.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from benchmarks.gate import Share
from benchmarks.gate_nights import MEMORIES, REMEMBERING, STORM, STUDENT, UNEVEN_SIZES, NightWorld, remembering
from benchmarks.world import World
from nightshift.modelling.arrays import Float64s, Int64s
from nightshift.modelling.gate.sequence import LEAST_NIGHTS, NightDifference, boundary, interval
from nightshift.modelling.gate.spending import spent
from nightshift.modelling.metrics import Difference

SEED = 20261126
NIGHTS = 60
RUNS = 4_000
PLAIN_RUNS = 1_000
LIVES = 1_000
CHALLENGERS = 5
CONFIDENCE = 0.95
GAINS = (0.25, 0.5, 0.75, 1.0)
"""In standard deviations of a night."""
HARDLY = 1.0
"""Standard errors of independent nights: every rule asks for twice as many at least."""
Rule: TypeAlias = Callable[[Sequence[NightDifference], float], Difference | None]


def stormy(memory: float, name: str, *, are_uneven: bool) -> NightWorld:
    """Rare nights on which the challenger is much worse, of which one brings the next."""
    calm = remembering(memory)

    def draw(random: np.random.Generator, runs: int, nights: int) -> Float64s:
        logarithms = STORM * calm(random, runs, nights)
        square = STORM**2
        spread = ((np.exp(square) - 1) * np.exp(square)) ** 0.5
        return np.asarray((np.exp(logarithms) - np.exp(square / 2)) / spread)

    return NightWorld(name, draw, are_uneven)


CALM = tuple(NightWorld(f"memory_{memory}", remembering(memory), are_uneven=True) for memory in MEMORIES)
STORMY = tuple(stormy(memory, f"storms_{memory}", are_uneven=True) for memory in MEMORIES)
EVEN = (NightWorld("memory_0.5_even", remembering(0.5)), stormy(0.5, "storms_0.5_even", are_uneven=False), STUDENT)


@dataclass(frozen=True)
class Ends:
    """How many pairs ended with a promotion, and on which nights."""

    promoted: Share
    nights: list[int]

    @property
    def median(self) -> float:
        """Half of those that were promoted had so many nights; 0 where none was."""
        return float(np.median(self.nights)) if self.nights else 0.0


def figures(world: World) -> dict[str, float]:
    """Errors over 60 nights and over a champion's life, and which gains are seen."""
    measured = {"shadow.seed": float(SEED), "shadow.runs": float(RUNS), "shadow.lives": float(LIVES)}
    measured |= _false_promotions(world)
    measured |= _lives(world)
    measured |= _power(world)
    return measured


def plain(nights: Sequence[NightDifference], alpha: float) -> Difference | None:
    """The sequence as it is published: nightly means, their standard deviation, the boundary."""
    if len(nights) < LEAST_NIGHTS:
        return None
    means = np.array([night.difference / night.rows for night in nights])
    error = float(means.std(ddof=1)) / len(means) ** 0.5
    half = boundary(len(means), alpha) * error
    middle = float(means.mean())
    return Difference(middle, middle - half, middle + half)


def promotions(
    nights_of: NightWorld, runs: int, *, gain: float = 0.0, rule: Rule = interval, look: int = 1, seed: int = 0
) -> Ends:
    """How many of some challengers that are better by ``gain`` take over, looked at every night."""
    differences, rows = nights_of.differences([SEED, look, seed], runs, NIGHTS)
    alpha = spent(CONFIDENCE, look)
    ends = []
    for of_run, rows_of_run in zip(differences - gain, rows, strict=True):
        end = _first_promotion(of_run, rows_of_run, alpha, rule)
        if end:
            ends.append(end)
    return Ends(Share(nights_of.name, len(ends), runs), ends)


def _first_promotion(differences: Float64s, rows: Int64s, alpha: float, rule: Rule) -> int | None:
    nights = []
    for place, (difference, size) in enumerate(zip(differences, rows, strict=True), 1):
        nights.append(NightDifference(str(place), int(size), float(difference * size)))
        if place < LEAST_NIGHTS or not _may_be_better(differences[:place], rows[:place]):
            continue
        known = rule(nights, alpha)
        if known is not None and known.better:
            return place
    return None


def _may_be_better(differences: Float64s, rows: Int64s) -> bool:
    """Whether a look is worth its time: of a mean this near to 0 no rule here says that it is below."""
    mean = float(np.average(differences, weights=rows))
    error = float(differences.std()) / len(rows) ** 0.5
    return mean < -HARDLY * error


def _false_promotions(world: World) -> dict[str, float]:
    cells = []
    measured: dict[str, float] = {}
    for nights_of in (*CALM, *STORMY, *EVEN):
        share = promotions(nights_of, RUNS).promoted
        former = promotions(nights_of, PLAIN_RUNS, rule=plain).promoted
        cells.append(share)
        measured[f"shadow.false_promotions_{nights_of.name}"] = share.value
        measured[f"shadow.plain_{nights_of.name}"] = former.value
        world.console.print(
            f"{nights_of.name}: {share.value:.2%} of equals, at most {share.limit:.2%}; plain {former.value:.1%}"
        )
    worst = max(cells, key=lambda cell: cell.limit)
    return measured | worst.figures("shadow.false_promotions")


def _lives(world: World) -> dict[str, float]:
    """Of champions with several equal challengers in their shadow, one after the other: one that takes over is one."""
    cells = []
    for nights_of in (CALM[-1], STORMY[1], STORMY[-1]):
        times = sum(_is_ever_replaced(nights_of, life) for life in range(LIVES))
        share = Share(nights_of.name, times, LIVES)
        world.console.print(f"{nights_of.name}: {share.value:.2%} of lives, at most {share.limit:.2%}")
        cells.append(share)
    return max(cells, key=lambda cell: cell.limit).figures("shadow.false_promotions_life")


def _is_ever_replaced(nights_of: NightWorld, life: int) -> bool:
    looks = range(1, CHALLENGERS + 1)
    return any(promotions(nights_of, 1, look=look, seed=life + 1).nights for look in looks)


def _power(world: World) -> dict[str, float]:
    """Of gains in standard deviations of a night, and the nights that those which are seen take."""
    measured = {}
    for nights_of in (*REMEMBERING, UNEVEN_SIZES):
        for gain in GAINS:
            ends = promotions(nights_of, PLAIN_RUNS, gain=gain)
            name = f"{gain}_{nights_of.name}"
            measured[f"shadow.power_{name}"] = round(ends.promoted.value, 4)
            measured[f"shadow.nights_{name}"] = ends.median
            world.console.print(f"gain {name}: {ends.promoted.value:.0%}, half of them by night {ends.median:.0f}")
    return measured
