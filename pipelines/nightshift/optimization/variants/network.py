"""A dense network over numbers and categories: plain arrays, and the ONNX graph that says the same.

A linear model is one without hidden layers. A category is a row of a table, an input of the first layer: the
same as one-hot columns times weights, without the columns.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nightshift.optimization.variants.onnx_file import Link, build, constant
from nightshift.scoring.feeds import Matrix

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

Float32s = NDArray[np.float32]
SCALING = "scaled"
"""The node that sees numbers as they come, each in a unit of its own: not one to round to 8 bits."""


@dataclass(frozen=True)
class Scaling:
    """Numbers less ``centre``, over ``width``, both (k,); a null is 0. ``clipped`` keeps them within -1 and 1."""

    centre: Float32s
    width: Float32s
    clipped: bool

    def __call__(self, numbers: Float32s) -> Float32s:
        """(n, k) scaled, and which were null: (n, 2k)."""
        null = np.isnan(numbers)
        found = np.where(null, np.float32(0), (numbers - self.centre) / self.width)
        return np.hstack([np.clip(found, -1, 1) if self.clipped else found, null]).astype(np.float32)


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

    def forward(self, inputs: dict[str, NDArray[Any]]) -> list[Float32s]:
        """The hidden layers' activations (n, h) and, last, the raw scores (n, 1) or (n, classes)."""
        rows = [table[inputs["codes"][:, place]] for place, table in enumerate(self.tables)]
        found = [np.hstack([self.scaling(inputs["numbers"]), *rows]) @ self.weights[0] + self.biases[0]]
        for weight, bias in zip(self.weights[1:], self.biases[1:], strict=True):
            found[-1] = np.maximum(found[-1], 0)
            found.append(found[-1] @ weight + bias)
        return found

    def to_onnx(self, name: str) -> bytes:
        """The graph, in operators of the standard domain only."""
        writer = _Writer([], [])
        last = writer.dense(writer.inputs(self), self.weights[0], self.biases[0], 0)
        for place, (weight, bias) in enumerate(zip(self.weights[1:], self.biases[1:], strict=True), start=1):
            last = writer.dense(writer.node("Relu", [last], f"relu{place}"), weight, bias, place)
        writer.node(self.link, [last], "score")
        return build(self.feeds, writer.nodes, writer.constants, name, width=len(self.biases[-1]))


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

    def dense(self, given: str, weight: Float32s, bias: Float32s, place: int) -> str:
        inputs = [given, self.constant(f"weight{place}", weight), self.constant(f"bias{place}", bias)]
        return self.node("Gemm", inputs, f"dense{place}")

    def inputs(self, network: Network) -> str:
        # Only NaN is not itself. There is IsNaN, but not on every provider.
        null = self.node("Not", [self.node("Equal", ["numbers", "numbers"], "itself")], "null")
        flags = self.node("Cast", [null], "flags", to=1)
        scale = self._clipped if network.scaling.clipped else self._exact
        rows = [self._row(table, place) for place, table in enumerate(network.tables)]
        return self.node("Concat", [scale(network.scaling, null, flags), flags, *rows], "inputs", axis=1)

    def _row(self, table: Float32s, place: int) -> str:
        # A code of -1 reads the table's last row: ONNX counts negative indices from the end, as numpy does.
        index = self.constant(f"column{place}", np.array(place, np.int64))
        code = self.node("Gather", ["codes", index], f"code{place}", axis=1)
        return self.node("Gather", [self.constant(f"table{place}", table), code], f"row{place}", axis=0)

    def _without_nulls(self, given: str, null: str) -> str:
        return self.node("Where", [null, self.constant("zero", np.array(0, np.float32)), given], "known")

    def _exact(self, scaling: Scaling, null: str, _: str) -> str:
        centred = self.node("Sub", ["numbers", self.constant("centre", scaling.centre)], "centred")
        scaled = self.node("Mul", [centred, self.constant("per_width", 1 / scaling.width)], SCALING)
        return self._without_nulls(scaled, null)

    def _clipped(self, scaling: Scaling, null: str, flags: str) -> str:
        """Scaled by a product of matrices, which costs a third of subtracting and multiplying rows of constants.

        It rounds ``x / width - centre / width``, so a trained model's own scaling is not done this way.
        """
        both = self.node("Concat", [self._without_nulls("numbers", null), flags], "filled", axis=1)
        shift = scaling.centre / scaling.width
        matrix = self.constant("scale", np.vstack([np.diag(1 / scaling.width), np.diag(shift)]))
        scaled = self.node("Gemm", [both, matrix, self.constant("shift", -shift)], SCALING)
        ends = [self.constant("low", np.array(-1, np.float32)), self.constant("high", np.array(1, np.float32))]
        return self.node("Clip", [scaled, *ends], "clipped")
