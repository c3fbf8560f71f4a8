"""Whether a graph gives a row the same bits however many rows are scored beside it: what scores by day has to know.

ONNX Runtime promises nothing of that kind, and some kernels depend on the size of a call; so it is tried, row by row.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nightshift.modelling.arrays import Booleans, Float32s
from nightshift.scoring.feeds import ArrowRows, GraphInputs
from nightshift.scoring.graph import LEAST_ROWS, OnnxGraph

SIZES = tuple(range(1, 65))
"""Of the calls that are tried; beside them all rows at once, as a night has them."""
SAMPLE_ROWS = 256


@dataclass(frozen=True)
class BitsAgreement:
    """Of each size of a call that gives some rows other bits than one call of all: how many rows.

    ``alone`` of calls of just so many rows, ``padded`` of those that are filled up as ``OnnxGraph`` does.
    """

    rows: int
    sizes: tuple[int, ...]
    alone: dict[int, int]
    padded: dict[int, int]

    @property
    def is_servable(self) -> bool:
        """Whether each row has the night's bits at every size that was tried."""
        return not self.padded

    @property
    def needs_padding(self) -> bool:
        """Whether it has them only because a lone row is scored beside itself."""
        return bool(self.alone) and not self.padded

    def __str__(self) -> str:
        tried = f"{self.rows} rows in calls of {self.sizes[0]} to {self.sizes[-1]}"
        if self.needs_padding:
            return f"{tried}: the same bits as at once, where a lone row is scored beside itself"
        if self.is_servable:
            return f"{tried}: the same bits as at once"
        worst = max(self.padded, key=lambda size: self.padded[size])
        listed = ", ".join(map(str, self.padded))
        return f"{tried}: other bits in calls of {listed}; in those of {worst} of {self.padded[worst]} rows"


def bits_agree(graph: OnnxGraph, rows: ArrowRows, sizes: Iterable[int] = SIZES) -> BitsAgreement:
    """Score rows at once, and the first ``SAMPLE_ROWS`` of them in calls of each size, as they are and padded.

    Raises ``ModelError`` for columns that the graph cannot be fed with, or for scores that cannot be.
    """
    of_all = graph.fed(rows)
    count = min(rows.num_rows, SAMPLE_ROWS)
    at_once = graph.run(of_all, rows.num_rows)[:count]
    inputs = {name: values[:count] for name, values in of_all.items()}
    tried = tuple(size for size in sizes if size <= count)
    alone: dict[int, int] = {}
    padded: dict[int, int] = {}
    for size in tried:
        as_they_are = _in_calls(graph, inputs, count, size, least=1)
        is_filled = size < LEAST_ROWS
        filled_up = _in_calls(graph, inputs, count, size, least=LEAST_ROWS) if is_filled else as_they_are
        _note(alone, size, at_once, as_they_are)
        _note(padded, size, at_once, filled_up)
    return BitsAgreement(count, tried, alone, padded)


def other_bits(one: Float32s, other: Float32s) -> Booleans:
    """Where two arrays of scores, of one shape, have other bits: 0 is not -0, and one NaN is as good as another."""
    # NaN is no score but the lack of one: of a class that a version has not learnt, since a NaN of the graph's own is
    # refused. A night publishes null for it, and so does an answer in JSON, which keep neither sign nor payload: no
    # reader could tell one from another. Where one side alone has it, a score is lost, and that is other bits.
    is_missing: Booleans = np.isnan(one) & np.isnan(other)
    is_other: Booleans = (_bits(one) != _bits(other)) & ~is_missing
    return is_other


def _note(differing: dict[int, int], size: int, at_once: Float32s, scores: Float32s) -> None:
    is_other = other_bits(at_once, scores).reshape(len(scores), -1)
    rows = int(np.count_nonzero(is_other.any(axis=1)))
    if rows:
        differing[size] = rows


def _in_calls(graph: OnnxGraph, inputs: GraphInputs, rows: int, size: int, least: int) -> Float32s:
    """Calls of no other size: the last takes rows again that the one before it had."""
    scores = np.empty((0,), np.float32)
    for start in range(0, rows, size):
        first = min(start, rows - size)
        few = {name: values[first : first + size] for name, values in inputs.items()}
        call = graph.run(few, size, least)
        scores = np.concatenate([scores[:first], call]) if first else call
    return scores


def _bits(scores: Float32s) -> NDArray[np.uint32]:
    return np.ascontiguousarray(scores).view(np.uint32)
