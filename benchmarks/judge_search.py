"""``judge.search_*``: how often a faster graph that loses too much gets through, by worlds whose truth is known.

Five graphs are tried, each of them worse than the exact one by just what the spec allows; an accepted one is an error.
One is chosen by its distance from the exact graph, which no outcome moves, and stands alone before the nights that a
training judges by: 28 of 90. *Before* is the rule that was: a percentile bootstrap over the holdout's 14 nights, for
each graph alone. Nights differ by one and a half times the allowance, and are normal, or lognormal: rare and dear.
"""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import numpy as np

from benchmarks.world import World
from nightshift.modelling.arrays import Float64s
from nightshift.optimization.variants.loss import loss_interval

Draw: TypeAlias = Callable[[np.random.Generator, int], Float64s]
Rule: TypeAlias = Callable[[np.random.Generator, Draw, float], bool]

SEED = 20130401
RUNS = 2_000
TRIED = 5
JUDGED_NIGHTS = 28
HOLDOUT_NIGHTS = 14
ALLOWED = 0.002
SPREAD = 0.003
RESAMPLES = 1_000
CONFIDENCE = 0.95


def figures(_: World) -> dict[str, float]:
    """Shares of searches that accept, by world and rule."""
    return measured(RUNS)


def measured(runs: int) -> dict[str, float]:
    """The same, over so many searches."""
    figures: dict[str, float] = {"judge.search_runs": float(runs)}
    for world, draw in {"normal": normal, "skewed": skewed}.items():
        for rule, accepts in {"": accepted, "_before": accepted_before}.items():
            share = partial(_share, runs, accepts, draw)
            figures[f"judge.search_false_accepts_{world}{rule}"] = share(ALLOWED)
            figures[f"judge.search_harmless_accepts_{world}{rule}"] = share(0.0)
    return figures


def normal(rng: np.random.Generator, nights: int) -> Float64s:
    """By how much nights differ from the mean."""
    return rng.normal(0, SPREAD, nights)


def skewed(rng: np.random.Generator, nights: int) -> Float64s:
    """The same, where a few nights cost much."""
    values = rng.lognormal(0, 1, nights) - np.exp(0.5)
    deviation = np.sqrt((np.e - 1) * np.e)
    return values * (SPREAD / deviation)


def accepted(rng: np.random.Generator, draw: Draw, mean: float) -> bool:
    """Whether the one that is judged passes."""
    lost = mean + draw(rng, JUDGED_NIGHTS)
    return loss_interval(lost, np.arange(JUDGED_NIGHTS), CONFIDENCE).high <= ALLOWED


def accepted_before(rng: np.random.Generator, draw: Draw, mean: float) -> bool:
    """Whether any of five passes."""
    return any(_bootstrapped(rng, mean + draw(rng, HOLDOUT_NIGHTS)) <= ALLOWED for _ in range(TRIED))


def _share(runs: int, accepts: Rule, draw: Draw, mean: float) -> float:
    rng = np.random.default_rng(SEED)
    return sum(accepts(rng, draw, mean) for _ in range(runs)) / runs


def _bootstrapped(rng: np.random.Generator, lost: Float64s) -> float:
    nights = len(lost)
    drawn = rng.integers(0, nights, (RESAMPLES, nights))
    means = lost[drawn].mean(axis=1)
    return float(np.quantile(means, (1 + CONFIDENCE) / 2))


if __name__ == "__main__":
    for name, value in measured(RUNS).items():
        print(f"{name:48} {value:.4f}")
