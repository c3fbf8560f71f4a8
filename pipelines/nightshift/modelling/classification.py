"""F1 and the areas under a classifier's curves, on NumPy alone: a night is judged where nothing can be trained.

The definitions are scikit-learn's; the tests hold them against it.
"""

from dataclasses import dataclass

import numpy as np

from nightshift.modelling.arrays import Array, Booleans, Float64s, Int64s


@dataclass(frozen=True)
class ThresholdCounts:
    """Rows at or above each distinct score, highest first: how many are positive and how many are not, (k,)."""

    positives: Int64s
    negatives: Int64s


def threshold_counts(labels: Array, scores: Array) -> ThresholdCounts:
    """Labels in {0, 1} and scores, both (n,), n > 0, as counts by threshold."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    # Rows of one score cannot be told apart, so they are counted together, behind the last of them.
    before_a_lower_score = np.flatnonzero(np.diff(ranked))
    lasts = np.append(before_a_lower_score, len(ranked) - 1)
    is_positive = labels[order] == 1
    positives = np.cumsum(is_positive)[lasts]
    rows = lasts + 1
    return ThresholdCounts(
        positives=positives,
        negatives=rows - positives,
    )


def roc_auc(labels: Array, scores: Array) -> float:
    """The area under the ROC curve (Fawcett, 2006); both classes must be there."""
    counts = threshold_counts(labels, scores)
    hits = _from_zero(counts.positives)
    false_alarms = _from_zero(counts.negatives)
    area = np.trapezoid(hits, false_alarms)
    whole_area = hits[-1] * false_alarms[-1]
    return float(area / whole_area)


def _from_zero(counts: Int64s) -> Float64s:
    with_zero = np.append(0, counts)
    return with_zero.astype(np.float64)


def average_precision(labels: Array, scores: Array) -> float:
    """The sum of precisions, each weighted by the recall gained at its threshold; a positive must be there."""
    counts = threshold_counts(labels, scores)
    rows = counts.positives + counts.negatives
    precision = counts.positives / rows
    new_positives = np.diff(counts.positives, prepend=0)
    gained_recall = new_positives / counts.positives[-1]
    weighted = precision * gained_recall
    return float(weighted.sum())


def f1(truth: Booleans, predicted: Booleans) -> float:
    """The harmonic mean of precision and recall, both (n,); 0 where nothing is positive or predicted so."""
    positives = int(truth.sum()) + int(predicted.sum())
    if positives == 0:
        return 0.0
    hits = truth & predicted
    return 2 * int(hits.sum()) / positives


def macro_f1(labels: Int64s, predicted: Int64s) -> float:
    """The mean of ``f1`` over the classes that are there or are predicted, both (n,)."""
    by_class = []
    for label in np.union1d(labels, predicted):
        truth = labels == label
        by_class.append(f1(truth, predicted == label))
    return float(np.mean(by_class))
