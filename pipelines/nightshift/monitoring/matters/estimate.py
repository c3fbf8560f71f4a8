"""The mean loss to expect of a night before its labels arrive, with a limit from the reference's own nights.

Classes: each row's expected loss by calibrated scores (confidence-based performance estimation; NannyML). Numbers:
a small model of a row's loss, from its features and its prediction (direct loss estimation; the same). Both see only
what rows look like: where the same rows come to have other outcomes, neither moves.

A reference night is estimated by what was learnt from other blocks of nights, as a new night is.
"""

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from nightshift.modelling.arrays import Booleans, Float64s, Floats
from nightshift.modelling.folds import night_of
from nightshift.modelling.holdout import LabelledRows
from nightshift.modelling.small_trees import categories, fitted_means, matrix
from nightshift.monitoring.matters.calibration import OutcomeShares, calibrations, expected_losses
from nightshift.monitoring.matters.limits import interval, scarcity, upper_limit
from nightshift.monitoring.matters.record import LossEstimate

BLOCKS = 4
SMALLEST = 1e-9
"""Losses are held against each other by their logarithms: a night's mean loss is skewed, and never negative."""
LEARNT_ROWS = 20_000
ExpectedLosses: TypeAlias = Callable[[pa.Table, Floats], Float64s]
"""The expected loss of each row, (n,), of a table of features and its scores, (n,) or (n, k)."""


class EstimatedNight(BaseModel):
    """A reference night: the mean of its rows' expected losses and of their losses, and how both vary by row."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    night: str
    rows: int
    estimate: float
    estimate_variance: float
    loss: float
    loss_variance: float


class EstimateReference(BaseModel):
    """What an estimate needs: calibrations of a label with classes, and the reference's judged nights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    loss: str
    calibrations: tuple[OutcomeShares, ...] = ()
    nights: tuple[EstimatedNight, ...]


def reference_of(
    loss: str, columns: Sequence[str], rows: LabelledRows, scores: Floats, losses: Floats, *, by_odds: bool
) -> EstimateReference:
    """By rows that no fit of the model saw, its scores of them, and what these lost.

    ``by_odds``: scores tell which loss to expect; else they are one for each row, and small trees have to learn it.
    """
    nights = np.unique(rows.nights)
    estimates = np.empty(len(losses))
    for block in np.array_split(nights, min(BLOCKS, len(nights))):
        is_of_block = np.isin(rows.nights, block)
        others = ~is_of_block if len(nights) > 1 else is_of_block
        lost = losses[others]
        expect = _learnt(loss, columns, rows.only(others), scores[others], None if by_odds else lost)
        estimates[is_of_block] = expect(rows.only(is_of_block).table, scores[is_of_block])
    known = calibrations(rows.labels, scores) if by_odds else ()
    summed = [_night(day, rows.nights == day, estimates, losses) for day in nights]
    return EstimateReference(
        loss=loss,
        calibrations=known,
        nights=tuple(summed),
    )


def by_classes(reference: EstimateReference) -> ExpectedLosses:
    """The expected losses of a label with classes."""

    def expect(_: pa.Table, scores: Floats) -> Float64s:
        return expected_losses(reference.loss, reference.calibrations, scores)

    return expect


def by_rows(columns: Sequence[str], table: pa.Table, scores: Floats, losses: Floats) -> ExpectedLosses:
    """The expected losses of numbers, learnt from rows, their predictions and what these lost."""
    known = categories(table, columns)
    inputs = matrix(table, columns, known).with_column(scores)
    means = fitted_means(inputs, losses)

    def expect(others: pa.Table, scores_of_others: Floats) -> Float64s:
        asked = matrix(others, columns, known).with_column(scores_of_others)
        return np.maximum(means(asked), 0.0)

    return expect


def estimate(reference: EstimateReference, expected: Floats) -> LossEstimate:
    """Of a night's rows, by their expected losses, (n,)."""
    nights = reference.nights
    rows = len(expected)
    mean = float(expected.mean())
    lacking = scarcity(rows, np.array([night.rows for night in nights], float))
    estimates = _logs([night.estimate for night in nights])
    usual = float(np.exp(estimates.mean()))
    noise = lacking * _mean([night.estimate_variance for night in nights]) / max(usual, SMALLEST) ** 2
    limit = upper_limit(estimates, noise=noise)
    errors = _logs([night.loss for night in nights]) - estimates
    noise_of_loss = lacking * _mean([night.loss_variance for night in nights]) / max(usual, SMALLEST) ** 2
    around = interval(errors, noise_of_loss) or (None, None)
    line = _times(1.0, limit)
    is_above = None if line is None else mean > line
    return LossEstimate(
        loss=reference.loss,
        rows=rows,
        estimate=mean,
        low=_times(mean, around[0]),
        high=_times(mean, around[1]),
        usual=usual,
        limit=line,
        above=is_above,
    )


def _times(value: float, log_factor: float | None) -> float | None:
    return None if log_factor is None else value * math.exp(log_factor)


def _learnt(
    loss: str, columns: Sequence[str], rows: LabelledRows, scores: Floats, losses: Floats | None
) -> ExpectedLosses:
    if losses is None:
        known = calibrations(rows.labels, scores)
        return lambda _, others: expected_losses(loss, known, others)
    few = np.random.default_rng(0).permutation(len(losses))[:LEARNT_ROWS]
    return by_rows(columns, rows.table.take(pa.array(few)), scores[few], losses[few])


def _night(day: int, of_night: Booleans, estimates: Float64s, losses: Floats) -> EstimatedNight:
    expected = estimates[of_night]
    lost = losses[of_night]
    return EstimatedNight(
        night=night_of(day),
        rows=len(lost),
        estimate=float(expected.mean()),
        estimate_variance=float(expected.var()),
        loss=float(lost.mean()),
        loss_variance=float(lost.var()),
    )


def _logs(values: Sequence[float]) -> Float64s:
    positive = np.maximum(np.array(values, float), SMALLEST)
    return np.asarray(np.log(positive))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
