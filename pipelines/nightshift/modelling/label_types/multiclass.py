"""One of several classes: scores are P(class) of each, the prediction is the likeliest."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nightshift.modelling.label_types.base import Floats, Values, as_lake, as_numbers, is_text, mismatch, plain, shown
from nightshift.modelling.label_types.binary import no_better_than_the_base_rate
from nightshift.modelling.metrics import multiclass_metrics
from nightshift.spec import ModelSpec

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

SUM_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Multiclass:
    """Labels are strings of ``label.classes``, and, as numbers, places among these."""

    spec: ModelSpec
    label_type = pa.string()
    output = "probabilities"
    monitored = ("accuracy", "log_loss", "brier", "roc_auc", "f1", "base_rate_log_loss")

    @property
    def watched(self) -> str:
        """The predicted class."""
        return self.spec.predict.prediction

    @property
    def identity(self) -> str | None:
        """The classes in order: columns of a graph mean nothing without them."""
        return json.dumps({"type": "multiclass", "classes": self.spec.label.classes})

    @property
    def _classes(self) -> pa.Array:
        return pa.array(self.spec.label.classes, pa.string())

    def typed(self, values: Values, where: str) -> pa.Array:
        """Texts, or whole numbers and booleans by their text, among ``label.classes``."""
        texts = _as_text(plain(values))
        self._places(texts, where)
        return texts

    def targets(self, labels: Values) -> Floats:
        """Places among the classes, (n,)."""
        places = self._places(as_lake(self.spec, labels, self.label_type), self.spec.name)
        return as_numbers(places.cast(pa.float64()), np.float64)  # type: ignore[no-any-return]

    def _places(self, texts: pa.Array, where: str) -> pa.Array:
        found = pc.index_in(texts, value_set=self._classes)
        if found.null_count > texts.null_count:
            strange = pc.and_(pc.is_null(found), pc.is_valid(texts))
            raise mismatch(
                self.spec, where, f"has {shown(texts, strange)}, which label.classes lacks",
                fix="mend the source, or add it to label.classes in model.yaml and train again",
            )  # fmt: skip
        return found

    def predict(self, pipeline: "Pipeline", frame: "pd.DataFrame") -> Floats:
        """(n, k)."""
        return pipeline.predict_proba(frame)  # type: ignore[no-any-return]

    def blank(self, rows: int) -> NDArray[np.float32]:
        """(n, k)."""
        return np.empty((rows, len(self.spec.label.classes)), np.float32)

    def wrong(self, scores: NDArray[np.float32]) -> str:
        """Not in [0, 1], or rows that do not sum to 1."""
        good = ((scores >= 0) & (scores <= 1)).all(axis=1) & (np.abs(scores.sum(axis=1) - 1) <= SUM_TOLERANCE)
        return "" if good.all() else f"{int((~good).sum())} rows of scores outside [0, 1] or not summing to 1"

    def decide(self, scores: Floats) -> NDArray[Any]:
        """The place of the largest, the first of equals."""
        return np.asarray(scores.argmax(axis=1))

    def unit(self, scores: Floats) -> float:
        """Probabilities are compared as they are."""
        return 1.0

    def resolution(self, scores: Floats) -> Floats | float:
        """Every difference counts."""
        return 0.0

    def metrics(self, labels: Floats, scores: Floats) -> dict[str, float]:
        """See ``metrics.multiclass_metrics``."""
        return multiclass_metrics(labels, scores)

    def no_skill(self, metrics: dict[str, float]) -> str:
        """Against the classes' shares."""
        return no_better_than_the_base_rate(metrics)

    def fields(self) -> list[pa.Field]:
        """A score for each class, and the prediction."""
        scores = [pa.field(name, pa.float32()) for name in self.spec.scores]
        return [*scores, pa.field(self.spec.predict.prediction, pa.string())]

    def columns(self, scores: NDArray[np.float32]) -> list[pa.Array]:
        """A score for each class, and the prediction."""
        places = pa.array(self.decide(scores).astype(np.int32))
        turned = np.ascontiguousarray(scores.T)
        return [*(pa.array(line) for line in turned), pa.DictionaryArray.from_arrays(places, self._classes)]

    def published(self, table: pa.Table) -> Floats:
        """(n, k)."""
        columns = [as_numbers(plain(table[name]), np.float64) for name in self.spec.scores]
        return np.column_stack(columns)

    def watch(self, scores: Floats) -> pa.Array:
        """The predicted classes."""
        places = pa.array(self.decide(scores), mask=np.isnan(scores).any(axis=1))
        return self._classes.take(places)


def _as_text(values: pa.Array) -> pa.Array:
    if pa.types.is_floating(values.type) and (values.drop_null().to_numpy() % 1 == 0).all():
        # Whole numbers with a null among them come as floats.
        values = values.cast(pa.int64())
    return values if is_text(values.type) and values.type == pa.string() else values.cast(pa.string())
