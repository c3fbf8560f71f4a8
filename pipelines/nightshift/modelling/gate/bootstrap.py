"""A metric that is no mean of rows, as values of nights: what is lost without each, and what resampled nights say."""

import math
from dataclasses import dataclass

import numpy as np

from nightshift.modelling.arrays import Float64s, Int64s
from nightshift.modelling.gate.areas import WeightedMetric
from nightshift.modelling.gate.night_values import NightMeans


@dataclass(frozen=True)
class Resampling:
    """How many times nights are drawn, and from which seed."""

    resamples: int
    seed: int


def of_metric(metric: WeightedMetric, rows: Int64s, resampling: Resampling) -> NightMeans | None:
    """The metric of all n nights, of ``rows`` (n,) each; None where it is not defined.

    A night's influence is its pseudo-value in the jackknife, so that small samples, dependence and skewness are
    treated as for a mean of rows (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 11). A
    bootstrap of whole nights sees what that line does not: where it is wider, influences are widened to it.
    """
    nights = len(rows)
    every: Float64s = np.ones((1, nights))
    without: Float64s = 1 - np.eye(nights)
    (estimate,) = metric(every)
    left = metric(without)
    if nights < 2 or math.isnan(estimate) or np.isnan(left).any():
        return None
    lost = left.mean() - left
    influence = (nights - 1) * lost
    widening = _widening(metric, influence, resampling)
    return NightMeans(
        estimate=float(estimate),
        influence=influence * widening,
        rows=rows,
    )


def _widening(metric: WeightedMetric, influence: Float64s, resampling: Resampling) -> float:
    """The standard error of the bootstrap over the jackknife's, at least 1."""
    nights = len(influence)
    squares = influence**2
    variance = float(squares.mean())
    jackknife = math.sqrt(variance / nights)
    if jackknife == 0:
        return 1.0
    random = np.random.default_rng(resampling.seed)
    alike = np.full(nights, 1 / nights)
    drawn = random.multinomial(nights, alike, size=resampling.resamples)
    weights = drawn.astype(np.float64)
    values = metric(weights)
    of_bootstrap = float(np.nanstd(values))
    return max(of_bootstrap / jackknife, 1.0)
