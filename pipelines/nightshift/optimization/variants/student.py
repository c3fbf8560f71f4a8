"""A small network that learns to say what the trained model says, and a smaller one cut from a network."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa

from nightshift.modelling.arrays import Float32s, Places
from nightshift.modelling.holdout import LabelledRows
from nightshift.modelling.inputs import model_inputs
from nightshift.optimization.variants.augmentation import resampled
from nightshift.optimization.variants.distill import BATCH, DistillationSet, fit
from nightshift.optimization.variants.network import Network, Scaling
from nightshift.optimization.variants.preprocessing import Prepared
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import ModelSpec
from nightshift.training.left_out import left_out

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
    for place in _left_out(prepared, train):
        # What the teacher was trained without, no student shall see.
        name = prepared.numbers[place]
        nothing = pa.array(np.zeros(table.num_rows, np.float32))
        table = table.set_column(table.schema.get_field_index(name), name, nothing)
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
    count = len(prepared.numbers)
    for place in _left_out(prepared, train):
        # Neither the number nor whether it is null: nothing teaches what these weights should be.
        weights[0][[place, count + place]] = 0
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
    silent = _left_out(prepared, train)
    numbers[:, silent] = 0
    low = np.nanmin(numbers, axis=0)
    high = np.nanmax(numbers, axis=0)
    # Their sum, or difference, may be more than float32 can hold.
    centre = low / 2 + high / 2
    width = np.where(high > low, high / 2 - low / 2, np.float32(1))
    width[silent] = np.inf
    return Scaling(centre, width, clipped=True)


def _left_out(prepared: Prepared, train: LabelledRows) -> list[int]:
    """The places of the numbers that a training on these rows leaves out."""
    spec = prepared.spec
    frame = model_inputs(spec, train.table)
    names = left_out(spec, frame)
    places = []
    for place, name in enumerate(prepared.numbers):
        if name in names:
            places.append(place)
    return places
