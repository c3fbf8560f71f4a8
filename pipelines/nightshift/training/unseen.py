"""Categories that training has not seen: a few rows are trained on as if theirs were one of them.

Otherwise nothing would say what a category means that is new tonight: trees would take it for the first they know,
and a network for something between all of them.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from nightshift.modelling.arrays import Booleans
from nightshift.spec import ModelSpec

if TYPE_CHECKING:
    import pandas as pd

UNSEEN = "~never seen~"
MASKED_SHARE = 0.01
"""Of the rows, for each column by itself: enough to learn from, and little to lose."""


def with_unseen(spec: ModelSpec, frame: "pd.DataFrame") -> "pd.DataFrame":
    """The features of n rows, in some of which an open category is one that no encoder knows; by the spec's seed."""
    rng = np.random.default_rng(spec.training.seed)
    masked = frame.copy()
    for name in spec.features:
        if spec.columns[name].open_category:
            values = frame[name]
            masked[name] = values.mask(_some(len(frame), rng), never_seen(values))
    return masked


def never_seen(values: Iterable[str]) -> str:
    """A text that none of the values is."""
    known = set(values)
    text = UNSEEN
    while text in known:
        text += "~"
    return text


def _some(rows: int, rng: np.random.Generator) -> Booleans:
    """Which rows, (rows,): at least one where there are any."""
    chosen = rng.random(rows) < MASKED_SHARE
    if rows:
        chosen[rng.integers(rows)] = True
    return chosen
