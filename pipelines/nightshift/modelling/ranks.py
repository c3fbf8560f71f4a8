"""How well scores put a night's rows in order, whatever their level: 0.5 or 0 is what a constant is worth."""

from dataclasses import dataclass

import numpy as np

from nightshift.modelling.arrays import Array, Floats
from nightshift.modelling.classification import roc_auc


@dataclass(frozen=True)
class Rank:
    """The order's worth, more is better, and the variance that it has from so few rows."""

    value: float
    noise: float


def binary_rank(labels: Array, scores: Array) -> Rank | None:
    """The area under the ROC curve of labels in {0, 1} and scores, both (n,); None for one class.

    Its variance is that of Hanley and McNeil (Radiology 143(1), 1982).
    """
    positives = int(np.sum(labels == 1))
    negatives = len(labels) - positives
    if min(positives, negatives) == 0:
        return None
    area = roc_auc(labels, scores)
    square = area**2
    two_positives = area / (2 - area)
    two_negatives = 2 * square / (1 + area)
    variance = area * (1 - area)
    variance += (positives - 1) * (two_positives - square)
    variance += (negatives - 1) * (two_negatives - square)
    return Rank(area, variance / (positives * negatives))


def classes_rank(labels: Array, scores: Floats) -> Rank | None:
    """The mean area of each class that is there against the rest: class places (n,), probabilities (n, k)."""
    places = np.arange(scores.shape[1])
    outcomes = labels.astype(np.int64)[:, None] == places
    return mean_rank(outcomes, scores)


def mean_rank(outcomes: Array, scores: Floats) -> Rank | None:
    """The mean area of each class that some rows have and others have not: outcomes and probabilities, both (n, k)."""
    ranks = []
    for outcome, of_class in zip(outcomes.T, scores.T, strict=True):
        rank = binary_rank(outcome, of_class)
        if rank is not None:
            ranks.append(rank)
    if not ranks:
        return None
    value = np.mean([rank.value for rank in ranks])
    # The classes' areas share their rows: their mean is taken to vary as one of them.
    noise = np.mean([rank.noise for rank in ranks])
    return Rank(float(value), float(noise))


def numbers_rank(labels: Array, predictions: Array) -> Rank | None:
    """R² of the best straight line through predictions and labels, both (n,), below 0 where it falls; a bias is none.

    None where all labels are equal.
    """
    truth = labels.astype(np.float64)
    if len(truth) < 2 or np.ptp(truth) == 0:
        return None
    if np.ptp(predictions) == 0:
        return Rank(0.0, 0.0)
    correlation = float(np.corrcoef(truth, predictions)[0, 1])
    square = correlation**2
    noise = 4 * square * (1 - square) ** 2 / len(truth)
    return Rank(float(np.copysign(square, correlation)), noise)
