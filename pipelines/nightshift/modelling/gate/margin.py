"""How much worse still counts as not worse."""

import numpy as np

from nightshift.modelling.gate.differences import Pair
from nightshift.modelling.label_types import label_type

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
    label = label_type(pair.spec)
    best = label.best_constant(metric, labels)
    constant = np.asarray(np.broadcast_to(best, pair.champion.shape), np.float64)
    losses = label.row_losses(metric, labels, constant)
    return float(losses.mean())
