"""``quantile.*``: what is promised of quantiles, on rows whose truth is known and whose nights resemble each other.

World: a number is what its feature says, an effect of its night that nobody sees coming, and noise. *Healthy* quantiles
are the true ones over all nights. Asked: how often watching calls them lost; how often the gate, with
``gates.calibration``, refuses those that are off by just that bound, and takes the worse of two by pinball loss for
better; and when shares that are off are seen. Limits are one-sided, 95 %, over whole independent runs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from statistics import mean, median, stdev
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.special import ndtri

from benchmarks.gate import Share
from benchmarks.gate_nights import MEMORIES, Draw, limit, remembering
from benchmarks.gate_rules import present as gate
from benchmarks.skill_nights import BEFORE, DRAWS, GAP, SPEC, labelled_night
from benchmarks.skill_rules import opened, present
from benchmarks.world import World
from nightshift.modelling.arrays import Float64s
from nightshift.modelling.forecaster import NightOutcome, forecast
from nightshift.modelling.gate.calibration import judge_calibration
from nightshift.modelling.holdout import LabelledRows
from nightshift.modelling.metrics import quantile_losses
from nightshift.modelling.night_skill import outcome_of
from nightshift.partitions import following
from nightshift.profiles.profile import HoldoutNight
from nightshift.spec import ModelSpec

SEED = 20261126
LEVELS = np.array([0.1, 0.5, 0.9])
EFFECT = 0.3
"""Standard deviation of a night, of which the noise of a row is 1."""
ROWS = 300
JUDGED = 28
LATER = 60
WATCHED_RUNS = 60
GATE_RUNS = 500
BOUND = 0.05
"""``gates.calibration``: so far shares may be off."""
TOO_NARROW = 0.7
"""Quantiles that are so near to the middle: between the outermost are 63 % of outcomes, and not 80 %."""
LIMIT_QUANTILE = 1.645


@cache
def quantile_spec() -> ModelSpec:
    """A model of quantiles; the gate bounds how far shares may be off."""
    label = {"column": "late", "type": "quantile", "quantiles": LEVELS.tolist(), "delay_days": 1}
    training = {**SPEC["training"], "trainer": "hist_gradient_boosting"}
    changed: dict[str, Any] = {"label": label, "training": training, "gates": {"calibration": BOUND}}
    return ModelSpec.model_validate({**SPEC, **changed})


def true_quantiles(levels: Float64s) -> Float64s:
    """Of a row less what its feature says, over all nights."""
    return np.asarray((1 + EFFECT**2) ** 0.5 * ndtri(levels))


@dataclass(frozen=True)
class Healthy:
    """Of healthy quantiles, episodes by labelled night, one value a run."""

    by_run: list[float]

    @property
    def value(self) -> float:
        """Over all runs."""
        return float(mean(self.by_run))

    @property
    def limit(self) -> float:
        """Its upper bound: of runs of which none opened an episode, as of runs that open one at most."""
        runs = len(self.by_run)
        if not any(self.by_run):
            return limit(0, runs) / LATER
        return self.value + LIMIT_QUANTILE * stdev(self.by_run) / runs**0.5


def figures(world: World) -> dict[str, float]:
    """Errors of watching and of the gate, the worst cell by its bound, and what watching sees."""
    measured = {"quantile.seed": float(SEED), "quantile.watched_runs": WATCHED_RUNS, "quantile.gate_runs": GATE_RUNS}
    measured |= _watched(world)
    measured |= _seen(world)
    measured |= _refused(world)
    measured |= _by_pinball(world)
    return measured


def _watched(world: World) -> dict[str, float]:
    measured = {}
    limits = []
    for name, draw in DRAWS.items():
        healthy = Healthy([_episodes(draw, run) / LATER for run in range(WATCHED_RUNS)])
        world.console.print(f"{name}: {healthy.value:.2%} of nights open an episode, at most {healthy.limit:.2%}")
        measured[f"quantile.healthy_{name}"] = healthy.value
        limits.append((healthy.limit, healthy.value))
    highest, value = max(limits)
    return {**measured, "quantile.healthy_false_share": value, "quantile.healthy_false_share_limit": highest}


def _episodes(draw: Draw, run: int) -> int:
    nights = list(_nights(draw, run, 1.0))
    later = nights[JUDGED + GAP :]
    return opened(later, present(nights[:JUDGED], later))


def _seen(world: World) -> dict[str, float]:
    """Quantiles that were right on the judged nights, and are too narrow from the first later night on."""
    first = []
    for run in range(WATCHED_RUNS):
        judged = list(_nights(DRAWS["memory_0.5"], run, 1.0))[:JUDGED]
        later = list(_nights(DRAWS["memory_0.5"], run, TOO_NARROW))[JUDGED + GAP :]
        verdicts = present(judged, later)
        first.append(verdicts.index(True) + 1 if True in verdicts else LATER + 1)
    share = Share("seen", sum(night <= LATER for night in first), WATCHED_RUNS)
    world.console.print(f"too narrow: {share.value:.0%} seen within {LATER} nights, half of them by {median(first)}")
    return {
        "quantile.narrow_seen": share.value,
        "quantile.narrow_seen_low": share.low,
        "quantile.narrow_nights": median(first),
    }


def _nights(draw: Draw, run: int, width: float) -> Iterator[HoldoutNight]:
    """Judged nights, a gap and later ones, whose quantiles have so much of their width."""
    random = np.random.default_rng([SEED, run])
    spec = quantile_spec()
    days = following("2024-01-01", BEFORE + JUDGED + GAP + LATER)
    (effects,) = draw(random, 1, len(days))
    known: dict[str, NightOutcome] = {}
    for place, (day, effect) in enumerate(zip(days, effects, strict=True)):
        features = random.normal(size=ROWS)
        outcomes = features + EFFECT * effect + random.normal(size=ROWS)
        scores = features[:, None] + width * _over_nights(draw)
        if place >= BEFORE:
            yield labelled_night(spec, day, outcomes, scores, forecast(spec, day, known))
        known[day] = outcome_of(spec, outcomes)


@cache
def _over_nights(draw: Draw) -> Float64s:
    """The true quantiles of such nights, of a million rows: not all of them are normal."""
    random = np.random.default_rng(SEED)
    effects = draw(random, 1_000, 1_000)
    noise = random.normal(size=effects.shape)
    return np.asarray(np.quantile(EFFECT * effects + noise, LEVELS))


def _refused(world: World) -> dict[str, float]:
    """Of those whose shares are all off by the bound, which is allowed."""
    cells = []
    spec = quantile_spec()
    for memory in MEMORIES:
        for nights in (14, 28):
            times = 0
            for run in range(GATE_RUNS):
                outcomes, days = _judged(memory, nights, run)
                scores = np.broadcast_to(true_quantiles(LEVELS - BOUND), (len(outcomes), len(LEVELS)))
                rows = LabelledRows(pa.table({"row": days}), outcomes, days)
                times += bool(judge_calibration(spec, rows, scores).objections)
            cells.append(Share(f"memory {memory}, {nights} nights", times, GATE_RUNS))
    return _worst(world, "quantile.gate_refusals", cells)


def _by_pinball(world: World) -> dict[str, float]:
    """Of challengers that say too much by as much as the champion says too little: neither is better."""
    cells = []
    for memory in MEMORIES:
        for nights in (14, 28):
            times = 0
            for run in range(GATE_RUNS):
                outcomes, days = _judged(memory, nights, run)
                losses = [_pinball(outcomes, shift) for shift in (EFFECT, -EFFECT)]
                differences = (losses[0] - losses[1]).reshape(nights, -1).mean(axis=1)
                times += gate(differences, np.bincount(days), 1).better
            cells.append(Share(f"memory {memory}, {nights} nights", times, GATE_RUNS))
    return _worst(world, "quantile.pinball_false_promotions", cells)


def _pinball(outcomes: Float64s, shift: float) -> Float64s:
    scores = np.broadcast_to(true_quantiles(LEVELS) + shift, (len(outcomes), len(LEVELS)))
    return quantile_losses(outcomes, scores, LEVELS)


def _judged(memory: float, nights: int, run: int) -> tuple[Float64s, Any]:
    """Outcomes less what the feature says, and the night of each row, both (n,)."""
    random = np.random.default_rng([SEED, nights, run])
    (effects,) = remembering(memory)(random, 1, nights)
    outcomes = EFFECT * effects[:, None] + random.normal(size=(nights, ROWS))
    days = np.repeat(np.arange(nights), ROWS)
    return outcomes.ravel(), days


def _worst(world: World, name: str, cells: list[Share]) -> dict[str, float]:
    for cell in cells:
        world.console.print(f"{name}: {cell.name}: {cell.value:.2%}, at most {cell.limit:.2%}")
    return max(cells, key=lambda cell: cell.limit).figures(name)
