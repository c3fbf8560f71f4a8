"""F1 and the areas under a classifier's curves, on NumPy alone: a night is judged where nothing can be trained.

The definitions are scikit-learn's; the tests hold them against it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ThresholdCounts:
    """Rows at or above each distinct score, highest first: how many are positive and how many are not, (k,)."""

    positives: NDArray[np.int64]
    negatives: NDArray[np.int64]


def threshold_counts(labels: NDArray[Any], scores: NDArray[Any]) -> ThresholdCounts:
    """Labels in {0, 1} and scores, both (n,), n > 0, as counts by threshold."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    # Rows of one score cannot be told apart, so they are counted together, behind the last of them.
    lasts = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    positives = np.cumsum(labels[order] == 1)[lasts]
    return ThresholdCounts(positives, lasts + 1 - positives)


def roc_auc(labels: NDArray[Any], scores: NDArray[Any]) -> float:
    """The area under the ROC curve (Fawcett, 2006); both classes must be there."""
    counts = threshold_counts(labels, scores)
    hits = np.append(0, counts.positives)
    false_alarms = np.append(0, counts.negatives)
    area = np.trapezoid(hits.astype(np.float64), false_alarms.astype(np.float64))
    return float(area / (float(hits[-1]) * float(false_alarms[-1])))


def average_precision(labels: NDArray[Any], scores: NDArray[Any]) -> float:
    """The sum of precisions, each weighted by the recall gained at its threshold; a positive must be there."""
    counts = threshold_counts(labels, scores)
    precision = counts.positives / (counts.positives + counts.negatives)
    gained = np.diff(counts.positives, prepend=0) / counts.positives[-1]
    return float((precision * gained).sum())


def f1(truth: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> float:
    """The harmonic mean of precision and recall, both (n,); 0 where nothing is positive or predicted so."""
    wanted = int(truth.sum()) + int(predicted.sum())
    return 2 * int((truth & predicted).sum()) / wanted if wanted else 0.0


def macro_f1(labels: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    """The mean of ``f1`` over the classes that are there or are predicted, both (n,)."""
    classes = np.union1d(labels, predicted)
    return float(np.mean([f1(labels == each, predicted == each) for each in classes]))
