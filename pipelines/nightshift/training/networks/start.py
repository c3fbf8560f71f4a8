"""The network that a training begins with: what it says is the mean of the targets, whatever the row."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from nightshift.modelling.arrays import Float32s, Float64s
from nightshift.training.networks.job import NetworkRows, Objective
from nightshift.training.networks.options import NetworkOptions
from nightshift.training.networks.weights import NetworkWeights

LAST_SPREAD = 0.1
WIDEST_TABLE = 64


def start_network(
    objective: Objective,
    options: NetworkOptions,
    rows: NetworkRows,
    values: Sequence[int],
    outputs: int,
    seed: int,
) -> NetworkWeights:
    """Tables of zeros, so that a rare category stays near to nothing known; weights drawn by the seed.

    ``values`` are how many each column of categories has.
    """
    rng = np.random.default_rng(seed)
    widths = [options.embedding_size or table_width(count) for count in values]
    tables = [np.zeros((count + 1, width), np.float32) for count, width in zip(values, widths, strict=True)]
    sizes = [rows.scaled.shape[1] + sum(widths), *options.hidden_layer_sizes, outputs]
    weights = []
    for inputs, units in pairwise(sizes):
        # He et al., 2015, "Delving deep into rectifiers".
        spread = np.sqrt(2 / max(inputs, 1))
        drawn = rng.standard_normal((inputs, units)) * spread
        weights.append(drawn.astype(np.float32))
    weights[-1] *= np.float32(LAST_SPREAD)
    biases = [np.zeros(units, np.float32) for units in sizes[1:]]
    biases[-1] = _mean_scores(objective, rows, outputs).astype(np.float32)
    return NetworkWeights(tables, weights, biases)


def table_width(values: int) -> int:
    """How many numbers stand for each of so many categories."""
    width = round(float(1.6 * values**0.56))
    return min(WIDEST_TABLE, max(1, width))


def _mean_scores(objective: Objective, rows: NetworkRows, outputs: int) -> Float64s:
    """The raw scores of the mean, one row more in each class than there is."""
    if objective == "regression":
        return np.zeros(outputs)
    is_binary = objective == "binary"
    classes = rows.targets.astype(np.int64)
    counts = np.bincount(classes, rows.weights, minlength=2 if is_binary else outputs) + 1
    shares: Float64s = np.log(counts / counts.sum())
    if is_binary:
        return np.diff(shares)
    return shares


def settled(weights: NetworkWeights, rows: NetworkRows, is_used: Float32s) -> NetworkWeights:
    """Nothing of what was only drawn: weights of inputs that never changed, (2k,) of 0 and 1, are 0.

    A row of a table that no row of the training read is like the last, of values never seen.
    """
    first = weights.weights[0].copy()
    inputs = len(is_used)
    first[:inputs] *= is_used[:, None]
    tables = []
    for place, table in enumerate(weights.tables):
        is_read = np.isin(np.arange(len(table)), rows.codes[:, place])
        read_or_last = np.where(is_read[:, None], table, table[-1:])
        tables.append(read_or_last.astype(np.float32))
    return NetworkWeights(
        tables=tables,
        weights=[first, *weights.weights[1:]],
        biases=weights.biases,
    )
