"""Is what scores alive? It was fitted on the nights that judged its recipe, so only a collapse can be seen there."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from nightshift.errors import CollapsedRefit
from nightshift.modelling.arrays import Float64s, Floats
from nightshift.spec import ModelSpec

ENDS = (0.01, 0.99)
"""The quantiles between which scores have their range."""
MOST_MOVED = 0.5
"""Of the range out of fold: by how much a mean may move."""
LEAST_RANGE = 1 / 3
MOST_RANGE = 3.0
"""How wide the range may be, by the range out of fold."""


@dataclass(frozen=True)
class Spread:
    """The mean of scores, and the ends of their range; of each class where there are several, (k,)."""

    means: Float64s
    lows: Float64s
    highs: Float64s

    @classmethod
    def of(cls, scores: Floats) -> Self:
        """Of scores (n,) or (n, k)."""
        rows = len(scores)
        by_class = scores.astype(np.float64).reshape(rows, -1)
        lows, highs = np.quantile(by_class, ENDS, axis=0)
        return cls(
            means=by_class.mean(axis=0),
            lows=lows,
            highs=highs,
        )

    @property
    def width(self) -> float:
        """Of the range. Classes are taken together: a rare one may well come or go with the newest nights."""
        widths = self.highs - self.lows
        return float(widths.sum())

    def __str__(self) -> str:
        means = ", ".join(f"{mean:.4g}" for mean in self.means)
        pairs = zip(self.lows, self.highs, strict=True)
        ranges = ", ".join(f"{low:.4g} to {high:.4g}" for low, high in pairs)
        return f"mean {means} and range {ranges}"


def require_alive(spec: ModelSpec, out_of_fold: Floats, refit: Floats) -> None:
    """Raises ``CollapsedRefit`` for scores of the same rows, (n,) or (n, k), that are of another world.

    The fits differ by some nights, so their scores differ a little; a fit that failed says the same of everybody,
    or something else altogether. A recipe that says the same of all rows out of fold is for the gate to refuse.
    """
    judged = Spread.of(out_of_fold)
    scoring = Spread.of(refit)
    if judged.width == 0.0 or _is_alike(judged, scoring):
        return
    raise CollapsedRefit(
        f"{spec.name}: fitted on the whole window, the recipe that was judged scores otherwise: the judged nights have"
        f" {scoring}, out of fold {judged}",
        fix=f"look at the newest nights of the window, then train again: nightshift train {spec.name} NIGHT",
    )


def _is_alike(judged: Spread, scoring: Spread) -> bool:
    ratio = scoring.width / judged.width
    moved = np.abs(scoring.means - judged.means)
    # What is no number is like nothing, and no comparison with it is true.
    is_as_wide = LEAST_RANGE <= ratio <= MOST_RANGE
    is_near = bool((moved <= MOST_MOVED * judged.width).all())
    return is_as_wide and is_near
