"""``accuracy.healthy_false_share``: how often a healthy model is called lost, on nights whose truth is known.

A run is a reference of its own and 60 labelled nights after it; what counts are the episodes that they open, by night,
where one in a hundred is asked. Limits are one-sided, 95 %, over whole independent runs: the worst of all cells counts.
The former rule, a limit of one night's loss, is measured beside it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import mean, stdev

import numpy as np

from benchmarks.skill_nights import DRAWS, SkillWorld
from benchmarks.skill_rules import SkillRule, former, opened, present
from benchmarks.world import World

SEED = 20261126
RUNS = 60
LATER = 60
# One-sided, of a normal mean over whole runs.
LIMIT_QUANTILE = 1.645
RULES: dict[str, SkillRule] = {"present": present, "former": former}


@dataclass(frozen=True)
class FalseShare:
    """Episodes by labelled night, one value a run, and labelled nights that are lost."""

    by_run: list[float]
    nights: list[float]

    @property
    def value(self) -> float:
        """Over all runs."""
        return mean(self.by_run)

    @property
    def limit(self) -> float:
        """Its upper bound."""
        return self.value + LIMIT_QUANTILE * stdev(self.by_run) / len(self.by_run) ** 0.5


def figures(world: World) -> dict[str, float]:
    """The worst cell by its bound, and each cell of both rules."""
    measured = {"accuracy.seed": float(SEED), "accuracy.runs": float(RUNS)}
    limits = []
    for skill_world in worlds():
        shares = false_shares(skill_world, RUNS)
        for name, share in shares.items():
            world.console.print(
                f"{skill_world.name}, {name}: {share.value:.2%} of nights open an episode, at most"
                f" {share.limit:.2%} (95 %); {mean(share.nights):.2%} are lost"
            )
        now = shares["present"]
        limits.append((now.limit, now.value))
        measured[f"accuracy.healthy_{skill_world.name}"] = now.value
        measured[f"accuracy.former_{skill_world.name}"] = shares["former"].value
    limit, value = max(limits)
    return {**measured, "accuracy.healthy_false_share": value, "accuracy.healthy_false_share_limit": limit}


def worlds() -> Iterator[SkillWorld]:
    """Of each kind of nights: rows, and nights of endless rows; a reference of one fortnight, and of two."""
    for name, draw in DRAWS.items():
        for judged in (14, 28):
            yield SkillWorld(f"{name}_{judged}_values", draw, judged, 0)
        yield SkillWorld(f"{name}_28_rows", draw, 28, 300)
    yield SkillWorld("normal_7_values", DRAWS["normal"], 7, 0)


def false_shares(skill_world: SkillWorld, runs: int) -> dict[str, FalseShare]:
    """Of each rule, on the same nights."""
    shares = {name: FalseShare([], []) for name in RULES}
    for run in range(runs):
        judged, later = skill_world.nights(np.random.default_rng([SEED, run]), LATER)
        for name, rule in RULES.items():
            verdicts = rule(judged, later)
            shares[name].by_run.append(opened(later, verdicts) / LATER)
            shares[name].nights.append(sum(bool(lost) for lost in verdicts) / LATER)
    return shares
