"""Is what scores alive? It was fitted on the nights that judged its recipe, so only a collapse can be seen there."""

import numpy as np

from nightshift.errors import CollapsedRefit
from nightshift.modelling.arrays import Float64s, Floats
from nightshift.spec import ModelSpec

ENDS = (0.01, 0.99)
"""The quantiles between which scores have their range."""
MOST_MOVED = 0.5
"""Of the range out of fold: by how much the mean may move."""
RANGES = (1 / 3, 3.0)
"""How wide the range may be, by the range out of fold."""


def require_alive(spec: ModelSpec, out_of_fold: Floats, refit: Floats) -> None:
    """Raises ``CollapsedRefit`` for scores of the same rows, (n,) or (n, k), that are of another world.

    The fits differ by some nights, so their scores differ a little; a fit that failed says the same of everybody,
    or something else altogether. A recipe that says the same of all rows out of fold is for the gate to refuse.
    """
    classes = spec.label.classes or ("",)
    columns = zip(classes, _columns(out_of_fold), _columns(refit), strict=True)
    for name, before, after in columns:
        fault = _fault(before, after)
        if fault:
            of_class = f" of {name!r}" if name else ""
            raise CollapsedRefit(
                f"{spec.name}: fitted on the whole window, the recipe that was judged scores otherwise:"
                f" {fault}{of_class}",
                fix=f"train again; if it stays so, look at the last nights of the window: nightshift diff {spec.name}",
            )


def _columns(scores: Floats) -> Float64s:
    """One line for the scores of each class, or a single one."""
    exact = scores.astype(np.float64)
    by_class = exact.T
    return np.atleast_2d(by_class)


def _fault(before: Float64s, after: Float64s) -> str:
    if not np.isfinite(after).all():
        return "scores that are no numbers"
    low, high = np.quantile(before, ENDS)
    width = float(high - low)
    if width == 0.0:
        return ""
    low_after, high_after = np.quantile(after, ENDS)
    ratio = float(high_after - low_after) / width
    mean = before.mean()
    mean_after = after.mean()
    moved = abs(float(mean_after - mean))
    least, most = RANGES
    is_as_wide = least <= ratio <= most
    if is_as_wide and moved <= MOST_MOVED * width:
        return ""
    return (
        f"mean {mean_after:.4g} and range {low_after:.4g} to {high_after:.4g} of the judged nights' scores,"
        f" out of fold {mean:.4g} and {low:.4g} to {high:.4g}"
    )
