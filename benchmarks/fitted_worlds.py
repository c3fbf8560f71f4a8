"""Rows of which it is known how likely their outcome is, and a fit that learns too much of them.

A row is FEATURES normal numbers, which lean one way on some nights, and its outcome has odds along one direction of
them, with an effect of its night that nobody sees coming. Both remember the night before. What is fitted is a logistic
regression with hardly a penalty: of few rows it is surer of new ones than it should be, as too many trees are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from benchmarks.gate_nights import remembering
from nightshift.modelling.arrays import Float64s, Int64s
from nightshift.modelling.folds import JUDGED_SHARE, FoldNights, plan_folds

NIGHTS = 90
ROWS = 60
"""Of a night."""
FEATURES = 60
MEMORY = 0.5
EFFECT = 0.3
"""Standard deviation of a night's odds, and of how far its features lean."""
HOLDOUT = 14
FOLDS = 2
DELAY = 2
PENALTY = 0.1
STEPS = 8
DRAWN = 50_000
"""New rows on which a fit is judged, each of a night of its own, and each with its probability."""


@dataclass(frozen=True)
class FittedWorld:
    """Odds of the usual row; as how many rows one with the outcome counts in a fit, which learns every so many-th."""

    name: str
    intercept: float
    weight: float = 1.0
    every: int = 1

    def window(self, run: int, seed: int) -> "Rows":
        """The labelled nights that a training has."""
        random = np.random.default_rng([seed, run])
        odds, leaning = EFFECT * remembering(MEMORY)(random, 2, NIGHTS)
        nights = np.repeat(np.arange(NIGHTS), ROWS)
        return self._rows(random, nights, odds[nights], leaning[nights])

    def unseen(self, run: int, seed: int) -> "Rows":
        """Rows of nights to come."""
        random = np.random.default_rng([seed, run, 1])
        odds, leaning = EFFECT * random.normal(size=(2, DRAWN))
        return self._rows(random, np.arange(DRAWN), odds, leaning)

    def _rows(self, random: np.random.Generator, nights: Int64s, odds: Float64s, leaning: Float64s) -> "Rows":
        features = random.normal(size=(len(nights), FEATURES))
        features[:, 1] += leaning
        probabilities = expit(self.intercept + odds + features[:, 0] + 0.5 * features[:, 1])
        outcomes = (random.random(len(nights)) < probabilities).astype(np.float64)
        return Rows(features, probabilities, outcomes, nights)


@dataclass(frozen=True)
class Rows:
    """``features`` (n, k); ``probabilities``, ``outcomes`` and ``nights``, all (n,)."""

    features: Float64s
    probabilities: Float64s
    outcomes: Float64s
    nights: Int64s

    def of(self, nights: Sequence[int] | Int64s) -> "Rows":
        """Those of some nights."""
        chosen = np.isin(self.nights, nights)
        return Rows(self.features[chosen], self.probabilities[chosen], self.outcomes[chosen], self.nights[chosen])


@dataclass(frozen=True)
class Logistic:
    """What was learnt."""

    coefficients: Float64s

    def scores(self, rows: Rows) -> Float64s:
        """Of rows, (n,)."""
        return np.asarray(expit(_with_one(rows.features) @ self.coefficients))


def fitted(world: FittedWorld, rows: Rows) -> Logistic:
    """By Newton's steps."""
    inputs = _with_one(rows.features)[:: world.every]
    outcomes = rows.outcomes[:: world.every]
    weights = np.where(outcomes == 1, world.weight, 1.0)
    coefficients = np.zeros(inputs.shape[1])
    for _ in range(STEPS):
        said = expit(inputs @ coefficients)
        gradient = inputs.T @ (weights * (outcomes - said)) - PENALTY * coefficients
        curvature = (inputs.T * (weights * said * (1 - said))) @ inputs + PENALTY * np.eye(len(coefficients))
        coefficients = coefficients + np.linalg.solve(curvature, gradient)
    return Logistic(coefficients)


def judged_out_of_fold(world: FittedWorld, window: Rows) -> tuple[Rows, Float64s]:
    """The judged nights of a training, and its scores of them, each by the fold that did not see it."""
    planned = plan_folds(window.nights, holdout=HOLDOUT, folds=FOLDS, delay=DELAY)
    return _judged(world, window, planned)


def judged_to_calibrate(world: FittedWorld, window: Rows) -> tuple[Rows, Float64s]:
    """The nights that a calibration is learnt from, and the scores of them by a fit on those before."""
    judged = int(np.ceil(JUDGED_SHARE * NIGHTS))
    planned = plan_folds(window.nights, holdout=judged, folds=1, delay=DELAY)
    return _judged(world, window, planned)


def _judged(world: FittedWorld, window: Rows, planned: Sequence[FoldNights]) -> tuple[Rows, Float64s]:
    scores = []
    nights: list[int] = []
    for fold in planned:
        judged = window.of(fold.judged)
        nights += list(np.unique(judged.nights))
        scores.append(fitted(world, window.of(fold.fitted)).scores(judged))
    return window.of(nights), np.concatenate(scores)


def _with_one(features: Float64s) -> Float64s:
    return np.hstack([features, np.ones((len(features), 1))])
