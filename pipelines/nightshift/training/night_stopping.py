"""Early stopping that looks at nights: the newest are set apart to say how long to train, then all are trained on.

Rows drawn at random are of the same nights as those that are learnt, so they go on getting better while the nights to
come get worse.
"""

import math

import numpy as np

from nightshift.modelling.arrays import Booleans
from nightshift.training.training_rows import FitTargets

SHARE = 0.1
"""Of the nights: the newest, which are set apart."""


def set_apart(rows: FitTargets, share: float = SHARE, *, are_classes: bool) -> Booleans | None:
    """Which rows say how long to train, (n,): those of the newest nights.

    None where they cannot, and every round is trained: of a single night, when only they have some class, or when no
    row on one of both sides counts. Raises ``ValueError`` for a share of 0 or less.
    """
    if not share > 0:
        raise ValueError(f"The 'validation_fraction' parameter of it must be above 0. Got {share!r} instead.")
    nights = np.unique(rows.nights)
    held = math.ceil(share * len(nights))
    if held >= len(nights):
        return None
    is_apart = rows.nights >= nights[-held]
    targets = rows.targets
    if are_classes and set(np.unique(targets)) > set(np.unique(targets[~is_apart])):
        return None
    if rows.weights is not None and not (rows.weights[is_apart].sum() > 0 and rows.weights[~is_apart].sum() > 0):
        return None
    return np.asarray(is_apart, np.bool_)


def only(rows: FitTargets, chosen: Booleans) -> FitTargets:
    """The chosen of the rows, by a mask (n,)."""
    return FitTargets(
        targets=rows.targets[chosen],
        nights=rows.nights[chosen],
        weights=None if rows.weights is None else rows.weights[chosen],
    )
