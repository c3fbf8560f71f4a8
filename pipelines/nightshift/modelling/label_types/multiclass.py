"""One of several classes: scores are P(class) of each, the prediction is the likeliest."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightshift.modelling.arrays import Array, Booleans, Float32s, Floats
from nightshift.modelling.label_types.base import ArrowValues, Floor, LabelType, Link, ReportColumn
from nightshift.modelling.label_types.reading import (
    examples,
    from_lake,
    mismatch,
    nan_for_null,
    no_better_than_the_base_rate,
)
from nightshift.modelling.metrics import multiclass_metrics, never_for_unknown
from nightshift.modelling.ranks import Rank, classes_rank
from nightshift.stores.text_values import spelled
from nightshift.stores.types import plain_array

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from sklearn.pipeline import Pipeline

SUM_TOLERANCE = 1e-3
# Of a night's labels that are in classes which the spec does not name: from here on the spec is of other data.
MOST_UNKNOWN = 0.5
# One row cannot be split from itself, as a trainer does that looks when to stop.
FEWEST_ROWS = 2


@dataclass(frozen=True)
class Multiclass(LabelType):
    """Labels are strings of ``label.classes``, and, as numbers, places among these."""

    arrow_type = pa.string()
    estimator_type = "classifier"
    predict_method = "predict_proba"
    output = "probabilities"
    link: ClassVar[Link] = "Softmax"
    adds_up = False
    sums_to_one = True
    floor = Floor("roc_auc", 0.55, "a coin has 0.5")
    metrics_kept: ClassVar[tuple[str, ...]] = ("accuracy", "log_loss", "brier", "roc_auc", "f1", "base_rate_log_loss")
    report_columns: ClassVar[tuple[ReportColumn, ...]] = (
        ReportColumn("base rates' loss", "base_rate_log_loss", 3),
        ReportColumn("log loss", "log_loss", 3),
        ReportColumn("accuracy", "accuracy", 3),
        ReportColumn("F1, mean of classes", "f1", 3),
        ReportColumn("ROC AUC, each against the rest", "roc_auc", 3),
        ReportColumn("Brier", "brier", 3),
    )

    @property
    def identity(self) -> str | None:
        """The classes in order: columns of a graph mean nothing without them."""
        return json.dumps({"type": "multiclass", "classes": self.spec.label.classes})

    @property
    def drift_column(self) -> str:
        """The predicted class."""
        return self.spec.predict.prediction

    @property
    def card_line(self) -> str:
        """The likeliest class, and the column of each."""
        pairs = zip(self.spec.label.classes, self.spec.scores, strict=True)
        scores = ", ".join(f"{name} as `{column}`" for name, column in pairs)
        prediction = self.spec.predict.prediction
        return f"a class, as `{prediction}`: the likeliest.\n  The probability of each, in [0, 1]: {scores}."

    @property
    def _classes(self) -> pa.Array:
        return pa.array(self.spec.label.classes, pa.string())

    def cast(self, values: ArrowValues, where: str) -> pa.Array:
        """Texts, or whole numbers and booleans by their text, among ``label.classes``."""
        texts = spelled(_as_text(plain_array(values)), self.spec.label.classes)
        strange = self._strange(texts)
        number = pc.sum(strange).as_py() or 0
        if number and number >= MOST_UNKNOWN * (len(texts) - texts.null_count):
            raise mismatch(
                self.spec,
                where,
                f"has {examples(texts, strange)}, which label.classes lacks, in {number} of {len(texts)} rows",
                fix="mend the source, or add it to label.classes in model.yaml and ingest the night again",
            )
        return texts

    def unknown(self, labels: ArrowValues) -> dict[str, int]:
        """Texts that are none of ``label.classes``, and how often each is there."""
        texts = from_lake(self, labels)
        strange = texts.filter(self._strange(texts))
        counts = pc.value_counts(strange).to_pylist()
        by_text = {count["values"]: count["counts"] for count in counts}
        return dict(sorted(by_text.items()))

    def as_targets(self, labels: ArrowValues) -> Floats:
        """Places among the classes, (n,); NaN also for a class that the spec does not name."""
        texts = from_lake(self, labels)
        places = pc.index_in(texts, value_set=self._classes)
        numbers = places.cast(pa.float64())
        targets: Floats = nan_for_null(numbers, np.float64)
        return targets

    def _strange(self, texts: pa.Array) -> pa.Array:
        """Which texts are classes that the spec does not name."""
        is_known = pc.is_in(texts, value_set=self._classes)
        return pc.and_(pc.invert(is_known), pc.is_valid(texts))

    def text_of(self, target: float) -> str:
        """The class, quoted."""
        classes = self.spec.label.classes
        return repr(classes[int(target)])

    def scarce_classes(self, targets: Floats) -> list[str]:
        """In the order of the spec."""
        classes = self.spec.label.classes
        rows = np.bincount(targets.astype(np.int64), minlength=len(classes))
        return [name for name, count in zip(classes, rows, strict=True) if count < FEWEST_ROWS]

    def predict(self, pipeline: "Pipeline", frame: "pd.DataFrame") -> Floats:
        """(n, k)."""
        scores: Floats = pipeline.predict_proba(frame)
        return scores

    def empty_scores(self, rows: int) -> Float32s:
        """(n, k)."""
        classes = len(self.spec.label.classes)
        return np.empty((rows, classes), np.float32)

    def invalid(self, scores: Float32s) -> str:
        """Not in [0, 1], or rows that do not sum to 1."""
        inside = ((scores >= 0) & (scores <= 1)).all(axis=1)
        away_from_one = np.abs(scores.sum(axis=1) - 1)
        good = inside & (away_from_one <= SUM_TOLERANCE)
        if good.all():
            return ""
        return f"{np.count_nonzero(~good)} rows of scores outside [0, 1] or not summing to 1"

    def decide(self, scores: Floats) -> Array:
        """The place of the largest, the first of equals; never of a class that the model does not know."""
        return np.asarray(never_for_unknown(scores).argmax(axis=1))

    def margins(self, scores: Floats, decided: Array) -> Floats:
        """Half of what the likeliest class is ahead: it falls as the other rises."""
        known = never_for_unknown(scores)
        rows = np.arange(len(known))
        likeliest = known.max(axis=1)
        of_decided = known[rows, decided]
        ahead = likeliest - of_decided
        margins: Floats = ahead / 2
        return margins

    def metrics(self, targets: Floats, scores: Floats) -> dict[str, float]:
        """See ``metrics.multiclass_metrics``."""
        return multiclass_metrics(targets, scores)

    @property
    def outcome_names(self) -> tuple[str, ...]:
        """The classes."""
        return self.spec.label.classes

    def indicators(self, targets: Floats) -> Floats:
        """1 for the class that came, else 0."""
        places = targets.astype(np.int64)
        return np.eye(len(self.spec.label.classes))[places]

    def best_constant(self, metric: str, targets: Floats) -> Floats:
        """The classes' shares."""
        return self.outcome(targets)

    def taught(self, targets: Floats, scores: Floats) -> Booleans:
        """A class that a model does not know has no score."""
        taught = np.ones(len(targets), np.bool_)
        places = np.flatnonzero(np.isfinite(targets))
        of_outcome = scores[places, targets[places].astype(np.int64)]
        taught[places] = ~np.isnan(of_outcome)
        return taught

    def asked_about(self, scores: Floats) -> dict[str, int]:
        """The predicted class."""
        (place,) = self.decide(scores[None, :])
        return {self.spec.scores[place]: int(place)}

    def rank(self, targets: Floats, scores: Floats) -> Rank | None:
        """The mean area of the classes that came."""
        return classes_rank(targets, scores)

    def no_skill(self, metrics: dict[str, float]) -> str:
        """Against the classes' shares."""
        return no_better_than_the_base_rate(metrics)

    def published_fields(self) -> list[pa.Field]:
        """A score for each class, and the prediction."""
        fields = [pa.field(name, pa.float32()) for name in self.spec.scores]
        prediction = self.spec.predict.prediction
        fields.append(pa.field(prediction, pa.string()))
        return fields

    def published_columns(self, scores: Float32s) -> list[pa.Array]:
        """A score for each class, null where the model does not know it, and the prediction."""
        by_class = np.ascontiguousarray(scores.T)
        columns = [pa.array(of_class, from_pandas=True) for of_class in by_class]
        places = self.decide(scores).astype(np.int32)
        predictions = pa.DictionaryArray.from_arrays(pa.array(places), self._classes)
        columns.append(predictions)
        return columns

    def read_scores(self, table: pa.Table) -> Floats:
        """(n, k); NaN for a class that the spec did not name when the rows were scored."""
        columns = []
        for name in self.spec.scores:
            if name not in table.column_names:
                columns.append(np.full(table.num_rows, np.nan))
                continue
            known = plain_array(table[name])
            columns.append(nan_for_null(known, np.float64))
        return np.column_stack(columns)

    def drift_values(self, scores: Floats) -> pa.Array:
        """The predicted classes."""
        unknown = np.isnan(scores).all(axis=1)
        decided = self.decide(scores)
        places = pa.array(decided, mask=unknown)
        return self._classes.take(places)

    def figures(self, targets: Floats, scores: Floats) -> dict[str, "Figure"]:
        """Confusion and confidence."""
        # Whatever scores imports this module: it must not come to know figures.
        from nightshift.modelling.plots.multiclass import figures

        return figures(self.spec, targets, scores)


def _as_text(values: pa.Array) -> pa.Array:
    if pa.types.is_floating(values.type):
        # Whole numbers with a null among them come as floats.
        numbers = values.drop_null().to_numpy()
        if (numbers % 1 == 0).all():
            values = values.cast(pa.int64())
    return values.cast(pa.string())
