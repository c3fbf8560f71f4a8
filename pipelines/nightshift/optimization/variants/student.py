"""A small network that learns to say what the trained model says, and a smaller one cut from a network."""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from nightshift.modelling.holdout import LabelledRows
from nightshift.optimization.variants.augmentation import resampled
from nightshift.optimization.variants.distill import BATCH, DistillationSet, fit
from nightshift.optimization.variants.network import Float32s, Network, Scaling
from nightshift.optimization.variants.preprocessing import Prepared
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import ModelSpec

HIDDEN = (64, 32)
TABLE_WIDTH = 8
LESSON_ROWS = 400_000
ROWS_PER_ROW = 8
STEPS = 4_000
PASSES = 40
RATE = 4e-3
KEPT_UNITS = 0.5


def teach(prepared: Prepared, train: LabelledRows, exact: OnnxGraph) -> DistillationSet:
    """Resampled training rows and the exact graph's scores of them."""
    rng = np.random.default_rng(prepared.spec.training.seed)
    rows = min(LESSON_ROWS, ROWS_PER_ROW * train.table.num_rows)
    table = resampled(prepared.spec, train.table, rows, rng)
    return DistillationSet(prepared.two_matrices()(table), exact.score(table))


def student(prepared: Prepared, train: LabelledRows, lesson: DistillationSet) -> tuple[Network, list[float]]:
    """A network of ``HIDDEN`` units taught from nothing, and its loss as it learnt."""
    return _fit(_blank(prepared, train), lesson, prepared.spec, share=1.0)


def pruned(network: Network, lesson: DistillationSet, spec: ModelSpec) -> tuple[Network, list[float]]:
    """The half of each hidden layer's units that matters most, fine-tuned for half as long at half the rate."""
    return _fit(prune(network, lesson), lesson, spec, share=0.5)


def prune(network: Network, lesson: DistillationSet) -> Network:
    """Without the units that add least to the next layer: mean activation times what leaves the unit (L1)."""
    for layer, active in enumerate(network.forward({k: v[:20_000] for k, v in lesson.inputs.items()})[:-1]):
        importance = active.mean(axis=0) * np.abs(network.weights[layer + 1]).sum(axis=1)
        keep = np.sort(np.argsort(-importance, kind="stable")[: max(1, round(len(importance) * KEPT_UNITS))])
        weights, biases = list(network.weights), list(network.biases)
        weights[layer], biases[layer] = weights[layer][:, keep], biases[layer][keep]
        weights[layer + 1] = weights[layer + 1][keep]
        network = replace(network, weights=tuple(weights), biases=tuple(biases))
    return network


def _fit(start: Network, lesson: DistillationSet, spec: ModelSpec, share: float) -> tuple[Network, list[float]]:
    steps = min(STEPS, PASSES * -(-len(lesson.scores) // BATCH))
    return fit(start, lesson, steps=max(1, int(steps * share)), rate=RATE * share, seed=spec.training.seed)


def _blank(prepared: Prepared, train: LabelledRows) -> Network:
    rng = np.random.default_rng(prepared.spec.training.seed)
    widths = [min(TABLE_WIDTH, len(values)) for values in prepared.categories.values()]
    sizes = [2 * len(prepared.numbers) + sum(widths), *HIDDEN, 1]

    def drawn(*shape: int, scale: float) -> Float32s:
        return np.asarray(rng.standard_normal(shape) * scale, np.float32)

    return Network(
        prepared.two_matrices(),
        _scaling(prepared, train),
        tuple(drawn(len(v) + 1, w, scale=0.5) for v, w in zip(prepared.categories.values(), widths, strict=True)),
        tuple(drawn(a, b, scale=np.sqrt(2 / a)) for a, b in pairwise(sizes)),
        tuple(np.zeros(size, np.float32) for size in sizes[1:]),
    )


def _scaling(prepared: Prepared, train: LabelledRows) -> Scaling:
    """What training saw lies between -1 and 1, and is clipped there: beyond it the student is level, as trees are."""
    numbers = prepared.two_matrices()(train.table)["numbers"]
    # A column of nothing but nulls counts as zeros.
    numbers = np.where(np.isnan(numbers).all(axis=0), np.float32(0), numbers)
    low, high = np.nanmin(numbers, axis=0), np.nanmax(numbers, axis=0)
    return Scaling((low + high) / 2, np.where(high > low, (high - low) / 2, np.float32(1)), clipped=True)
