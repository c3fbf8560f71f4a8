"""How much worse still counts as not worse."""

import numpy as np

from nightshift.modelling.arrays import Float64s
from nightshift.modelling.gate.differences import Pair
from nightshift.modelling.metrics import row_losses

OF_LOSS = 0.02
OF_GAIN = 0.25


def margin(pair: Pair, metric: str) -> float:
    """What the spec says; else 2 % of the champion's loss, but no more than a quarter of all it gains on a constant.

    The loss of an area or of F1 is what it lacks to 1.
    """
    given = pair.spec.gates.margin
    if given is not None:
        return given
    value = pair.champions_value(metric)
    if np.isnan(value):
        return 0.0
    loss = value
    gain = _of_constant(pair, metric) - value
    if metric in pair.spec.label.ranks:
        loss = 1 - value
        gain = value - (0.5 if metric == "roc_auc" else 0.0)
    return max(min(OF_LOSS * loss, OF_GAIN * gain), 0.0)


def _of_constant(pair: Pair, metric: str) -> float:
    """The mean loss of the constant that suits these labels best."""
    labels = pair.rows.labels
    if metric == "cost":
        never = pair.losses(metric, np.zeros(len(labels)))
        always = pair.losses(metric, np.ones(len(labels)))
        return float(min(never.mean(), always.mean()))
    constant = _constant(pair, metric)
    losses = row_losses(metric, labels, constant)
    return float(losses.mean())


def _constant(pair: Pair, metric: str) -> Float64s:
    labels = pair.rows.labels
    if pair.champion.ndim == 2:
        of_classes = np.bincount(
            labels.astype(np.int64),
            minlength=pair.champion.shape[1],
        )
        shares = of_classes / len(labels)
        return np.broadcast_to(shares, pair.champion.shape)
    value = np.median(labels) if metric == "absolute_error" else labels.mean()
    return np.full(len(labels), float(value))
