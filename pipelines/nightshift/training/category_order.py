"""Categories in an order that trees can split: by the labels of their rows, where enough rows say so.

In the order of the alphabet, a tree needs a split for each category that it wants to set apart.
"""

import numpy as np

from nightshift.modelling.arrays import Array, Float64s, Int64s, Places

FEWEST_ROWS = 20
SURE = 5.0
"""Standard errors from the mean of all rows; nearer to it, chance may have put a category where it is."""


def order_by_label(codes: Int64s, targets: Array, *, are_classes: bool) -> Places:
    """The codes (k,) in a new order, by the targets of the rows that have them, (n,) both.

    Those with too few rows, or too near to the mean, stay among themselves as they were, at the place of the mean: rows
    would otherwise be told by a category that hardly another row has. ``are_classes``: targets are places of classes.
    """
    scores = _class_scores(codes, targets) if are_classes else targets.astype(np.float64)
    rows = np.bincount(codes)
    seen = np.maximum(rows, 1)
    means = np.bincount(codes, weights=scores) / seen
    mean = scores.mean()
    errors = np.abs(means - mean) * np.sqrt(rows)
    is_sure = (errors > SURE * scores.std()) & (rows >= FEWEST_ROWS)
    places = np.where(is_sure, means, mean)
    return np.argsort(places, kind="stable")


def _class_scores(codes: Int64s, targets: Array) -> Float64s:
    """A number for each row by its class: along the line on which the categories' shares of classes differ most.

    Of two classes that is the share of one. Coppersmith, Hong and Hosking, Data Mining and Knowledge Discovery 3, 1999.
    """
    classes = targets.astype(np.int64)
    counts = np.zeros((codes.max() + 1, classes.max() + 1))
    np.add.at(counts, (codes, classes), 1)
    rows = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shares = counts / rows
    of_all = counts.sum(axis=0) / len(targets)
    deviations = (shares - of_all) * np.sqrt(rows)
    _left, _sizes, directions = np.linalg.svd(deviations, full_matrices=False)
    line = directions[0]
    # Either end of it might come first: always that without the last class that matters.
    size = np.abs(line)
    matter = np.flatnonzero(size > size.max() / 2)
    scores: Float64s = line[classes] * np.sign(line[matter[-1]])
    return scores
