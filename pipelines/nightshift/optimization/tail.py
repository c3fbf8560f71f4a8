"""Nodes at the end of a graph, between its scores and what they are to become."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from nightshift.modelling.arrays import Array

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

SCORES = ("probabilities", "variable", "score")
"""What an output of scores is called, in a plain export and in a layout of ours."""


@dataclass
class Tail:
    """New nodes of a model, from ``given``, what the scores are called now, to ``name``, what they were called.

    ``prefix`` begins the names of all that is new.
    """

    model: Any
    name: str
    given: str
    prefix: str
    nodes: "list[NodeProto]" = field(default_factory=list)
    constants: "list[TensorProto]" = field(default_factory=list)

    @property
    def width(self) -> int:
        """How many scores a row has."""
        return int(self._dimension.dim_value)

    @property
    def _dimension(self) -> Any:
        output = next(output for output in self.model.graph.output if output.name == self.name)
        return output.type.tensor_type.shape.dim[1]

    def node(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """One more, whose output is ``output``, of which it is the name."""
        from onnx import helper

        # The node that gave the scores before may be called as they are.
        node = helper.make_node(operator, inputs, [output], name=f"{self.prefix}{output}", **attributes)
        self.nodes.append(node)
        return output

    def constant(self, name: str, values: Array) -> str:
        """A tensor of the file."""
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def number(self, name: str, values: Any) -> str:
        """One of float32."""
        return self.constant(name, np.array(values, np.float32))

    def column(self, place: int) -> str:
        """One score of each row, (n, 1)."""
        if self.width == 1:
            return self.given
        index = self.constant(f"{self.prefix}place{place}", np.array([place], np.int64))
        return self.node("Gather", [self.given, index], f"{self.prefix}column{place}", axis=1)

    def finish(self, width: int) -> bytes:
        """The file, with so many scores of a row."""
        self._dimension.dim_value = width
        graph = self.model.graph
        graph.node.extend(self.nodes)
        graph.initializer.extend(self.constants)
        return bytes(self.model.SerializeToString(deterministic=True))


def tail_of(body: bytes, given: str, prefix: str) -> Tail:
    """That of a graph, whose scores are called ``given`` from now on."""
    import onnx

    model = onnx.load_model_from_string(body)
    name: str = next(output.name for output in model.graph.output if output.name in SCORES)
    for node in model.graph.node:
        for values in (node.input, node.output):
            renamed = [given if value == name else value for value in values]
            values[:] = renamed
    return Tail(model, name, given, prefix)
