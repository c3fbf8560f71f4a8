"""Quantiles of a number: how large it will be at most, with this probability and that."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from nightshift.modelling.arrays import Array, Float32s, Float64s, Floats
from nightshift.modelling.label_types.base import Floor, ReportColumn
from nightshift.modelling.label_types.reading import nan_for_null
from nightshift.modelling.label_types.regression import Regression
from nightshift.modelling.metrics import quantile_losses, quantile_metrics
from nightshift.modelling.ranks import Rank, numbers_rank
from nightshift.spec import ModelSpec
from nightshift.stores.types import plain_array

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from sklearn.pipeline import Pipeline


@dataclass(frozen=True)
class Quantile(Regression):
    """Labels are float64, finite or null; scores (n, k) rise from quantile to quantile."""

    is_ordered = True
    floor = Floor("pinball_skill", 0.0, "always saying the labels' own quantiles has 0")
    metrics_kept = ("pinball", "base_pinball", "pinball_skill", "coverage", "coverage_error", "mae")
    report_columns = (
        ReportColumn("pinball loss", "pinball", 4),
        ReportColumn("that of the labels' own quantiles", "base_pinball", 4),
        ReportColumn("skill", "pinball_skill", 3),
        ReportColumn("share between the outermost", "coverage", 3),
        ReportColumn("furthest share from its quantile", "coverage_error", 3),
    )

    @property
    def _levels(self) -> Float64s:
        return np.array(self.spec.label.quantiles)

    @property
    def identity(self) -> str | None:
        """The quantiles in order: columns of a graph mean nothing without them."""
        return json.dumps({"type": "quantile", "quantiles": self.spec.label.quantiles})

    @property
    def card_line(self) -> str:
        """The number that stands for all, and the column of each."""
        label = self.spec.label
        prediction = self.spec.predict.prediction
        columns = []
        for level, column in zip(label.quantiles, self.spec.scores, strict=True):
            columns.append(f"{level:g} as `{column}`")
        middle = label.quantiles[label.middle]
        named = ", ".join(columns)
        return f"a number, as `{prediction}`: its {middle:g} quantile.\n  Its quantiles: {named}."

    @property
    def parts(self) -> tuple[ModelSpec, ...]:
        """A regression for each quantile."""
        parts = []
        for level in self.spec.label.quantiles:
            alone = {"type": "regression", "quantiles": (level,)}
            label = self.spec.label.model_copy(update=alone)
            parts.append(self.spec.model_copy(update={"label": label}))
        return tuple(parts)

    def predict(self, pipeline: "Pipeline", frame: "pd.DataFrame") -> Floats:
        """(n, k), in order."""
        raw: Floats = pipeline.predict(frame)
        return in_order(raw, self.spec.label.middle)

    def empty_scores(self, rows: int) -> Float32s:
        """(n, k)."""
        quantiles = len(self.spec.label.quantiles)
        return np.empty((rows, quantiles), np.float32)

    def invalid(self, scores: Float32s) -> str:
        """Not finite, or not in order."""
        finite = super().invalid(scores)
        falling = np.diff(scores, axis=1) < 0
        if finite or not falling.any():
            return finite
        rows = np.count_nonzero(falling.any(axis=1))
        return f"{rows} rows of quantiles that do not rise"

    def difference_scale(self, scores: Floats) -> float:
        """The standard deviation of the quantile that varies most."""
        return float(scores.std(axis=0).max()) or 1.0

    def metrics(self, targets: Floats, scores: Floats) -> dict[str, float]:
        """See ``metrics.quantile_metrics``."""
        return quantile_metrics(
            targets,
            scores,
            self._levels,
            self.spec.label.middle,
        )

    def row_losses(self, metric: str, targets: Floats, scores: Floats) -> Float64s:
        """The mean over the quantiles."""
        return quantile_losses(
            targets,
            scores,
            self._levels,
        )

    def best_constant(self, metric: str, targets: Floats) -> Floats:
        """The targets' own quantiles."""
        return self.outcome(targets)

    @property
    def outcome_names(self) -> tuple[str, ...]:
        """The quantiles."""
        return self.spec.label.quantile_names

    def outcome(self, targets: Floats) -> Float64s:
        """The targets' own quantiles."""
        own = np.quantile(
            targets,
            self._levels,
        )
        return np.asarray(own, np.float64)

    def biases(self, targets: Floats, scores: Floats) -> Float64s:
        """What each quantile says of the share at or below it, less whether the row's outcome was."""
        column = targets[:, None]
        is_below = column <= scores
        biases = self._levels - is_below
        return np.asarray(biases, np.float64)

    def points(self, scores: Floats) -> Floats:
        """The quantile that stands for all."""
        return scores[:, self.spec.label.middle]

    def asked_about(self, scores: Floats) -> dict[str, int]:
        """The quantile that stands for all."""
        middle = self.spec.label.middle
        return {self.spec.scores[middle]: middle}

    def rank(self, targets: Floats, scores: Floats) -> Rank | None:
        """R² of the best straight line through the quantile that stands for all."""
        return numbers_rank(targets, self.points(scores))

    def no_skill(self, metrics: dict[str, float]) -> str:
        """Against the best constants."""
        pinball = metrics["pinball"]
        of_constant = metrics["base_pinball"]
        if pinball < of_constant:
            return ""
        return f"pinball {pinball:.4g} is no better than always saying the labels' own quantiles ({of_constant:.4g})"

    def published_fields(self) -> list[pa.Field]:
        """Each quantile, and the one that stands for all."""
        prediction = self.spec.predict.prediction
        fields = []
        for name in (*self.spec.scores, prediction):
            field = pa.field(name, pa.float32())
            fields.append(field)
        return fields

    def published_values(self, scores: Float32s) -> list[Any]:
        """The same."""
        by_quantile = list(np.ascontiguousarray(scores.T))
        middle = self.spec.label.middle
        return [*by_quantile, by_quantile[middle]]

    def read_scores(self, table: pa.Table) -> Floats:
        """(n, k)."""
        columns = []
        for name in self.spec.scores:
            known = plain_array(table[name])
            columns.append(nan_for_null(known, np.float64))
        return np.column_stack(columns)

    def drift_values(self, scores: Floats) -> pa.Array:
        """The quantile that stands for all."""
        return pa.array(self.points(scores), from_pandas=True)

    def figures(self, targets: Floats, scores: Floats) -> dict[str, "Figure"]:
        """Shares below each quantile, and the quantiles with what came."""
        # Whatever scores imports this module: it must not come to know figures.
        from nightshift.modelling.plots.quantile import figures

        return figures(self.spec, targets, scores)


def in_order(scores: Array, middle: int) -> Array:
    """Quantiles (n, k) that were learnt apart, none of which crosses another on the way out from the middle one."""
    upwards = scores[:, middle:]
    downwards = scores[:, middle::-1]
    above = np.maximum.accumulate(
        upwards,
        axis=1,
    )
    below = np.minimum.accumulate(
        downwards,
        axis=1,
    )
    in_place = below[:, :0:-1]
    return np.hstack([
        in_place,
        above,
    ])
