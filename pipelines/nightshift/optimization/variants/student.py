"""A small network that learns to say what the trained model says, and a smaller one cut from a network."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np

from nightshift.modelling.arrays import Float32s, Places
from nightshift.modelling.holdout import LabelledRows
from nightshift.optimization.variants.augmentation import resampled
from nightshift.optimization.variants.distill import BATCH, DistillationSet, fit
from nightshift.optimization.variants.network import Network, Scaling
from nightshift.optimization.variants.preprocessing import Prepared
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import ModelSpec

HIDDEN = (64, 32)
TABLE_WIDTH = 8
TABLE_SPREAD = 0.5
MOST_ROWS = 400_000
ROWS_PER_ROW = 8
STEPS = 4_000
PASSES = 40
RATE = 4e-3
KEPT_UNITS = 0.5
PRUNING_ROWS = 20_000


def make_distillation_set(prepared: Prepared, train: LabelledRows, exact: OnnxGraph) -> DistillationSet:
    """Resampled training rows and the exact graph's scores of them."""
    spec = prepared.spec
    feeds = prepared.two_matrices()
    rng = np.random.default_rng(spec.training.seed)
    wanted = ROWS_PER_ROW * train.table.num_rows
    table = resampled(spec, train.table, min(wanted, MOST_ROWS), rng)
    inputs = feeds(table)
    scores = exact.score(table)
    return DistillationSet(inputs, scores)


def student(prepared: Prepared, train: LabelledRows, teacher: DistillationSet) -> tuple[Network, list[float]]:
    """A network of ``HIDDEN`` units taught from nothing, and its loss as it learnt."""
    untaught = _untaught(prepared, train)
    return _distill(untaught, teacher, prepared.spec, share=1.0)


def pruned(network: Network, teacher: DistillationSet, spec: ModelSpec) -> tuple[Network, list[float]]:
    """The half of each hidden layer's units that matters most, fine-tuned for half as long at half the rate."""
    smaller = prune(network, teacher)
    return _distill(smaller, teacher, spec, share=0.5)


def prune(network: Network, teacher: DistillationSet) -> Network:
    """Without the units that add least to the next layer: mean activation times what leaves the unit (L1)."""
    some_rows = {name: values[:PRUNING_ROWS] for name, values in teacher.inputs.items()}
    hidden = network.forward(some_rows)[:-1]
    for layer, activations in enumerate(hidden):
        next_weights = network.weights[layer + 1]
        leaving = np.abs(next_weights).sum(axis=1)
        importance = activations.mean(axis=0) * leaving
        network = _with_units(network, layer, _largest(importance))
    return network


def _largest(importance: Float32s) -> Places:
    """The places of the share that is kept, in their order."""
    share = KEPT_UNITS * len(importance)
    units = max(1, round(share))
    order = np.argsort(-importance, kind="stable")
    return np.sort(order[:units])


def _with_units(network: Network, layer: int, kept: Places) -> Network:
    """Only these units of a hidden layer."""
    weights = list(network.weights)
    biases = list(network.biases)
    weights[layer] = weights[layer][:, kept]
    biases[layer] = biases[layer][kept]
    weights[layer + 1] = weights[layer + 1][kept]
    return replace(network, weights=tuple(weights), biases=tuple(biases))


def _distill(start: Network, teacher: DistillationSet, spec: ModelSpec, share: float) -> tuple[Network, list[float]]:
    """Fit for a share of the steps, at that share of the rate."""
    batches = math.ceil(len(teacher.scores) / BATCH)
    steps = min(STEPS, PASSES * batches)
    return fit(
        start,
        teacher,
        steps=max(1, int(steps * share)),
        rate=RATE * share,
        seed=spec.training.seed,
    )


def _untaught(prepared: Prepared, train: LabelledRows) -> Network:
    """A network of random weights."""
    rng = np.random.default_rng(prepared.spec.training.seed)

    def drawn(rows: int, columns: int, spread: float) -> Float32s:
        values = rng.standard_normal((rows, columns)) * spread
        return np.asarray(values, np.float32)

    values = [len(categories) for categories in prepared.categories.values()]
    widths = [min(TABLE_WIDTH, count) for count in values]
    sizes = [2 * len(prepared.numbers) + sum(widths), *HIDDEN, 1]
    tables = [drawn(count + 1, width, TABLE_SPREAD) for count, width in zip(values, widths, strict=True)]
    # He et al., 2015, "Delving deep into rectifiers".
    weights = [drawn(inputs, units, math.sqrt(2 / inputs)) for inputs, units in pairwise(sizes)]
    biases = [np.zeros(units, np.float32) for units in sizes[1:]]
    return Network(
        feeds=prepared.two_matrices(),
        scaling=_scaling(prepared, train),
        tables=tuple(tables),
        weights=tuple(weights),
        biases=tuple(biases),
    )


def _scaling(prepared: Prepared, train: LabelledRows) -> Scaling:
    """What training saw lies between -1 and 1, and is clipped there: beyond it the student is level, as trees are."""
    feeds = prepared.two_matrices()
    numbers = feeds(train.table)["numbers"]
    # A column of nothing but nulls counts as zeros.
    all_null = np.isnan(numbers).all(axis=0)
    numbers = np.where(all_null, np.float32(0), numbers)
    low = np.nanmin(numbers, axis=0)
    high = np.nanmax(numbers, axis=0)
    centre = (low + high) / 2
    width = (high - low) / 2
    width_of_one_value = np.float32(1)
    return Scaling(
        centre,
        np.where(high > low, width, width_of_one_value),
        clipped=True,
    )
