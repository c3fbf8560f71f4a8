"""``gate.*``: what the gate promises, on pairs whose truth is known, for any rule that takes night differences.

World: equal models, whose differences by night are drawn by one rule (``gate_nights``). A run is a pair of its own;
limits are one-sided, 95 %, over whole independent runs. The former rule, a percentile bootstrap over nights, is
measured beside the gate's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.gate_nights import (
    REMEMBERING,
    STORMS,
    STUDENT,
    UNEVEN_SIZES,
    NightWorld,
    limit,
    remembering,
    standard_error,
)
from benchmarks.gate_rules import Gate, former, present
from benchmarks.world import World

SEED = 20261126
RUNS = 6_000
FORMER_RUNS = 2_000
YEARS = 1_500
LOOKS = 26
NIGHTS = (7, 14, 28)
# In standard deviations of a night: what *not worse* allows in the simulation.
MARGIN = 0.25


@dataclass(frozen=True)
class Share:
    """How many of some runs."""

    name: str
    times: int
    runs: int

    @property
    def value(self) -> float:
        """The share itself."""
        return self.times / self.runs

    @property
    def limit(self) -> float:
        """Its upper bound."""
        return limit(self.times, self.runs)

    @property
    def low(self) -> float:
        """Its lower bound."""
        return 1 - limit(self.runs - self.times, self.runs)

    def figures(self, name: str) -> dict[str, float]:
        """With its bound."""
        return {name: self.value, f"{name}_limit": self.limit}


def figures(world: World) -> dict[str, float]:
    """The gate's errors and power on night differences, the former gate's errors beside them."""
    measured = {"gate.seed": float(SEED), "gate.runs": float(RUNS), "gate.years": float(YEARS)}
    measured |= _of_former(world)
    measured |= _false_promotions(world)
    measured |= _year(world)
    measured |= _night_power(world)
    return measured


def promotions(
    gate: Gate,
    nights_of: NightWorld,
    nights: int,
    runs: int,
    *,
    truth: float = 0.0,
    allowed: float = 0.0,
    look: int = 1,
) -> tuple[Share, Share]:
    """How often a challenger that is worse by ``truth`` passes as not worse than ``allowed``; and inconclusive ones."""
    seed = [SEED, nights, look, int(100 * allowed)]
    differences, rows = nights_of.differences(seed, runs, nights)
    passed = 0
    silent = 0
    for of_run, rows_of_run in zip(differences + truth, rows, strict=True):
        interval = gate(of_run, rows_of_run, look)
        is_passed = interval.high <= allowed if allowed else interval.better
        passed += is_passed
        silent += not is_passed and not interval.worse
    name = f"{nights_of.name}, {nights} nights"
    return Share(name, passed, runs), Share(name, silent, runs)


def _of_former(world: World) -> dict[str, float]:
    """What the former rule promotes: held against shared figures of it, the simulator is right."""
    measured: dict[str, float] = {}
    for nights in (1, 2, 3, 5, 7, 10, 14, 28, 56):
        share, _ = promotions(former, REMEMBERING[0], nights, FORMER_RUNS)
        measured[f"gate.former_{nights}_nights"] = share.value
    others = (*REMEMBERING[1:], NightWorld("memory_0.8", remembering(0.8)), STUDENT, STORMS, UNEVEN_SIZES)
    for nights_of in others:
        share, _ = promotions(former, nights_of, 14, FORMER_RUNS)
        measured[f"gate.former_{nights_of.name}"] = share.value
    for name, value in measured.items():
        world.console.print(f"{name}: {value:.1%} of equals promoted")
    return measured


def _false_promotions(world: World) -> dict[str, float]:
    cells: list[Share] = []
    silent: list[Share] = []
    for nights_of in REMEMBERING:
        for nights in NIGHTS:
            for difference in (0.0, MARGIN):
                passed, inconclusive = promotions(
                    present, nights_of, nights, RUNS, truth=difference, allowed=difference
                )
                cells.append(passed)
                silent.append(inconclusive)
    worst = _worst(world, "gate.false_promotions", cells)
    others: dict[str, float] = {}
    for nights_of in (STUDENT, STORMS, UNEVEN_SIZES):
        name = f"gate.false_promotions_{nights_of.name}"
        shares = [promotions(present, nights_of, nights, RUNS)[0] for nights in NIGHTS]
        others |= _worst(world, name, shares)
    shares_silent = [share.value for share in silent]
    return {
        **worst,
        **others,
        "gate.inconclusive_least": min(shares_silent),
        "gate.inconclusive_most": max(shares_silent),
    }


def _worst(world: World, name: str, cells: Sequence[Share]) -> dict[str, float]:
    for cell in cells:
        world.console.print(f"{name}: {cell.name}: {cell.value:.2%}, at most {cell.limit:.2%} (95 %)")
    return max(cells, key=lambda cell: cell.limit).figures(name)


def _year(world: World) -> dict[str, float]:
    """A year of one champion: 26 equal challengers, each with nights of its own; one of them passing is an error."""
    nights_of = REMEMBERING[1]
    years = [Share(f"{nights} nights", sum(_promoted_in_a_year(nights_of, nights)), YEARS) for nights in NIGHTS]
    of_former = 1.0
    for look in range(1, LOOKS + 1):
        share, _ = promotions(former, REMEMBERING[0], 14, 200, look=look)
        of_former *= 1 - share.value
    return {**_worst(world, "gate.false_promotions_year", years), "gate.former_year": 1 - of_former}


def _promoted_in_a_year(nights_of: NightWorld, nights: int) -> Iterator[bool]:
    for year in range(YEARS):
        differences, rows = nights_of.differences([SEED, nights, 0, year], LOOKS, nights)
        pairs = zip(differences, rows, strict=True)
        yield any(present(of_look, rows_of_look, look).better for look, (of_look, rows_of_look) in enumerate(pairs, 1))


def _night_power(world: World) -> dict[str, float]:
    """Of the test alone, on 28 nights, for a challenger better by so many true standard errors of their mean."""
    measured = {}
    for nights_of, memory in zip(REMEMBERING, (0.0, 0.3, 0.5), strict=True):
        for errors in (3, 4):
            truth = -errors * standard_error(memory, 28)
            share, _ = promotions(present, nights_of, 28, RUNS // 5, truth=truth)
            measured[f"gate.test_power_{errors}_{nights_of.name}"] = share.value
    world.console.print(", ".join(f"{name}: {value:.1%}" for name, value in measured.items()))
    return {name: float(np.round(value, 4)) for name, value in measured.items()}
