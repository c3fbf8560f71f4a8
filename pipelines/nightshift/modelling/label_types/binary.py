"""Yes or no: the score is P(yes), the prediction whether it reaches the threshold."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightshift.modelling.arrays import Array, Float32s, Floats
from nightshift.modelling.label_types.base import ArrowValues, Floor, LabelType, ReportColumn
from nightshift.modelling.label_types.negatives import known_negatives, neither
from nightshift.modelling.label_types.reading import (
    examples,
    from_lake,
    is_number_or_null,
    mismatch,
    nan_for_null,
    no_better_than_the_base_rate,
)
from nightshift.modelling.metrics import binary_metrics
from nightshift.modelling.ranks import Rank, binary_rank
from nightshift.modelling.thresholds import cheapest_threshold, threshold_for
from nightshift.quotes import quoted
from nightshift.stores.text_values import places_among
from nightshift.stores.types import is_text, plain_array

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from sklearn.pipeline import Pipeline

FEW = 8
"""Scores of so many are looked at one by one: to ask numpy takes a lone row as long as its score."""


@dataclass(frozen=True)
class Binary(LabelType):
    """Labels are float32, 0 or 1 or null."""

    arrow_type = pa.float32()
    estimator_type = "classifier"
    predict_method = "predict_proba"
    output = "probabilities"
    link = "Sigmoid"
    has_threshold = True
    can_be_distilled = True
    floor = Floor("roc_auc", 0.55, "a coin has 0.5")
    metrics_kept = ("roc_auc", "pr_auc", "log_loss", "brier", "f1", "accuracy", "base_rate", "base_rate_log_loss")
    report_columns = (
        ReportColumn("base rate's loss", "base_rate_log_loss", 3),
        ReportColumn("log loss", "log_loss", 3),
        ReportColumn("ROC AUC", "roc_auc", 3),
        ReportColumn("PR AUC", "pr_auc", 3),
        ReportColumn("Brier", "brier", 3),
        ReportColumn("base rate", "base_rate", 2),
    )

    @property
    def drift_column(self) -> str:
        """The score."""
        return self.spec.predict.score

    @property
    def card_line(self) -> str:
        """The score, and from where on it means yes."""
        predict = self.spec.predict
        return f"as `{predict.score}` in [0, 1];\n  `{predict.prediction}` is true from {predict.decides_from}."

    def cast(self, values: ArrowValues, where: str) -> pa.Array:
        """Booleans, 0 and 1, or the texts ``label.positive`` and ``label.negative``."""
        labels = plain_array(values)
        if is_text(labels.type):
            labels = self._is_positive(labels.cast(pa.string()), where)
        elif is_number_or_null(labels.type):
            self._require_zero_or_one(labels, where)
        elif not pa.types.is_boolean(labels.type):
            raise mismatch(self.spec, where, f"is {labels.type}, which is no yes or no", fix="mend the source")
        return labels.cast(pa.float32())

    def _require_zero_or_one(self, labels: pa.Array, where: str) -> None:
        allowed = pa.array([0.0, 1.0, None])
        strange = pc.invert(pc.is_in(labels.cast(pa.float64()), value_set=allowed))
        if pc.any(strange).as_py():
            raise mismatch(
                self.spec,
                where,
                f"has {examples(labels, strange)}; a binary label is true or false, or 1 or 0",
                fix="mend the source, or make label.type multiclass or regression",
            )

    def _is_positive(self, texts: pa.Array, where: str) -> pa.Array:
        positive = self.spec.label.positive
        if positive is None:
            different = pc.unique(texts.drop_null()).to_pylist()
            raise mismatch(
                self.spec,
                where,
                f"is text, e.g. {quoted(different[0])}" if different else "is text",
                fix="say which text means yes, as label.positive in model.yaml",
            )
        negatives = known_negatives(self.spec, texts, where)
        places = places_among(texts, [positive, *negatives])
        if places.null_count > texts.null_count:
            strangers = texts.filter(pc.is_null(places))
            raise neither(self.spec, texts, strangers, negatives, where)
        return pc.equal(places, 0)

    def as_targets(self, labels: ArrowValues) -> Floats:
        """(n,) in {0, 1}."""
        known = from_lake(self, labels)
        targets: Floats = nan_for_null(known, np.float32)
        return targets

    def predict(self, pipeline: "Pipeline", frame: "pd.DataFrame") -> Floats:
        """P(yes), (n,)."""
        of_both: Floats = pipeline.predict_proba(frame)
        return of_both[:, 1]

    def empty_scores(self, rows: int) -> Float32s:
        """(n,)."""
        return np.empty(rows, np.float32)

    def invalid(self, scores: Float32s) -> str:
        """Not in [0, 1]."""
        # NaN fails both comparisons.
        if scores.size <= FEW and all(0 <= score <= 1 for score in scores.tolist()):
            return ""
        if scores.size and scores.min() >= 0 and scores.max() <= 1:
            return ""
        good = (scores >= 0) & (scores <= 1)
        return f"{np.count_nonzero(~good)} scores outside [0, 1]"

    def decide(self, scores: Floats) -> Array:
        """True from the threshold on."""
        threshold = self.spec.predict.decides_from
        return scores >= threshold

    def margins(self, scores: Floats, decided: Array) -> Floats:
        """To the threshold, or nowhere."""
        threshold = self.spec.predict.decides_from
        distances = np.abs(scores - threshold)
        is_there = self.decide(scores) == decided
        distances[is_there] = 0.0
        return distances

    def threshold_for(self, targets: Floats, scores: Floats) -> float | None:
        """By ``predict.share``, or by ``predict.costs`` where they shall say it of these rows."""
        predict = self.spec.predict
        if predict.share is not None:
            return threshold_for(scores, predict.share)
        if predict.learn_threshold and predict.costs is not None:
            return cheapest_threshold(targets, scores, predict.costs)
        return None

    def threshold_note(self, scores: Floats) -> str:
        """That all predictions are the same."""
        threshold = self.spec.predict.decides_from
        highest = float(scores.max())
        lowest = float(scores.min())
        if highest < threshold:
            return f"no row of the holdout reaches predict.threshold {threshold:g}: the highest score is {highest:.4f}"
        if lowest >= threshold:
            return f"every row of the holdout reaches predict.threshold {threshold:g}: the lowest score is {lowest:.4f}"
        return ""

    def metrics(self, targets: Floats, scores: Floats) -> dict[str, float]:
        """See ``metrics.binary_metrics``."""
        threshold = self.spec.predict.decides_from
        return binary_metrics(targets, scores, threshold)

    def rank(self, targets: Floats, scores: Floats) -> Rank | None:
        """The area under the ROC curve."""
        return binary_rank(targets, scores)

    def no_skill(self, metrics: dict[str, float]) -> str:
        """Against the base rate."""
        return no_better_than_the_base_rate(metrics)

    def published_fields(self) -> list[pa.Field]:
        """Score and prediction."""
        predict = self.spec.predict
        return [
            pa.field(predict.score, pa.float32()),
            pa.field(predict.prediction, pa.bool_()),
        ]

    def published_columns(self, scores: Float32s) -> list[pa.Array]:
        """Score and prediction."""
        return [pa.array(values) for values in self.published_values(scores)]

    def published_values(self, scores: Float32s) -> list[Any]:
        """Score and prediction."""
        return [scores, self.decide(scores)]

    def read_scores(self, table: pa.Table) -> Floats:
        """(n,)."""
        column = self.spec.predict.score
        known = plain_array(table[column])
        scores: Floats = nan_for_null(known, np.float64)
        return scores

    def drift_values(self, scores: Floats) -> pa.Array:
        """The scores."""
        return pa.array(scores, from_pandas=True)

    def figures(self, targets: Floats, scores: Floats) -> dict[str, "Figure"]:
        """ROC, precision and recall, calibration."""
        # Whatever scores imports this module: it must not come to know figures.
        from nightshift.modelling.plots.binary import figures

        return figures(self.spec, targets, scores)
