"""What features added to scores: a row of points for each, coloured by how large its value was."""

from typing import TYPE_CHECKING

import numpy as np

from nightshift.modelling.plots.figure import new_figure
from nightshift.modelling.shapley import ShapleyValues

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_FEATURES = 20
SPREAD = 0.3


def shapley_figure(explained: ShapleyValues) -> "Figure":
    """The features that added most, the first at the top."""
    largest = np.abs(explained.values).mean(axis=0)
    order = np.argsort(largest)[-MOST_FEATURES:]
    rows = len(explained.values)
    title = f"Shapley values of {rows:,} judged rows"
    figure, axes = new_figure(title, "added to the score", "")
    random = np.random.default_rng(0)
    for place, feature in enumerate(order):
        heights = place + random.uniform(-SPREAD, SPREAD, rows)
        points = axes.scatter(
            explained.values[:, feature],
            heights,
            c=explained.sizes[:, feature],
            cmap="coolwarm",
            vmin=0,
            vmax=1,
            s=5,
            plotnonfinite=True,
        )
    names = [explained.features[feature] for feature in order]
    axes.set_yticks(range(len(order)), names, parse_math=False)
    axes.axvline(0, color="grey", lw=0.8)
    figure.colorbar(points, ax=axes, label="value of the feature, smallest to largest", ticks=[])
    return figure
