"""Any of several classes, none or all of them: scores are P(class) of each, the prediction those that are likely."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightshift.modelling.arrays import Array, Booleans, Float32s, Float64s, Floats
from nightshift.modelling.label_types.base import ArrowValues, ReportColumn
from nightshift.modelling.label_types.class_sets import members, number_of, sets_of, unknown_members
from nightshift.modelling.label_types.multiclass import Multiclass
from nightshift.modelling.label_types.reading import (
    from_lake,
    mismatch,
    nan_for_null,
)
from nightshift.modelling.metrics import multilabel_metrics, never_for_unknown, row_losses
from nightshift.modelling.ranks import Rank, mean_rank
from nightshift.spec import ModelSpec
from nightshift.stores.types import is_text, plain_array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_UNKNOWN = 0.5
"""Of a night's labels that name classes which the spec does not: from here on the spec is of other data."""
HALF = 0.5
FEWEST_ROWS = 2
"""With a class, and without it: fewer teach nothing."""


@dataclass(frozen=True)
class Multilabel(Multiclass):
    """Labels are strings of classes of ``label.classes``; as numbers, sums of two to the power of their places."""

    link = "Sigmoid"
    sums_to_one = False
    tells_its_odds = False
    fewest_classes = 2
    metrics_kept = ("log_loss", "brier", "roc_auc", "f1", "accuracy", "base_rate_log_loss")
    report_columns = (
        ReportColumn("base rates' loss", "base_rate_log_loss", 3),
        ReportColumn("log loss", "log_loss", 3),
        ReportColumn("F1, mean of classes", "f1", 3),
        ReportColumn("ROC AUC, mean of classes", "roc_auc", 3),
        ReportColumn("rows with every class right", "accuracy", 3),
        ReportColumn("Brier", "brier", 3),
    )

    @property
    def identity(self) -> str | None:
        """The classes in order: columns of a graph mean nothing without them."""
        return json.dumps({"type": "multilabel", "classes": self.spec.label.classes})

    @property
    def card_line(self) -> str:
        """The likely classes, and the column of each."""
        label = self.spec.label
        predict = self.spec.predict
        columns = []
        for name, column in zip(label.classes, self.spec.scores, strict=True):
            columns.append(f"{name} as `{column}`")
        scores = ", ".join(columns)
        likely = f"those from {predict.decides_from} on, with `{label.separator}` between"
        return (
            f"any of several classes, as `{predict.prediction}`: {likely}.\n"
            f"  The probability of each, in [0, 1]: {scores}."
        )

    @property
    def parts(self) -> tuple[ModelSpec, ...]:
        """Yes or no for each class."""
        alone = {"type": "binary", "classes": ()}
        label = self.spec.label.model_copy(update=alone)
        part = self.spec.model_copy(update={"label": label})
        return (part,) * len(self.spec.label.classes)

    def part_targets(self, targets: Floats, place: int) -> Floats:
        """Whether each row has the class."""
        outcomes = self.indicators(targets)
        return outcomes[:, place]

    def ordering(self, targets: Floats) -> Floats:
        """How many of the classes a row has."""
        outcomes = self.indicators(targets)
        number = outcomes.sum(axis=1)
        return np.asarray(number, np.float64)

    def made_up(self, rows: int, rng: np.random.Generator) -> Floats:
        """Each class on about half of the rows."""
        classes = len(self.spec.label.classes)
        chances = rng.random((rows, classes))
        return sets_of(chances < HALF)

    def cast(self, values: ArrowValues, where: str) -> pa.Array:
        """Texts of classes with ``label.separator`` between, or lists of texts; each class once."""
        texts = members(self.spec, plain_array(values))
        if not is_text(texts.type):
            problem = f"is {texts.type}; a multilabel label is text, or a list of texts"
            raise mismatch(self.spec, where, problem, fix="mend the source")
        strange = unknown_members(self.spec, texts)
        if sum(strange.values()) >= MOST_UNKNOWN * max(1, len(texts) - texts.null_count):
            named = ", ".join(list(strange)[:3])
            raise mismatch(
                self.spec,
                where,
                f"names {named}, which label.classes lacks",
                fix="mend the source, or add it to label.classes in model.yaml and ingest the night again",
            )
        return texts

    def unknown(self, labels: ArrowValues) -> dict[str, int]:
        """Classes that are none of ``label.classes``, and how many rows have each."""
        texts = from_lake(self, labels)
        return unknown_members(
            self.spec,
            texts,
        )

    def as_targets(self, labels: ArrowValues) -> Floats:
        """Sums of powers of two, (n,); NaN also for rows with a class that the spec does not name."""
        texts = from_lake(self, labels)
        encoded = pc.dictionary_encode(texts)
        numbers = []
        for text in encoded.dictionary.to_pylist():
            number = number_of(self.spec, text)
            numbers.append(number)
        known = pa.array(numbers, pa.float64())
        sums = known.take(encoded.indices)
        targets: Floats = nan_for_null(sums, np.float64)
        return targets

    def text_of(self, target: float) -> str:
        """The classes, quoted."""
        return repr(self._text(int(target)))

    def _text(self, number: int) -> str:
        label = self.spec.label
        names = []
        for place, name in enumerate(label.classes):
            has_class = number >> place & 1
            if has_class:
                names.append(name)
        return label.separator.join(names)

    def scarce_classes(self, targets: Floats) -> list[str]:
        """In the order of the spec."""
        scarce = []
        outcomes = self.indicators(targets)
        for place, name in enumerate(self.spec.label.classes):
            having = outcomes[:, place].sum()
            lacking = len(targets) - having
            if min(having, lacking) < FEWEST_ROWS:
                scarce.append(name)
        return scarce

    def has_class(self, targets: Floats, place: int) -> Booleans:
        """Which rows have it among theirs."""
        outcomes = self.indicators(targets)
        of_class = outcomes[:, place]
        return np.asarray(of_class == 1)

    def invalid(self, scores: Float32s) -> str:
        """Not in [0, 1]."""
        good = ((scores >= 0) & (scores <= 1)).all(axis=1)
        if good.all():
            return ""
        return f"{np.count_nonzero(~good)} rows of scores outside [0, 1]"

    def _likely(self, scores: Floats) -> Booleans:
        threshold = self.spec.predict.decides_from
        known = never_for_unknown(scores)
        return np.asarray(known >= threshold)

    def decide(self, scores: Floats) -> Array:
        """The classes from the threshold on, as a number, (n,)."""
        likely = self._likely(scores)
        numbers = sets_of(likely)
        return numbers.astype(np.int64)

    def margins(self, scores: Floats, decided: Array) -> Floats:
        """To the threshold, for that of the classes which is furthest from it."""
        threshold = self.spec.predict.decides_from
        is_decided = self.indicators(decided) == 1
        known = never_for_unknown(scores)
        distances = np.abs(known - threshold)
        is_there = self._likely(scores) == is_decided
        distances[is_there] = 0.0
        margins: Floats = distances.max(axis=1)
        return margins

    def metrics(self, targets: Floats, scores: Floats) -> dict[str, float]:
        """See ``metrics.multilabel_metrics``."""
        outcomes = self.indicators(targets)
        threshold = self.spec.predict.decides_from
        return multilabel_metrics(
            outcomes,
            scores,
            threshold,
        )

    def row_losses(self, metric: str, targets: Floats, scores: Floats) -> Float64s:
        """The mean over the classes."""
        outcomes = self.indicators(targets)
        known = never_for_unknown(scores)
        losses = []
        for place in range(len(self.spec.label.classes)):
            of_class = row_losses(
                metric,
                outcomes[:, place],
                known[:, place],
            )
            losses.append(of_class)
        mean = np.mean(losses, axis=0)
        return np.asarray(mean)

    def indicators(self, targets: Array) -> Float64s:
        """1 for each class that came, else 0."""
        places = np.arange(len(self.spec.label.classes))
        numbers = targets.astype(np.int64)
        bits = numbers[:, None] >> places & 1
        return bits.astype(np.float64)

    def points(self, scores: Floats) -> Floats:
        """How many classes are expected."""
        known = never_for_unknown(scores)
        expected = known.sum(axis=1)
        return np.asarray(expected, np.float64)

    def asked_about(self, scores: Floats) -> dict[str, int]:
        """Each likely class; where none is, the likeliest."""
        (likely,) = self._likely(scores[None, :])
        places = np.flatnonzero(likely) if likely.any() else [scores.argmax()]
        return {self.spec.scores[place]: int(place) for place in places}

    def taught(self, targets: Floats, scores: Floats) -> Booleans:
        """No row with a class that the model does not know, which has no score."""
        known = np.nan_to_num(targets)
        outcomes = self.indicators(known)
        has_no_score = np.isnan(scores)
        is_lacking = (outcomes == 1) & has_no_score
        lacks_one = is_lacking.any(axis=1)
        return np.asarray(~lacks_one)

    def rank(self, targets: Floats, scores: Floats) -> Rank | None:
        """The mean area of the classes that came, but not always."""
        outcomes = self.indicators(targets)
        known = never_for_unknown(scores)
        return mean_rank(outcomes, known)

    def published_columns(self, scores: Float32s) -> list[pa.Array]:
        """A score for each class, null where the model does not know it, and the prediction."""
        columns = []
        for of_class in np.ascontiguousarray(scores.T):
            column = pa.array(of_class, from_pandas=True)
            columns.append(column)
        decided = self.decide(scores)
        predictions = self._texts(decided)
        return [*columns, predictions]

    def _texts(self, decided: Array, mask: Booleans | None = None) -> pa.DictionaryArray:
        different, places = np.unique(
            decided,
            return_inverse=True,
        )
        texts = []
        for number in different:
            text = self._text(int(number))
            texts.append(text)
        indices = pa.array(
            places.astype(np.int32),
            mask=mask,
        )
        return pa.DictionaryArray.from_arrays(
            indices,
            pa.array(texts, pa.string()),
        )

    def drift_values(self, scores: Floats) -> pa.Array:
        """The predicted classes."""
        has_none = np.isnan(scores).all(axis=1)
        decided = self.decide(scores)
        texts = self._texts(
            decided,
            mask=np.asarray(has_none),
        )
        return texts.cast(pa.string())

    def figures(self, targets: Floats, scores: Floats) -> dict[str, "Figure"]:
        """Shares of rows and mean scores by class."""
        # Whatever scores imports this module: it must not come to know figures.
        from nightshift.modelling.plots.multilabel import figures

        return figures(self.spec, self.indicators(targets), scores)
