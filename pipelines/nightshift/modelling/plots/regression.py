"""How far predictions are from what came."""

from typing import TYPE_CHECKING

from nightshift.modelling.arrays import Floats
from nightshift.modelling.plots.figure import new_figure, some_rows
from nightshift.spec import ModelSpec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_POINTS = 5_000


def figures(spec: ModelSpec, labels: Floats, scores: Floats) -> dict[str, "Figure"]:
    """Figures by name; labels and predictions, both (n,)."""
    return {
        "predicted_actual": _predicted_actual(spec, labels, scores),
        "residuals": _residuals(spec, labels, scores),
    }


def _predicted_actual(spec: ModelSpec, labels: Floats, scores: Floats) -> "Figure":
    figure, axes = new_figure("Predicted and actual on the judged nights", "predicted", spec.label.column)
    chosen = some_rows(spec, len(labels), MOST_POINTS)
    axes.plot(scores[chosen], labels[chosen], ".", alpha=0.4)
    lowest = min(scores.min(), labels.min())
    highest = max(scores.max(), labels.max())
    ends = [lowest, highest]
    axes.plot(ends, ends, "--", color="grey", label="perfect")
    axes.legend()
    return figure


def _residuals(spec: ModelSpec, labels: Floats, scores: Floats) -> "Figure":
    figure, axes = new_figure("Residuals on the judged nights", f"{spec.label.column} less prediction", "rows")
    residuals = labels - scores
    mean = residuals.mean()
    axes.hist(residuals, bins=60)
    axes.axvline(0, color="grey", ls="--")
    axes.axvline(mean, color="tab:red", label=f"mean {mean:.3g}")
    axes.legend()
    return figure
