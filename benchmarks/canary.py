"""``canary.*``: what a canary is promised, on pairs whose truth is known, looked at every night.

World: a night has a mean loss that both models share, and two groups of rows, drawn by a hash. A row's loss is
exponential, so that small groups are skewed; and how much worse the canary does on a night is drawn by one rule
(``gate_nights``): nights remember their neighbours, some are storms, and their sizes differ. In large nights what rows
add by chance is next to nothing. For 60 nights the evidence is looked at each night from the tenth on, and the first
verdict counts. A run is a pair of its own; limits are one-sided, 95 %.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.gate import Share
from benchmarks.gate_nights import NightWorld, remembering
from benchmarks.shadow import stormy
from benchmarks.world import World
from nightshift.modelling.arrays import Array, Float64s, Int64s
from nightshift.modelling.gate.groups import GroupedNight, GroupSums, harm
from nightshift.modelling.gate.sequence import LEAST_NIGHTS
from nightshift.monitoring.canary.readout import fixed_horizon
from nightshift.spec.canary import Canary

SEED = 20261126
NIGHTS = 60
RUNS = 2_000
POWER_RUNS = 200
POWER_SHARE = 0.1
ALPHA = 0.025
SHARES = (0.05, 0.1, 0.5)
HARMS = (0.5, 1.0, 2.0)
"""In standard deviations of a night's difference, of all that it has: the night's weather, and chance."""
WEATHER = 0.1
"""Standard deviation of how much worse the canary is on a night, in mean losses of a row."""
DIFFICULTY = 0.3
"""Of the logarithm of a night's mean loss, which both share."""
LARGE = 100
"""So many times the rows of a night: weather alone is left."""
ALIKE = 0.3
"""Of the variance of a row's loss, the part that is its key's, where keys come every night."""
AB_NIGHTS = (14, 28)
AB_SHARE = 0.5
AB_RUNS = 1_000
AB_ERRORS = 0.05
HARDLY = 1.5
"""Standard errors of independent nights: every verdict asks for more."""


@dataclass(frozen=True)
class Groups:
    """How both groups of each night are drawn; ``calm`` storms are of the champion, so that most nights look worse."""

    name: str
    weather: NightWorld
    sign: float = 1.0
    times: int = 1
    alike: float = 0.0


EVEN = Groups("independent", NightWorld("", remembering(0.0)))
WORLDS = (
    EVEN,
    Groups("memory_0.5", NightWorld("", remembering(0.5))),
    Groups("sizes", NightWorld("", remembering(0.0), are_uneven=True)),
    Groups("storms", stormy(0.0, "", are_uneven=False), sign=-1.0),
    Groups("own_storms", stormy(0.0, "", are_uneven=False)),
    Groups("storms_0.5_sizes", stormy(0.5, "", are_uneven=True), sign=-1.0),
    Groups("storms_0.5_sizes_large", stormy(0.5, "", are_uneven=True), sign=-1.0, times=LARGE),
    Groups("same_keys", NightWorld("", remembering(0.0)), alike=ALIKE),
)


@dataclass(frozen=True)
class Drawn:
    """Rows and mean losses of both groups, each (runs, nights); ``alike`` is the part of a variance that is keys'."""

    champions: Int64s
    canaries: Int64s
    champion_means: Float64s
    canary_means: Float64s
    alike: float

    @property
    def differences(self) -> Float64s:
        """The canary's mean less the champion's."""
        return self.canary_means - self.champion_means

    def nights(self, run: int) -> Iterator[GroupedNight]:
        """One run as the evidence has it."""
        for night in range(self.champions.shape[1]):
            yield GroupedNight(
                str(night),
                champion=self._group(self.champions[run, night], self.champion_means[run, night]),
                canary=self._group(self.canaries[run, night], self.canary_means[run, night]),
            )

    def _group(self, rows: int, mean: float) -> GroupSums:
        size = int(rows)
        return GroupSums(size, total=float(mean) * size, again=self.alike * size, before=size)


def drawn(world: Groups, share: float, runs: int, harm_in_deviations: float = 0.0) -> Drawn:
    """Pairs of models, the canary worse by so many standard deviations of a night's difference."""
    seed = [SEED, round(1000 * share), round(1000 * harm_in_deviations)]
    weather, sizes = world.weather.differences(seed, runs, NIGHTS)
    random = np.random.default_rng([*seed, 1])
    rows = sizes * world.times
    canaries = np.clip(random.binomial(rows, share), 1, rows - 1).astype(np.int64)
    champions = rows - canaries
    difficulty = np.exp(DIFFICULTY * random.normal(size=rows.shape) - DIFFICULTY**2 / 2)
    worse = WEATHER * world.sign * weather + harm_in_deviations * _deviation(world, share)
    return Drawn(
        champions=champions,
        canaries=canaries,
        champion_means=_means(random, champions, difficulty, world.alike),
        canary_means=_means(random, canaries, difficulty, world.alike) + worse,
        alike=world.alike,
    )


def _means(random: np.random.Generator, rows: Int64s, difficulty: Float64s, alike: float) -> Float64s:
    """Of exponential losses, of which a part of the variance is of keys that are there every night."""
    fresh = random.gamma(rows, 1 / rows)
    kept = random.normal(size=(len(rows), 1)) / np.sqrt(rows)
    return np.asarray(difficulty * (1 + np.sqrt(1 - alike) * (fresh - 1)) + np.sqrt(alike) * kept)


def _deviation(world: Groups, share: float) -> float:
    """Of the difference in a night of middling size."""
    rows = 1000 * world.times
    by_chance = (1 / share + 1 / (1 - share)) / rows
    return float(np.sqrt(WEATHER**2 + by_chance))


def stops(pairs: Drawn) -> list[int]:
    """On which night each canary that is ever taken back was."""
    worth_a_look = _may_be_worse(pairs)
    ends = []
    for run in np.flatnonzero(worth_a_look.any(axis=1)):
        end = _first_stop(list(pairs.nights(int(run))), worth_a_look[run])
        if end:
            ends.append(end)
    return ends


def _first_stop(nights: list[GroupedNight], worth_a_look: Array) -> int | None:
    for count in np.flatnonzero(worth_a_look) + 1:
        known = harm(nights[:count], ALPHA)
        if known is not None and known.worse:
            return int(count)
    return None


def _may_be_worse(pairs: Drawn) -> Array:
    """Which looks are worth their time, (runs, nights): of a mean this near to 0 no verdict is that it is above."""
    weights = pairs.champions * pairs.canaries / (pairs.champions + pairs.canaries)
    counts = np.arange(1, NIGHTS + 1)
    whole = np.cumsum(weights, axis=1)
    means = np.cumsum(weights * pairs.differences, axis=1) / whole
    squares = np.cumsum(weights * pairs.differences**2, axis=1) / whole
    errors = np.sqrt(np.maximum(squares - means**2, 0.0) / counts)
    return np.asarray((means > HARDLY * errors) & (counts >= LEAST_NIGHTS))


def figures(world: World) -> dict[str, float]:
    """How many equal canaries are ever taken back, and by which night those that do harm are."""
    measured = {"canary.seed": float(SEED), "canary.runs": float(RUNS)}
    cells = []
    for groups in WORLDS:
        for share in SHARES:
            name = f"{groups.name}_{share}"
            cell = Share(name, len(stops(drawn(groups, share, RUNS))), RUNS)
            cells.append(cell)
            measured[f"canary.false_stops_{name}"] = cell.value
            world.console.print(f"{name}: {cell.value:.2%} of equals, at most {cell.limit:.2%}")
    unaware = replace(drawn(WORLDS[-1], 0.1, POWER_RUNS), alike=0.0)
    measured["canary.false_stops_same_keys_unaware"] = len(stops(unaware)) / POWER_RUNS
    worst = max(cells, key=lambda cell: cell.limit)
    return measured | worst.figures("canary.false_stops") | _power(world) | _readout(world)


def _readout(world: World) -> dict[str, float]:
    """How often the interval of a readout, for one look at so many nights, is not around the truth."""
    measured = {}
    cells = []
    for groups in WORLDS:
        pairs = drawn(groups, AB_SHARE, AB_RUNS)
        for nights in AB_NIGHTS:
            name = f"{groups.name}_{nights}"
            outside = sum(_is_outside(list(pairs.nights(run))[:nights]) for run in range(AB_RUNS))
            cell = Share(name, outside, AB_RUNS)
            cells.append(cell)
            measured[f"canary.ab_outside_{name}"] = cell.value
            world.console.print(f"readout {name}: {cell.value:.2%} outside, at most {cell.limit:.2%}")
    worst = max(cells, key=lambda cell: cell.limit)
    return measured | worst.figures("canary.ab_outside")


def _is_outside(nights: list[GroupedNight]) -> bool:
    known = fixed_horizon(nights, AB_ERRORS)
    return known.better or known.worse


def _power(world: World) -> dict[str, float]:
    """Of canaries that do harm, how many are taken back, by which night half of them, and how many in time."""
    measured = {}
    for groups in (EVEN, WORLDS[1], WORLDS[2]):
        for harmful in HARMS:
            ends = stops(drawn(groups, POWER_SHARE, POWER_RUNS, harmful))
            name = f"{harmful}_{groups.name}"
            median = float(np.median(ends)) if ends else 0.0
            in_time = sum(end <= Canary().nights for end in ends) / POWER_RUNS
            measured[f"canary.seen_{name}"] = len(ends) / POWER_RUNS
            measured[f"canary.nights_{name}"] = median
            measured[f"canary.in_time_{name}"] = in_time
            world.console.print(f"harm {name}: {len(ends) / POWER_RUNS:.0%}, half of them by night {median:.0f}")
    return measured
