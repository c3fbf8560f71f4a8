"""From where on two models that are compared mean yes, where a training learns that: no night sets its own.

A champion says it by the threshold that it was published with. A challenger learnt its own on the judged nights, so
each block of these is decided by what the others would have taught it.
"""

from typing import NamedTuple, TypeAlias

import numpy as np

from nightshift.modelling.arrays import Array, Float64s, Floats
from nightshift.modelling.classification import f1
from nightshift.modelling.holdout import LabelledRows
from nightshift.modelling.label_types import label_type
from nightshift.spec import ModelSpec

BLOCKS = 5
"""Of neighbouring nights, as even as they go."""
FEWEST_BLOCKS = 2
Threshold: TypeAlias = float | Float64s | None
"""One for all rows, or one for each, (n,); None: what the spec says."""


class Thresholds(NamedTuple):
    """Those of two models."""

    challenger: Threshold = None
    champion: Threshold = None


BY_SPEC = Thresholds()


def thresholds_of(
    spec: ModelSpec,
    rows: LabelledRows,
    challenger: Floats,
    champion: Floats,
    *,
    published: float | None,
) -> Thresholds:
    """Of scores (n,) of the same rows; ``published`` is the champion's own, without which it learns as the other."""
    of_challenger = cross_fitted(spec, rows, challenger)
    of_champion: Threshold = published
    if published is None:
        of_champion = cross_fitted(spec, rows, champion)
    return Thresholds(of_challenger, of_champion)


def cross_fitted(spec: ModelSpec, rows: LabelledRows, scores: Floats) -> Float64s | None:
    """For each row, (n,), what the nights of the other blocks teach; None where no training learns a threshold.

    Of a single night nothing else is known: there it is what the spec says.
    """
    if not spec.predict.learnt_by:
        return None
    nights, places = np.unique(rows.nights, return_inverse=True)
    blocks = min(BLOCKS, len(nights))
    if blocks < FEWEST_BLOCKS:
        return None
    block = places * blocks // len(nights)
    label = label_type(spec)
    learnt = np.empty(len(scores))
    for number in range(blocks):
        is_other = block != number
        threshold = label.threshold_for(rows.labels[is_other], scores[is_other])
        learnt[~is_other] = spec.predict.decides_from if threshold is None else threshold
    return learnt


def decided(spec: ModelSpec, scores: Floats, threshold: Threshold = None) -> Array:
    """What scores, (n,) or (n, k), predict."""
    if threshold is None:
        return label_type(spec).decide(scores)
    return np.asarray(scores >= threshold)


def decided_metrics(spec: ModelSpec, rows: LabelledRows, scores: Floats) -> dict[str, float]:
    """Of n rows, n > 0, the metrics that a threshold decides; empty where no training learns one."""
    thresholds = cross_fitted(spec, rows, scores)
    if thresholds is None:
        return {}
    is_true = rows.labels == 1
    predicted = decided(spec, scores, thresholds)
    is_right = predicted == is_true
    return {
        "f1": f1(is_true, predicted),
        "accuracy": float(is_right.mean()),
    }
