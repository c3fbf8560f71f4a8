"""``calibration.*`` and ``threshold.*``: what is learnt out of fold, on rows whose probabilities are known.

A run is a window of 90 nights that remember each other, the fits that a training makes of it, and 50,000 rows of nights
to come, of which every probability is known: what is said of scores is held against these, not against outcomes. Beside
each stands what the same rows say of a fit that has seen them. Limits are one-sided, 95 %, over whole independent runs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import mean, stdev

import numpy as np
import pyarrow as pa

from benchmarks.fitted_worlds import FittedWorld, Logistic, Rows, fitted, judged_out_of_fold, judged_to_calibrate
from benchmarks.gate import Share
from benchmarks.skill_nights import SPEC
from benchmarks.world import World
from nightshift.modelling.arrays import Array, Float64s
from nightshift.modelling.gate.thresholds import cross_fitted, decided
from nightshift.modelling.holdout import LabelledRows
from nightshift.modelling.thresholds import cheapest_threshold, threshold_for
from nightshift.spec import ModelSpec
from nightshift.spec.label import CalibrationMethod
from nightshift.spec.predict import Costs
from nightshift.training.calibration import calibration_of

SEED = 20261126
RUNS = 40
TENTHS = 10
TOP = 0.01
SHARE = 0.1
COSTS = Costs(false_alarm=1.0, miss=4.0)
METHODS: tuple[CalibrationMethod, ...] = ("platt", "isotonic")
QUANTILE = 1.645
WEIGHTED = FittedWorld("weighted", -1.5, weight=4.0)
WORLDS = (FittedWorld("plain", -1.5), FittedWorld("too_sure", -1.5, every=4), WEIGHTED, FittedWorld("rare", -5.5))
"""Scores that hold nearly; a fit that is sure of what it overlearnt; one whose outcomes count four times as much;
outcomes of 1 row in 150."""


@dataclass(frozen=True)
class Mean:
    """Of one value a run."""

    by_run: Sequence[float]

    @property
    def value(self) -> float:
        """Over all runs."""
        return float(mean(self.by_run))

    @property
    def error(self) -> float:
        """How far its bound is from it."""
        return QUANTILE * stdev(self.by_run) / len(self.by_run) ** 0.5

    def figures(self, name: str) -> dict[str, float]:
        """With its upper bound."""
        return {name: self.value, f"{name}_limit": self.value + self.error}


def figures(world: World) -> dict[str, float]:
    """Calibrations by world and method, then thresholds."""
    measured = {"calibration.seed": float(SEED), "calibration.runs": float(RUNS)}
    for fitted_world in WORLDS:
        measured |= _calibrated(world, fitted_world)
    return measured | _thresholds(world)


@dataclass(frozen=True)
class Held:
    """Scores against probabilities: see ``held``."""

    off: float
    excess: float
    top: float


def held(scores: Float64s, rows: Rows) -> Held:
    """How far scores (n,) are off in the tenths of the rows by score, as a share of the mean probability; by how much
    their expected log loss is above that of the probabilities; and the top hundredth's mean beside its probability."""
    order = np.argsort(scores, kind="stable")
    tenths = [abs(float((scores - rows.probabilities)[tenth].mean())) for tenth in np.array_split(order, TENTHS)]
    top = order[-round(TOP * len(order)) :]
    return Held(
        off=mean(tenths) / float(rows.probabilities.mean()),
        excess=_log_loss(scores, rows) / _log_loss(rows.probabilities, rows) - 1,
        top=float(scores[top].mean() / rows.probabilities[top].mean()),
    )


def _log_loss(scores: Float64s, rows: Rows) -> float:
    inside = np.clip(scores, 1e-9, 1 - 1e-9)
    likely = rows.probabilities
    return float(-(likely * np.log(inside) + (1 - likely) * np.log1p(-inside)).mean())


def _calibrated(world: World, fitted_world: FittedWorld) -> dict[str, float]:
    by_method: dict[str, list[Held]] = {"none": [], **{method: [] for method in METHODS}}
    for run in range(RUNS):
        window = fitted_world.window(run, SEED)
        unseen = fitted_world.unseen(run, SEED)
        raw = fitted(fitted_world, window).scores(unseen)
        judged, scores = judged_to_calibrate(fitted_world, window)
        by_method["none"].append(held(raw, unseen))
        for method in METHODS:
            learnt = calibration_of(method, judged.outcomes[:, None], scores)
            by_method[method].append(held(learnt(raw), unseen))
    measured: dict[str, float] = {}
    for name, runs in by_method.items():
        measured |= _of_method(world, f"{fitted_world.name}_{name}", runs, by_method["none"])
    return measured


def _of_method(world: World, name: str, runs: list[Held], before: list[Held]) -> dict[str, float]:
    off = Mean([run.off for run in runs])
    excess = Mean([run.excess for run in runs])
    worse = Share(name, sum(run.excess > raw.excess for run, raw in zip(runs, before, strict=True)), len(runs))
    top = mean(run.top for run in runs)
    world.console.print(
        f"{name}: off by {off.value:.1%} of the mean, at most {off.value + off.error:.1%}; log loss {excess.value:.2%}"
        f" above the truth's; worse than before in {worse.value:.0%}; the top hundredth says {top:.2f} of its truth"
    )
    return {
        **off.figures(f"calibration.off_{name}"),
        **excess.figures(f"calibration.excess_{name}"),
        **worse.figures(f"calibration.worse_{name}"),
        f"calibration.top_{name}": top,
    }


@dataclass(frozen=True)
class Threshold:
    """What one threshold costs on rows to come, beside the cheapest; and what was told of it, beside what it costs."""

    regret: float
    optimism: float


def _thresholds(world: World) -> dict[str, float]:
    out_of_fold: list[Threshold] = []
    seen: list[Threshold] = []
    rule: list[float] = []
    flagged: list[float] = []
    flagged_seen: list[float] = []
    for window, unseen, trained in _trainings(WEIGHTED):
        judged, scores = judged_out_of_fold(WEIGHTED, window)
        later = trained.scores(unseen)
        own = trained.scores(judged)
        best = _cheapest(later, unseen)
        out_of_fold.append(_cost_of(scores, judged, later, unseen, best))
        seen.append(_cost_of(own, judged, later, unseen, best))
        rule.append(_cost(later >= COSTS.threshold, unseen.probabilities) / best - 1)
        flagged.append(float((later >= threshold_for(scores, SHARE)).mean()))
        flagged_seen.append(float((later >= threshold_for(own, SHARE)).mean()))
    measured = {
        **Mean([each.regret for each in out_of_fold]).figures("threshold.regret"),
        **Mean([each.regret for each in seen]).figures("threshold.regret_seen"),
        **Mean(rule).figures("threshold.regret_of_the_rule"),
        **_two_sided("threshold.optimism", [each.optimism for each in out_of_fold]),
        **_two_sided("threshold.optimism_seen", [each.optimism for each in seen]),
        **_two_sided("threshold.share_flagged", flagged),
        **_two_sided("threshold.share_flagged_seen", flagged_seen),
        "threshold.share_flagged_low_run": float(np.quantile(flagged, 0.05)),
        "threshold.share_flagged_high_run": float(np.quantile(flagged, 0.95)),
    }
    for name, value in measured.items():
        world.console.print(f"{name}: {value:.4f}")
    return measured


def _trainings(fitted_world: FittedWorld) -> Iterator[tuple[Rows, Rows, Logistic]]:
    for run in range(RUNS):
        window = fitted_world.window(run, SEED)
        yield window, fitted_world.unseen(run, SEED), fitted(fitted_world, window)


def _two_sided(name: str, by_run: list[float]) -> dict[str, float]:
    known = Mean(by_run)
    return {name: known.value, f"{name}_low": known.value - known.error, f"{name}_high": known.value + known.error}


def _cost_of(scores: Float64s, judged: Rows, later: Float64s, unseen: Rows, best: float) -> Threshold:
    """Learnt from these scores of the judged rows; what is told of it is by blocks, as at the gate."""
    learnt = cheapest_threshold(judged.outcomes, scores, COSTS)
    costs = _cost(later >= learnt, unseen.probabilities)
    rows = LabelledRows(pa.table({"night": judged.nights}), judged.outcomes, judged.nights)
    spec = _spec()
    is_flagged = decided(spec, scores, cross_fitted(spec, rows, scores))
    told = _cost(is_flagged, judged.outcomes)
    return Threshold(costs / best - 1, told / costs - 1)


def _cost(is_flagged: Array, likely: Float64s) -> float:
    """Of a row, by its probability or its outcome."""
    return float(np.where(is_flagged, COSTS.false_alarm * (1 - likely), COSTS.miss * likely).mean())


def _cheapest(scores: Float64s, rows: Rows) -> float:
    """What the best of all thresholds costs."""
    order = np.argsort(-scores, kind="stable")
    likely = rows.probabilities[order]
    saved = np.cumsum(COSTS.miss * likely - COSTS.false_alarm * (1 - likely))
    never = COSTS.miss * float(likely.sum())
    return float((never - max(0.0, saved.max())) / len(likely))


def _spec() -> ModelSpec:
    predict = {"costs": COSTS.model_dump(), "learn_threshold": True}
    return ModelSpec.model_validate({**SPEC, "predict": predict})
