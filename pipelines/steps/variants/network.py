"""A dense network over numbers and categories: plain arrays, and the ONNX graph that says the same.

A linear model is one without hidden layers. A category is a row of a table, added to the first layer: the
same as one-hot columns times weights, without the columns.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipelines.steps.feeds import Matrix
from pipelines.steps.variants.onnx_file import build, constant

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Scaling:
    """How k numbers reach the first layer; all (k,).

    A null becomes ``fill``, then values are clipped to ``low`` and ``high``, less ``centre``, over ``width``.
    ``flags`` are the positions of columns whose being null is an input of its own.
    """

    fill: Floats
    low: Floats
    high: Floats
    centre: Floats
    width: Floats
    flags: tuple[int, ...] = ()

    def __call__(self, numbers: Floats) -> Floats:
        """What the first layer sees of (n, k): (n, k + flags)."""
        null = np.isnan(numbers)
        found = (np.clip(np.where(null, self.fill, numbers), self.low, self.high) - self.centre) / self.width
        return np.hstack([found, null[:, list(self.flags)]]).astype(np.float32)


@dataclass(frozen=True)
class Network:
    """``tables`` has one (values + 1, h) per category, its last row for values never seen.

    ``weights`` and ``biases`` go from (k + flags, h) to (h', 1), with ReLU between; the score is the
    sigmoid of what comes out.
    """

    feeds: Matrix
    scaling: Scaling
    tables: tuple[Floats, ...]
    weights: tuple[Floats, ...]
    biases: tuple[Floats, ...]

    def forward(self, inputs: dict[str, NDArray[Any]]) -> list[Floats]:
        """The hidden layers' activations (n, h) and, last, the log odds (n, 1)."""
        found = [self.scaling(inputs["numbers"]) @ self.weights[0] + self.biases[0]]
        for place, table in enumerate(self.tables):
            found[0] = found[0] + table[inputs["codes"][:, place]]
        for weight, bias in zip(self.weights[1:], self.biases[1:], strict=True):
            found[-1] = np.maximum(found[-1], 0)
            found.append(found[-1] @ weight + bias)
        return found

    def to_onnx(self, name: str) -> bytes:
        """The graph, in operators of the standard domain only."""
        writer = _Writer([], [])
        last = writer.first_layer(self)
        for place, (weight, bias) in enumerate(zip(self.weights[1:], self.biases[1:], strict=True), start=1):
            hidden = writer.node("Relu", [last], f"relu{place}")
            last = writer.dense(hidden, weight, bias, place)
        writer.node("Sigmoid", [last], "score")
        return build(self.feeds, writer.nodes, writer.constants, name)


@dataclass
class _Writer:
    nodes: "list[NodeProto]"
    constants: "list[TensorProto]"

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name: str, values: NDArray[Any]) -> str:
        self.constants.append(constant(name, values))
        return name

    def dense(self, given: str, weight: Floats, bias: Floats, place: int) -> str:
        inputs = [given, self.constant(f"weight{place}", weight), self.constant(f"bias{place}", bias)]
        return self.node("Gemm", inputs, f"dense{place}")

    def first_layer(self, network: Network) -> str:
        dense = self.dense(self._scaled(network.scaling), network.weights[0], network.biases[0], 0)
        # A code of -1 reads a table's last row: ONNX counts negative indices from the end, as numpy does.
        rows = [self._looked_up(table, place) for place, table in enumerate(network.tables)]
        return self.node("Sum", [dense, *rows], "first") if rows else dense

    def _looked_up(self, table: Floats, place: int) -> str:
        index = self.constant(f"column{place}", np.array(place, np.int64))
        code = self.node("Gather", ["codes", index], f"code{place}", axis=1)
        return self.node("Gather", [self.constant(f"table{place}", table), code], f"row{place}", axis=0)

    def _scaled(self, scaling: Scaling) -> str:
        null = self.node("IsNaN", ["numbers"], "null")
        last = self.node("Where", [null, self.constant("fill", scaling.fill), "numbers"], "filled")
        if np.isfinite([scaling.low, scaling.high]).any():
            last = self.node("Max", [last, self.constant("low", scaling.low)], "above")
            last = self.node("Min", [last, self.constant("high", scaling.high)], "clipped")
        last = self.node("Sub", [last, self.constant("centre", scaling.centre)], "centred")
        last = self.node("Mul", [last, self.constant("per_width", 1 / scaling.width)], "scaled")
        if not scaling.flags:
            return last
        flags = self.constant("flags", np.array(scaling.flags, np.int64))
        flagged = self.node("Cast", [self.node("Gather", [null, flags], "flagged", axis=1)], "flag", to=1)
        return self.node("Concat", [last, flagged], "seen", axis=1)
