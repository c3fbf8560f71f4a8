"""``matters.*``: how often figures that inform pass their limits on quiet nights, where one in a hundred is asked.

World ``rows``: rows alone differ. ``night``: each night has levels of its own, of features and of outcomes. ``memory``:
these levels are remembered, AR(1) with 0.8. A replicate is a reference of its own and the nights after it; the bound is
one-sided, 95 %, over whole replicates. That an alarm of joint drift, or of harder rows, is seen is measured beside it.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from os import sched_getaffinity
from statistics import mean, stdev

import numpy as np
import pyarrow as pa

from benchmarks.world import World
from nightshift.modelling.arrays import Floats
from nightshift.modelling.holdout import LabelledRows
from nightshift.monitoring.matters import domain, estimate

SEED = 20261126
ESTIMATES = 200
DOMAINS = 16
LONG_ESTIMATES = 400
LONG_DOMAINS = 60
JUDGED_NIGHTS = 28
WINDOW_NIGHTS = 90
GAP = 2
LATER_NIGHTS = 20
ROWS = 300
FEATURES = 6
KEPT_ROWS = 44
"""Of a night of the window, as of 4,000."""
LIMIT_QUANTILE = 1.645
SHIFT = 0.75


@dataclass(frozen=True)
class QuietWorld:
    """How much of a feature is its night's, in standard deviations of a row, and how long that is remembered."""

    name: str
    level: float
    memory: float = 0.0


WORLDS = (QuietWorld("rows", 0.0), QuietWorld("night", 0.3), QuietWorld("memory", 0.3, 0.8))


@dataclass(frozen=True)
class MadeNight:
    """Features, scores that are a little too sure, and outcomes."""

    table: pa.Table
    scores: Floats
    labels: Floats


def figures(world: World) -> dict[str, float]:
    """Shares of quiet nights above their limits with their bounds, the worst world first, and of shifted nights."""
    return _measured(world, ESTIMATES, DOMAINS)


def long_figures(world: World) -> dict[str, float]:
    """The same over as many references as their bounds need."""
    return {f"{name}_long": value for name, value in _measured(world, LONG_ESTIMATES, LONG_DOMAINS).items()}


def _measured(world: World, estimates: int, domains: int) -> dict[str, float]:
    measured = {"matters.seed": float(SEED)}
    for name, runs, share_of in (
        ("estimate", estimates, estimates_above),
        ("domain", domains, areas_above),
    ):
        cells = {}
        for quiet in WORLDS:
            cells[quiet.name] = share_above(
                world, f"matters.{name}_false_share_{quiet.name}", runs, share_of, quiet, 0.0
            )
        worst = max(cells, key=lambda cell: cells[cell][1])
        measured[f"matters.{name}_false_share"] = cells[worst][0]
        measured[f"matters.{name}_false_share_limit"] = cells[worst][1]
        seen, _ = share_above(world, f"matters.{name}_shift_seen", max(runs // 10, 10), share_of, WORLDS[1], SHIFT)
        measured[f"matters.{name}_shift_seen"] = seen
    return measured


ShareOf = Callable[[np.random.Generator, QuietWorld, float], float]


@dataclass(frozen=True)
class Replicate:
    """One reference and the nights after it, to be watched in a process of its own."""

    share_of: ShareOf
    quiet: QuietWorld
    shift: float
    run: int

    def share(self) -> float:
        """Of its nights that pass their limit."""
        random = np.random.default_rng([SEED, self.run])
        return self.share_of(random, self.quiet, self.shift)


def share_above(
    world: World, name: str, runs: int, share_of: ShareOf, quiet: QuietWorld, shift: float
) -> tuple[float, float]:
    """The mean over replicates, and its upper bound."""
    tasks = [Replicate(share_of, quiet, shift, run) for run in range(runs)]
    with ProcessPoolExecutor(len(sched_getaffinity(0))) as pool:
        shares = list(pool.map(Replicate.share, tasks))
    limit = mean(shares) + LIMIT_QUANTILE * stdev(shares) / runs**0.5
    world.console.print(f"{name}: {mean(shares):.2%}, at most {limit:.2%} (95 %)")
    return mean(shares), limit


def estimates_above(random: np.random.Generator, quiet: QuietWorld, shift: float) -> float:
    """Of one replicate: the share of its later nights whose expected loss passes its limit."""
    nights = list(made_nights(random, quiet, JUDGED_NIGHTS + GAP + LATER_NIGHTS, shift, JUDGED_NIGHTS + GAP))
    judged = nights[:JUDGED_NIGHTS]
    rows = LabelledRows(
        table=pa.concat_tables([night.table for night in judged]),
        labels=np.concatenate([night.labels for night in judged]),
        nights=np.repeat(np.arange(JUDGED_NIGHTS), ROWS),
    )
    scores = np.concatenate([night.scores for night in judged])
    reference = estimate.reference_of("log_loss", rows.table.column_names, rows, scores)
    expect = estimate.by_classes(reference)
    above = []
    for night in nights[JUDGED_NIGHTS + GAP :]:
        told = estimate.estimate(reference, expect(night.table, night.scores))
        above.append(bool(told.above))
    return mean(above)


def areas_above(random: np.random.Generator, quiet: QuietWorld, shift: float) -> float:
    """Of one replicate: the share of its later nights that are told from the reference better than its own."""
    nights = list(made_nights(random, quiet, WINDOW_NIGHTS + GAP + LATER_NIGHTS, shift, WINDOW_NIGHTS + GAP))
    window = pa.concat_tables([night.table for night in nights[:WINDOW_NIGHTS]])
    days = np.repeat(np.arange(WINDOW_NIGHTS), ROWS)
    kept = np.flatnonzero(np.arange(len(days)) % ROWS < KEPT_ROWS)
    rows = window.take(pa.array(kept))
    reference = domain.reference_of(window.column_names, window, days, rows, days[kept])
    above = []
    for night in nights[WINDOW_NIGHTS + GAP :]:
        told = domain.shift(reference, night.table, rows)
        above.append(told is not None and bool(told.above))
    return mean(above)


def made_nights(
    random: np.random.Generator, quiet: QuietWorld, number: int, shift: float, shifted_from: int
) -> Iterator[MadeNight]:
    """Nights in their order; from one on, all numbers are higher by ``shift`` standard deviations of a row."""
    levels = random.normal(size=FEATURES + 1)
    for place in range(number):
        fresh = random.normal(size=FEATURES + 1)
        levels = quiet.memory * levels + (1 - quiet.memory**2) ** 0.5 * fresh
        moved = shift if place >= shifted_from else 0.0
        numbers = random.normal(size=(ROWS, FEATURES)) + quiet.level * levels[:FEATURES] + moved
        columns = {f"x{feature}": numbers[:, feature] for feature in range(FEATURES)}
        columns["kind"] = random.choice(list("abcdef"), ROWS, p=random.dirichlet([40, 30, 20, 5, 3, 2]))
        odds = numbers[:, 0] - 1.5
        chances = 1 / (1 + np.exp(-0.8 * odds - quiet.level * levels[FEATURES]))
        yield MadeNight(
            table=pa.table(columns),
            scores=1 / (1 + np.exp(-odds)),
            labels=(random.random(ROWS) < chances).astype(float),
        )
