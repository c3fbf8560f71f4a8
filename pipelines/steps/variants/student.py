"""A small network that learns to say what the trained model says, and a smaller one cut from a network."""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from pipelines.spec import ModelSpec
from pipelines.steps.graph import Graph
from pipelines.steps.holdout import Rows
from pipelines.steps.variants.learn import BATCH, Lesson, fit
from pipelines.steps.variants.lessons import resampled
from pipelines.steps.variants.network import Floats, Network, Scaling
from pipelines.steps.variants.prepared import Prepared

HIDDEN = (64, 32)
LESSON_ROWS = 400_000
ROWS_PER_ROW = 8
STEPS = 8_000
PASSES = 40
RATE = 4e-3
KEPT_UNITS = 0.5


def teach(prepared: Prepared, train: Rows, exact: Graph) -> Lesson:
    """Resampled training rows and the exact graph's scores of them."""
    rng = np.random.default_rng(prepared.spec.training.seed)
    rows = min(LESSON_ROWS, ROWS_PER_ROW * train.table.num_rows)
    table = resampled(prepared.spec, train.table, rows, rng)
    return Lesson(prepared.two_matrices()(table), exact.score(table))


def student(prepared: Prepared, train: Rows, lesson: Lesson) -> tuple[Network, list[float]]:
    """A network of ``HIDDEN`` units taught from nothing, and its loss as it learnt."""
    return _fit(_blank(prepared, train), lesson, prepared.spec, share=1.0)


def pruned(network: Network, lesson: Lesson, spec: ModelSpec) -> tuple[Network, list[float]]:
    """The half of each hidden layer's units that matters most, fine-tuned for half as long."""
    return _fit(prune(network, lesson), lesson, spec, share=0.5)


def prune(network: Network, lesson: Lesson) -> Network:
    """Without the units that add least to the next layer: mean activation times what leaves the unit (L1)."""
    for layer, active in enumerate(network.forward({k: v[:20_000] for k, v in lesson.inputs.items()})[:-1]):
        importance = active.mean(axis=0) * np.abs(network.weights[layer + 1]).sum(axis=1)
        keep = np.sort(np.argsort(-importance, kind="stable")[: max(1, round(len(importance) * KEPT_UNITS))])
        network = _without(network, layer, keep)
    return network


def _without(network: Network, layer: int, keep: "np.typing.NDArray[np.int64]") -> Network:
    weights, biases = list(network.weights), list(network.biases)
    weights[layer], biases[layer] = weights[layer][:, keep], biases[layer][keep]
    weights[layer + 1] = weights[layer + 1][keep]
    tables = tuple(table[:, keep] for table in network.tables) if layer == 0 else network.tables
    return replace(network, weights=tuple(weights), biases=tuple(biases), tables=tables)


def _fit(start: Network, lesson: Lesson, spec: ModelSpec, share: float) -> tuple[Network, list[float]]:
    steps = min(STEPS, PASSES * -(-len(lesson.scores) // BATCH))
    return fit(start, lesson, steps=max(1, int(steps * share)), rate=RATE * share, seed=spec.training.seed)


def _blank(prepared: Prepared, train: Rows) -> Network:
    rng = np.random.default_rng(prepared.spec.training.seed)
    scaling = _scaling(prepared, train)
    sizes = [len(prepared.numbers) + len(scaling.flags), *HIDDEN, 1]

    def drawn(*shape: int, fan_in: int) -> Floats:
        return np.asarray(rng.standard_normal(shape) * np.sqrt(2 / fan_in), np.float32)

    weights = tuple(drawn(a, b, fan_in=a) for a, b in pairwise(sizes))
    tables = tuple(drawn(len(v) + 1, HIDDEN[0], fan_in=sizes[0]) for v in prepared.categories.values())
    biases = tuple(np.zeros(size, np.float32) for size in sizes[1:])
    return Network(prepared.two_matrices(), scaling, tables, weights, biases)


def _scaling(prepared: Prepared, train: Rows) -> Scaling:
    """Nulls at the median, clipped to what training saw: beyond it the student stays level, as trees do."""
    numbers = prepared.two_matrices()(train.table)["numbers"]
    # A column of nothing but nulls counts as zeros.
    numbers = np.where(np.isnan(numbers).all(axis=0), np.float32(0), numbers)
    low, high = np.nanmin(numbers, axis=0), np.nanmax(numbers, axis=0)
    width = np.nanstd(numbers, axis=0)
    nullable = [place for place, name in enumerate(prepared.numbers) if prepared.spec.columns[name].nullable]
    return Scaling(
        np.nanmedian(numbers, axis=0), low, high, np.nanmean(numbers, axis=0),
        np.where(width > 0, width, 1).astype(np.float32), tuple(nullable),
    )  # fmt: skip
