"""A dense network over numbers and categories: plain arrays, and the ONNX graph that says the same.

A linear model is one without hidden layers. A category is a row of a table, an input of the first layer: the
same as one-hot columns times weights, without the columns.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nightshift.modelling.arrays import Array, Float32s
from nightshift.modelling.label_types.base import Link
from nightshift.optimization.variants.onnx_file import build, constant
from nightshift.scoring.feeds import Matrix

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

SCALING = "scaled"
"""The node that sees numbers as they come, each in a unit of its own: not one to round to 8 bits."""


@dataclass(frozen=True)
class Scaling:
    """Numbers less ``centre``, over ``width``, both (k,); a null is 0. ``clipped`` keeps them within -1 and 1.

    A trained model's own may have a ``bound``, how far from 0 a number may lie at most.
    """

    centre: Float32s
    width: Float32s
    clipped: bool
    bound: float | None = None

    def __call__(self, numbers: Float32s) -> Float32s:
        """(n, k) scaled, and which were null: (n, 2k)."""
        null = np.isnan(numbers)
        scaled = (numbers - self.centre) / self.width
        without_null = np.where(null, np.float32(0), scaled)
        bound = 1.0 if self.clipped else self.bound
        if bound is not None:
            without_null = np.clip(without_null, -bound, bound)
        both = np.hstack([without_null, null])
        return both.astype(np.float32)


@dataclass(frozen=True)
class Network:
    """``tables`` has one (values + 1, d) per category, its last row for values never seen.

    The first layer sees k scaled numbers, k flags for nulls, and a row of each table. ``weights`` and
    ``biases`` go from there to (h, 1), or (h, classes), with ReLU between; ``link`` makes the score of what
    comes out.
    """

    feeds: Matrix
    scaling: Scaling
    tables: tuple[Float32s, ...]
    weights: tuple[Float32s, ...]
    biases: tuple[Float32s, ...]
    link: Link = "Sigmoid"

    def forward(self, inputs: dict[str, Array]) -> list[Float32s]:
        """The hidden layers' activations (n, h) and, last, the raw scores (n, 1) or (n, classes)."""
        parts = [self.scaling(inputs["numbers"])]
        for place, table in enumerate(self.tables):
            codes = inputs["codes"][:, place]
            parts.append(table[codes])
        values = np.hstack(parts)
        layers: list[Float32s] = []
        for weight, bias in zip(self.weights, self.biases, strict=True):
            if layers:
                values = np.maximum(layers[-1], 0)
                layers[-1] = values
            layers.append(values @ weight + bias)
        return layers

    def to_onnx(self, name: str) -> bytes:
        """The graph, in operators of the standard domain only."""
        writer = GraphWriter([], [])
        writer.network(self, "score")
        return build(
            self.feeds,
            writer.nodes,
            writer.constants,
            name,
            width=len(self.biases[-1]),
        )


@dataclass
class GraphWriter:
    """Nodes and constants of a graph, in the order in which they are asked for."""

    nodes: "list[NodeProto]"
    constants: "list[TensorProto]"

    def node(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """A node and its output, of the same name."""
        from onnx import helper

        node = helper.make_node(operator, inputs, [output], name=output, **attributes)
        self.nodes.append(node)
        return output

    def constant(self, name: str, values: Array) -> str:
        """A constant's name."""
        self.constants.append(constant(name, values))
        return name

    def _number(self, name: str, value: float) -> str:
        values = np.array(value, np.float32)
        return self.constant(name, values)

    def _dense(self, inputs: str, weight: Float32s, bias: Float32s, place: int) -> str:
        operands = [
            inputs,
            self.constant(f"weight{place}", weight),
            self.constant(f"bias{place}", bias),
        ]
        return self.node("Gemm", operands, f"dense{place}")

    def network(self, network: Network, output: str) -> None:
        """From ``numbers`` and ``codes`` to the scores."""
        last = self._inputs(network)
        layers = zip(network.weights, network.biases, strict=True)
        for place, (weight, bias) in enumerate(layers):
            if place > 0:
                last = self.node("Relu", [last], f"relu{place}")
            last = self._dense(last, weight, bias, place)
        self.node(network.link, [last], output)

    def _inputs(self, network: Network) -> str:
        if not network.feeds.numbers:
            return self.node("Concat", self._rows(network), "inputs", axis=1)
        # Only NaN is not itself. There is IsNaN, but not on every provider.
        itself = self.node("Equal", ["numbers", "numbers"], "itself")
        null = self.node("Not", [itself], "null")
        flags = self.node("Cast", [null], "flags", to=1)
        rows = self._rows(network)
        if network.scaling.clipped:
            scaled = self._clipped(network.scaling, null, flags)
        else:
            scaled = self._exact(network.scaling, null)
        return self.node("Concat", [scaled, flags, *rows], "inputs", axis=1)

    def _rows(self, network: Network) -> list[str]:
        return [self._row(table, place) for place, table in enumerate(network.tables)]

    def _row(self, table: Float32s, place: int) -> str:
        # A code of -1 reads the table's last row: ONNX counts negative indices from the end, as numpy does.
        column = np.array(place, np.int64)
        index = self.constant(f"column{place}", column)
        code = self.node("Gather", ["codes", index], f"code{place}", axis=1)
        rows = self.constant(f"table{place}", table)
        return self.node("Gather", [rows, code], f"row{place}", axis=0)

    def _without_nulls(self, values: str, null: str) -> str:
        zero = self._number("zero", 0)
        return self.node("Where", [null, zero, values], "known")

    def _exact(self, scaling: Scaling, null: str) -> str:
        centre = self.constant("centre", scaling.centre)
        centred = self.node("Sub", ["numbers", centre], "centred")
        per_width = self.constant("per_width", 1 / scaling.width)
        scaled = self.node("Mul", [centred, per_width], SCALING)
        if scaling.bound is not None:
            low = self._number("low", -scaling.bound)
            high = self._number("high", scaling.bound)
            scaled = self.node("Clip", [scaled, low, high], "bounded")
        return self._without_nulls(scaled, null)

    def _clipped(self, scaling: Scaling, null: str, flags: str) -> str:
        """Scaled by a product of matrices, which costs a third of subtracting and multiplying rows of constants.

        It rounds ``x / width - centre / width``, so a trained model's own scaling is not done this way.
        """
        known = self._without_nulls("numbers", null)
        both = self.node("Concat", [known, flags], "filled", axis=1)
        per_width = 1 / scaling.width
        shift = scaling.centre / scaling.width
        matrix = np.vstack([np.diag(per_width), np.diag(shift)])
        operands = [
            both,
            self.constant("scale", matrix),
            self.constant("shift", -shift),
        ]
        scaled = self.node("Gemm", operands, SCALING)
        low = self._number("low", -1)
        high = self._number("high", 1)
        return self.node("Clip", [scaled, low, high], "clipped")
