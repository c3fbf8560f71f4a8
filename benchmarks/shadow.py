"""``shadow.*``: what a challenger in shadow is promised, on pairs whose truth is known, looked at every night.

World: two models whose differences by night are drawn by one rule (``gate_nights``), for 60 nights. From the tenth on
the evidence is looked at each night, and the first verdict counts. Nights remember their neighbours, some are storms,
and their sizes differ. A run is a pair of its own; limits are one-sided, 95 %. The plain sequence is measured beside.
"""

from dataclasses import dataclass

import numpy as np

from benchmarks.gate import Share
from benchmarks.gate_nights import MEMORIES, REMEMBERING, STORM, STUDENT, UNEVEN_SIZES, NightWorld, remembering
from benchmarks.shadow_rules import Highs, plain, present
from benchmarks.world import World
from nightshift.modelling.arrays import Array, Float64s
from nightshift.modelling.gate.sequence import LEAST_NIGHTS
from nightshift.modelling.gate.spending import spent

SEED = 20261126
NIGHTS = 60
RUNS = 10_000
CHALLENGERS = 5
CONFIDENCE = 0.95
GAINS = (0.25, 0.5, 0.75, 1.0)
"""In standard deviations of a night."""


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
LIVING = (CALM[-1], STORMY[1], STORMY[-1])
"""Those whose champions have several challengers."""


@dataclass(frozen=True)
class Ends:
    """How many pairs ended with a promotion, and on which nights: 0 where it never came."""

    promoted: Share
    by_pair: Array

    @property
    def nights(self) -> list[int]:
        """Of those that were promoted."""
        return [int(night) for night in self.by_pair if night]

    @property
    def median(self) -> float:
        """Half of those that were promoted had so many nights; 0 where none was."""
        return float(np.median(self.nights)) if self.nights else 0.0


def figures(world: World) -> dict[str, float]:
    """Errors over 60 nights and over a champion's life, and which gains are seen."""
    measured = {"shadow.seed": float(SEED), "shadow.runs": float(RUNS)}
    measured |= _false_promotions(world)
    measured |= _later_challengers(world)
    measured |= _lives(world)
    measured |= _power(world)
    return measured


def promotions(
    nights_of: NightWorld,
    runs: int,
    *,
    gain: float = 0.0,
    rule: Highs = present,
    look: int = 1,
) -> Ends:
    """How many of some challengers that are better by ``gain`` take over, looked at every night."""
    differences, rows = nights_of.differences([SEED, look], runs, NIGHTS)
    alpha = spent(CONFIDENCE, look)
    ends = np.zeros(runs, dtype=int)
    for nights in range(LEAST_NIGHTS, NIGHTS + 1):
        highs = rule(differences[:, :nights] - gain, rows[:, :nights], alpha)
        ends[(highs < 0) & (ends == 0)] = nights
    times = int(np.count_nonzero(ends))
    return Ends(Share(nights_of.name, times, runs), ends)


def _false_promotions(world: World) -> dict[str, float]:
    cells = []
    measured: dict[str, float] = {}
    for nights_of in (*CALM, *STORMY, *EVEN):
        share = promotions(nights_of, RUNS).promoted
        former = promotions(nights_of, RUNS, rule=plain).promoted
        cells.append(share)
        measured |= share.figures(f"shadow.false_promotions_{nights_of.name}")
        measured[f"shadow.plain_{nights_of.name}"] = former.value
        world.console.print(
            f"{nights_of.name}: {share.value:.2%} of equals, at most {share.limit:.2%}; plain {former.value:.1%}"
        )
    return measured | _worst(cells).figures("shadow.false_promotions")


def _later_challengers(world: World) -> dict[str, float]:
    """The second and the third in one champion's shadow are asked for less."""
    measured: dict[str, float] = {}
    for nights_of in LIVING:
        for look in (2, 3):
            share = promotions(nights_of, RUNS, look=look).promoted
            measured |= share.figures(f"shadow.false_promotions_{nights_of.name}_challenger_{look}")
            asked = spent(CONFIDENCE, look)
            world.console.print(f"{nights_of.name}, challenger {look}: {share.value:.2%}, asked for {asked:.2%}")
    return measured


def _lives(world: World) -> dict[str, float]:
    """Of champions with several equal challengers in their shadow, one after the other: one that takes over is one."""
    cells = []
    measured: dict[str, float] = {}
    for nights_of in LIVING:
        is_replaced = np.zeros(RUNS, dtype=bool)
        for look in range(1, CHALLENGERS + 1):
            is_replaced |= promotions(nights_of, RUNS, look=look).by_pair > 0
        share = Share(nights_of.name, int(is_replaced.sum()), RUNS)
        measured |= share.figures(f"shadow.false_promotions_life_{nights_of.name}")
        world.console.print(f"{nights_of.name}: {share.value:.2%} of lives, at most {share.limit:.2%}")
        cells.append(share)
    return measured | _worst(cells).figures("shadow.false_promotions_life")


def _worst(cells: list[Share]) -> Share:
    return max(cells, key=lambda cell: cell.limit)


def _power(world: World) -> dict[str, float]:
    """Of gains in standard deviations of a night, and the nights that those which are seen take."""
    measured: dict[str, float] = {}
    for nights_of in (*REMEMBERING, UNEVEN_SIZES):
        for gain in GAINS:
            ends = promotions(nights_of, RUNS, gain=gain)
            name = f"{gain}_{nights_of.name}"
            measured[f"shadow.power_{name}"] = ends.promoted.value
            measured[f"shadow.power_{name}_low"] = ends.promoted.low
            measured[f"shadow.nights_{name}"] = ends.median
            world.console.print(f"gain {name}: {ends.promoted.value:.1%}, half of them by night {ends.median:.0f}")
    return measured
