"""A number: what is published is the prediction alone."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nightshift.modelling.label_types.base import Floats, Values, as_lake, as_numbers, is_number, mismatch, plain, shown
from nightshift.modelling.metrics import regression_metrics
from nightshift.spec import ModelSpec

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline


@dataclass(frozen=True)
class Regression:
    """Labels are float64, finite or null."""

    spec: ModelSpec
    label_type = pa.float64()
    output = "variable"
    monitored = ("rmse", "mae", "r2", "base_rmse", "base_mae")
    identity = json.dumps({"type": "regression"})

    @property
    def watched(self) -> str:
        """The prediction."""
        return self.spec.predict.prediction

    def typed(self, values: Values, where: str) -> pa.Array:
        """Finite numbers."""
        given = plain(values)
        if not is_number(given.type):
            raise mismatch(
                self.spec, where, f"is {given.type}; a regression's label is a number",
                fix="mend the source, or make label.type binary or multiclass",
            )  # fmt: skip
        numbers = given.cast(pa.float64(), safe=False)
        infinite = pc.is_inf(numbers)
        if pc.any(infinite).as_py():
            raise mismatch(
                self.spec, where, f"has {shown(numbers, infinite)}", fix="mend the source: finite numbers, or null"
            )
        return numbers

    def targets(self, labels: Values) -> Floats:
        """(n,)."""
        return as_numbers(as_lake(self.spec, labels, self.label_type), np.float64)  # type: ignore[no-any-return]

    def predict(self, pipeline: "Pipeline", frame: "pd.DataFrame") -> Floats:
        """(n,)."""
        return pipeline.predict(frame)  # type: ignore[no-any-return]

    def blank(self, rows: int) -> NDArray[np.float32]:
        """(n,)."""
        return np.empty(rows, np.float32)

    def wrong(self, scores: NDArray[np.float32]) -> str:
        """Not finite."""
        good = np.isfinite(scores)
        return "" if good.all() else f"{int((~good).sum())} predictions that are not finite"

    def decide(self, scores: Floats) -> NDArray[Any]:
        """Nothing is decided, so nothing flips."""
        return np.zeros(len(scores), np.bool_)

    def unit(self, scores: Floats) -> float:
        """Their standard deviation: a difference of 1 is nothing among millions and all among tenths."""
        return float(scores.std()) or 1.0

    def resolution(self, scores: Floats) -> Floats | float:
        """One step of float32, in which predictions are published."""
        return np.spacing(np.abs(scores).astype(np.float32)).astype(np.float64)

    def metrics(self, labels: Floats, scores: Floats) -> dict[str, float]:
        """See ``metrics.regression_metrics``."""
        return regression_metrics(labels, scores)

    def no_skill(self, metrics: dict[str, float]) -> str:
        """Against the constant that is best for the spec's loss."""
        name, constant = ("mae", "median") if self.spec.metric == "absolute_error" else ("rmse", "mean")
        mine, theirs = metrics[name], metrics[f"base_{name}"]
        return (
            "" if mine < theirs else f"{name} {mine:.4g} is no better than always saying the {constant} ({theirs:.4g})"
        )

    def fields(self) -> list[pa.Field]:
        """The prediction."""
        return [pa.field(self.watched, pa.float32())]

    def columns(self, scores: NDArray[np.float32]) -> list[pa.Array]:
        """The prediction."""
        return [pa.array(scores)]

    def published(self, table: pa.Table) -> Floats:
        """(n,)."""
        return as_numbers(plain(table[self.watched]), np.float64)  # type: ignore[no-any-return]

    def watch(self, scores: Floats) -> pa.Array:
        """The predictions."""
        return pa.array(scores, from_pandas=True)
