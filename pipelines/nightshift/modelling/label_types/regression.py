"""A number: what is published is the prediction alone."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightshift.modelling.arrays import Array, Float32s, Floats
from nightshift.modelling.label_types.base import ArrowValues, Floor, LabelType, ReportColumn
from nightshift.modelling.label_types.reading import (
    examples,
    from_lake,
    is_number_or_null,
    mismatch,
    nan_for_null,
)
from nightshift.modelling.metrics import regression_metrics
from nightshift.modelling.ranks import Rank, numbers_rank
from nightshift.stores.types import plain_array

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from sklearn.pipeline import Pipeline


@dataclass(frozen=True)
class Regression(LabelType):
    """Labels are float64, finite or null."""

    arrow_type = pa.float64()
    estimator_type = "regressor"
    predict_method = "predict"
    output = "variable"
    link = "Identity"
    is_seasonal = True
    tells_its_odds = False
    difference_note = "Differences are in standard deviations of the trained model's predictions on the holdout."
    floor = Floor("r2", 0.0, "always saying the mean has 0")
    metrics_kept: ClassVar[tuple[str, ...]] = ("rmse", "mae", "r2", "base_rmse", "base_mae")
    report_columns: ClassVar[tuple[ReportColumn, ...]] = (
        ReportColumn("RMSE", "rmse", 4),
        ReportColumn("RMSE of the mean", "base_rmse", 4),
        ReportColumn("MAE", "mae", 4),
        ReportColumn("MAE of the median", "base_mae", 4),
        ReportColumn("R²", "r2", 3),
    )

    @property
    def identity(self) -> str | None:
        """That it is one."""
        return json.dumps({"type": "regression"})

    @property
    def drift_column(self) -> str:
        """The prediction."""
        return self.spec.predict.prediction

    @property
    def card_line(self) -> str:
        """The prediction."""
        return f"a number, as `{self.spec.predict.prediction}`."

    def cast(self, values: ArrowValues, where: str) -> pa.Array:
        """Finite numbers."""
        labels = plain_array(values)
        if not is_number_or_null(labels.type):
            raise mismatch(
                self.spec,
                where,
                f"is {labels.type}; a regression's label is a number",
                fix="mend the source, or make label.type binary or multiclass",
            )
        numbers = labels.cast(pa.float64(), safe=False)
        infinite = pc.is_inf(numbers)
        if pc.any(infinite).as_py():
            problem = f"has {examples(numbers, infinite)}"
            raise mismatch(self.spec, where, problem, fix="mend the source: finite numbers, or null")
        return numbers

    def as_targets(self, labels: ArrowValues) -> Floats:
        """(n,)."""
        known = from_lake(self, labels)
        targets: Floats = nan_for_null(known, np.float64)
        return targets

    def predict(self, pipeline: "Pipeline", frame: "pd.DataFrame") -> Floats:
        """(n,)."""
        predictions: Floats = pipeline.predict(frame)
        return predictions

    def empty_scores(self, rows: int) -> Float32s:
        """(n,)."""
        return np.empty(rows, np.float32)

    def invalid(self, scores: Float32s) -> str:
        """Not finite."""
        finite = np.isfinite(scores)
        if finite.all():
            return ""
        return f"{np.count_nonzero(~finite)} predictions that are not finite"

    def decide(self, scores: Floats) -> Array:
        """Nothing is decided, so nothing flips."""
        rows = len(scores)
        return np.zeros(rows, np.bool_)

    def difference_scale(self, scores: Floats) -> float:
        """Their standard deviation: a difference of 1 is nothing among millions and all among tenths."""
        return float(scores.std()) or 1.0

    def rounding(self, scores: Floats) -> Floats | float:
        """One step of float32, in which predictions are published."""
        published = np.abs(scores).astype(np.float32)
        steps = np.spacing(published)
        return steps.astype(np.float64)

    def metrics(self, targets: Floats, scores: Floats) -> dict[str, float]:
        """See ``metrics.regression_metrics``."""
        return regression_metrics(targets, scores)

    def best_constant(self, metric: str, targets: Floats) -> Floats:
        """The median for absolute errors, the mean for squared ones."""
        best = np.median(targets) if metric == "absolute_error" else targets.mean()
        return np.asarray(best, np.float64)

    def rank(self, targets: Floats, scores: Floats) -> Rank | None:
        """R² of the best straight line."""
        return numbers_rank(targets, scores)

    def no_skill(self, metrics: dict[str, float]) -> str:
        """Against the constant that is best for the spec's loss."""
        if self.spec.metric == "absolute_error":
            name = "mae"
            constant = "median"
        else:
            name = "rmse"
            constant = "mean"
        of_model = metrics[name]
        of_constant = metrics[f"base_{name}"]
        if of_model < of_constant:
            return ""
        return f"{name} {of_model:.4g} is no better than always saying the {constant} ({of_constant:.4g})"

    def published_fields(self) -> list[pa.Field]:
        """The prediction."""
        name = self.spec.predict.prediction
        prediction = pa.field(name, pa.float32())
        return [prediction]

    def published_columns(self, scores: Float32s) -> list[pa.Array]:
        """The prediction."""
        return [pa.array(values) for values in self.published_values(scores)]

    def published_values(self, scores: Float32s) -> list[Any]:
        """The prediction."""
        return [scores]

    def read_scores(self, table: pa.Table) -> Floats:
        """(n,)."""
        column = self.spec.predict.prediction
        known = plain_array(table[column])
        predictions: Floats = nan_for_null(known, np.float64)
        return predictions

    def drift_values(self, scores: Floats) -> pa.Array:
        """The predictions."""
        return pa.array(scores, from_pandas=True)

    def figures(self, targets: Floats, scores: Floats) -> dict[str, "Figure"]:
        """Predicted and actual, residuals."""
        # Whatever scores imports this module: it must not come to know figures.
        from nightshift.modelling.plots.regression import figures

        return figures(self.spec, targets, scores)
