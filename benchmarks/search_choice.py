"""``choice.*``: how often a search changes a recipe where nothing is better, of trials whose truth is known.

A run is a search of 24 trials that are all equally good: what a trial loses on a night is what everybody loses, and
noise of its own that remembers the night before. Each change is an error. Limits are one-sided, 95 %, over whole runs.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.gate import Share
from benchmarks.gate_nights import MEMORIES, remembering
from benchmarks.world import World
from nightshift.modelling.arrays import Float64s
from nightshift.stores.searches import TrialRecord
from nightshift.training.search.study import USUAL_TRIALS
from nightshift.training.search.winner import CHANGED_BY_CHANCE, winner

SEED = 20261126
RUNS = 500
NIGHTS = (6, 14, 28)
ROWS = 1_000


@dataclass(frozen=True)
class Cell:
    """Searches on so many nights, each correlated so with the next."""

    nights: int
    memory: float

    @property
    def name(self) -> str:
        """As its figure has it."""
        return f"memory_{self.memory}_nights_{self.nights}"

    def searches(self, runs: int) -> Iterator[list[TrialRecord]]:
        """The trials of each, the first of which is model.yaml's own."""
        random = np.random.default_rng([SEED, self.nights, int(10 * self.memory)])
        for _ in range(runs):
            everybody = random.normal(size=self.nights)
            own = remembering(self.memory)(random, USUAL_TRIALS, self.nights)
            yield [_trial(number, everybody + losses) for number, losses in enumerate(own)]

    def changed(self, runs: int) -> Share:
        """How many of them change the recipe."""
        rows = dict.fromkeys(map(_name, range(self.nights)), ROWS)
        times = sum(winner(trials, rows).number != 0 for trials in self.searches(runs))
        return Share(self.name, times, runs)


def figures(world: World) -> dict[str, float]:
    """Each cell, and the worst by its bound."""
    measured = {"choice.seed": float(SEED), "choice.runs": float(RUNS)}
    cells = [Cell(nights, memory).changed(RUNS) for memory in MEMORIES for nights in NIGHTS]
    for cell in cells:
        measured |= cell.figures(f"choice.changed_{cell.name}")
        asked = f"asked for {CHANGED_BY_CHANCE:.0%}"
        world.console.print(f"{cell.name}: {cell.value:.1%} of searches, at most {cell.limit:.1%}, {asked}")
    return measured | max(cells, key=lambda cell: cell.limit).figures("choice.changed_by_chance")


def _trial(number: int, losses: Float64s) -> TrialRecord:
    by_night = {_name(night): float(loss) for night, loss in enumerate(losses)}
    # Nothing is checked that was made here: a quarter of a million of them are.
    return TrialRecord.model_construct(
        number=number, state="finished", losses=[float(losses.mean())], night_losses=by_night, why=""
    )


def _name(night: int) -> str:
    """They are taken in the order of their names."""
    return f"{night:02d}"
