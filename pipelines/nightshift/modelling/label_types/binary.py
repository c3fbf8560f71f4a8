"""Yes or no: the score is P(yes), the prediction whether it reaches the threshold."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nightshift.modelling.label_types.base import (
    Floats,
    Values,
    as_lake,
    as_numbers,
    is_number,
    is_text,
    mismatch,
    plain,
    shown,
)
from nightshift.modelling.metrics import binary_metrics
from nightshift.spec import ModelSpec

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline


@dataclass(frozen=True)
class Binary:
    """Labels are float32, 0 or 1 or null."""

    spec: ModelSpec
    label_type = pa.float32()
    output = "probabilities"
    monitored = ("roc_auc", "pr_auc", "log_loss", "brier", "f1", "accuracy", "base_rate", "base_rate_log_loss")
    identity = None

    @property
    def watched(self) -> str:
        """The score."""
        return self.spec.predict.score

    def typed(self, values: Values, where: str) -> pa.Array:
        """Booleans, 0 and 1, or texts of which ``label.positive`` is yes."""
        given = plain(values)
        if is_text(given.type):
            given = self._is_positive(given, where)
        elif is_number(given.type):
            numbers = given.cast(pa.float64())
            strange = pc.invert(pc.is_in(numbers, value_set=pa.array([0.0, 1.0, None])))
            if pc.any(strange).as_py():
                raise mismatch(
                    self.spec, where, f"has {shown(given, strange)}; a binary label is true or false, or 1 or 0",
                    fix="mend the source, or make label.type multiclass or regression",
                )  # fmt: skip
        elif not pa.types.is_boolean(given.type):
            raise mismatch(self.spec, where, f"is {given.type}, which is no yes or no", fix="mend the source")
        return given.cast(pa.float32())

    def _is_positive(self, texts: pa.Array, where: str) -> pa.Array:
        positive = self.spec.label.positive
        found = [value for value in pc.unique(texts).to_pylist() if value is not None]
        if positive is None:
            raise mismatch(
                self.spec, where, f"is text, e.g. {found[0]!r}" if found else "is text",
                fix="say which text means yes, as label.positive in model.yaml",
            )  # fmt: skip
        if len({*found, positive}) > 2:
            raise mismatch(
                self.spec, where, f"has {', '.join(map(repr, sorted(found)[:5]))}; a binary label has two values",
                fix="mend the source, or make label.type multiclass",
            )  # fmt: skip
        return pc.equal(texts, positive)

    def targets(self, labels: Values) -> Floats:
        """(n,) in {0, 1}."""
        return as_numbers(as_lake(self.spec, labels, self.label_type), np.float32)  # type: ignore[no-any-return]

    def predict(self, pipeline: "Pipeline", frame: "pd.DataFrame") -> Floats:
        """P(yes), (n,)."""
        return pipeline.predict_proba(frame)[:, 1]  # type: ignore[no-any-return]

    def blank(self, rows: int) -> NDArray[np.float32]:
        """(n,)."""
        return np.empty(rows, np.float32)

    def wrong(self, scores: NDArray[np.float32]) -> str:
        """Not in [0, 1]."""
        # NaN fails both comparisons.
        if not scores.size or (scores.min() >= 0 and scores.max() <= 1):
            return ""
        return f"{int((~((scores >= 0) & (scores <= 1))).sum())} scores outside [0, 1]"

    def decide(self, scores: Floats) -> NDArray[Any]:
        """True from the threshold on."""
        return scores >= self.spec.predict.threshold

    def unit(self, scores: Floats) -> float:
        """Probabilities are compared as they are."""
        return 1.0

    def resolution(self, scores: Floats) -> Floats | float:
        """Every difference counts."""
        return 0.0

    def metrics(self, labels: Floats, scores: Floats) -> dict[str, float]:
        """See ``metrics.binary_metrics``."""
        return binary_metrics(labels, scores, self.spec.predict.threshold)

    def no_skill(self, metrics: dict[str, float]) -> str:
        """Against the base rate."""
        return no_better_than_the_base_rate(metrics)

    def fields(self) -> list[pa.Field]:
        """Score and prediction."""
        return [pa.field(self.spec.predict.score, pa.float32()), pa.field(self.spec.predict.prediction, pa.bool_())]

    def columns(self, scores: NDArray[np.float32]) -> list[pa.Array]:
        """Score and prediction."""
        return [pa.array(scores), pa.array(self.decide(scores))]

    def published(self, table: pa.Table) -> Floats:
        """(n,)."""
        return as_numbers(plain(table[self.spec.predict.score]), np.float64)  # type: ignore[no-any-return]

    def watch(self, scores: Floats) -> pa.Array:
        """The scores."""
        return pa.array(scores, from_pandas=True)


def no_better_than_the_base_rate(metrics: dict[str, float]) -> str:
    """What is said of a log loss that a constant reaches."""
    if metrics["log_loss"] < metrics["base_rate_log_loss"]:
        return ""
    return (
        f"log loss {metrics['log_loss']:.4f} is no better than always saying the base rate"
        f" ({metrics['base_rate_log_loss']:.4f})"
    )
