"""How good a labelled night was within each slice, beside what the slice usually loses on judged nights."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from nightshift.modelling.arrays import Float64s, Floats
from nightshift.monitoring.matters.limits import RATE, scarcity, upper_limit
from nightshift.monitoring.matters.record import SliceAccuracy
from nightshift.monitoring.matters.slices import FEWEST_ROWS, SliceNight, SliceReference, SlicesReference, in_slice

SMALLEST_LOSS = 1e-9


def accuracies(reference: SlicesReference, night: str, rows: pa.Table, losses: Floats) -> list[SliceAccuracy]:
    """Of a labelled night's rows and what these lost, (n,), by slice."""
    measured = []
    known = [one for one in reference.slices if one.judged]
    for of_slice in known:
        inside = losses[in_slice(rows, of_slice.column, of_slice.value)]
        if len(inside) < FEWEST_ROWS:
            continue
        before = _log_losses(of_slice.judged)
        usual = float(np.exp(before.mean()))
        limit = _loss_limit(of_slice, before, len(inside), RATE / len(known))
        mean = float(inside.mean())
        measured.append(
            SliceAccuracy(
                night=night,
                column=of_slice.column,
                value=of_slice.value,
                rows=len(inside),
                loss=mean,
                usual=usual,
                limit=limit,
                above=None if limit is None else mean > limit,
            )
        )
    return measured


def _log_losses(nights: Sequence[SliceNight]) -> Float64s:
    losses = np.array([night.loss for night in nights])
    positive = np.maximum(losses, SMALLEST_LOSS)
    return np.asarray(np.log(positive))


def _loss_limit(of_slice: SliceReference, before: Float64s, rows: int, rate: float) -> float | None:
    lacking = scarcity(rows, np.array([night.rows for night in of_slice.judged], float))
    variance = float(np.mean([night.variance for night in of_slice.judged]))
    usual = max(float(np.exp(before.mean())), SMALLEST_LOSS)
    limit = upper_limit(before, rate, lacking * variance / usual**2)
    return None if limit is None else float(np.exp(limit))
