"""How much memory and work a call of a graph takes, known before it runs, and so how many rows a call may have."""

from dataclasses import dataclass, field
from typing import Any

from nightshift.errors import UnsafeGraph
from nightshift.scoring.shapes import NUMBER_BYTES, TEXT, DoesNotFit, Step, Value, rule_of, work_of

# Trees are as fast at any batch beyond 128 rows; activations of a small network stay in cache up to the first.
ROWS_PER_CALL = (2048, 256, 32)
MOST_BYTES = 2**30
MOST_WORK = 2**35
"""Multiplications: a few seconds of a core, after which a call ends or a time limit is heard."""
MOST_KNOWN = 8
"""Numbers of a constant that are looked at: the shape of a Reshape."""
INT64 = 7
WIDTHS = {1: 4, 2: 1, 3: 1, 6: 4, 9: 1}
"""Bytes of a number by its type, of those that are narrower than 8: float, uint8, int8, int32, bool."""


def largest_call(graph: Any, name: str) -> int:
    """How many rows a call may have: of ``ROWS_PER_CALL`` the most that fit. Raises ``UnsafeGraph`` where none do."""
    for rows in ROWS_PER_CALL:
        demand = _Demand(rows, name)
        demand.follow(graph)
        if demand.fits:
            return rows
    raise UnsafeGraph(
        f"{name}: a call of {rows} rows would take more than {MOST_BYTES:,} bytes or {MOST_WORK:,} multiplications,"
        f" from {demand.last} on",
        fix="train a smaller model: fewer values of a category, smaller or fewer trees or layers",
    )


@dataclass
class _Demand:
    """What is needed so far. ``last`` is the operator that was looked at last."""

    rows: int
    name: str
    values: dict[str, Value] = field(default_factory=dict)
    bytes: int = 0
    work: int = 0
    last: str = ""

    @property
    def fits(self) -> bool:
        return self.bytes <= MOST_BYTES and self.work <= MOST_WORK

    def follow(self, graph: Any) -> None:
        """Node by node, as far as it fits."""
        for tensor in graph.initializer:
            if min(tensor.dims, default=0) < 0:
                raise UnsafeGraph(f"{self.name}: tensor {tensor.name!r} has a negative size")
            self._add(tensor.name, _constant(tensor))
        for graph_input in graph.input:
            self._add(graph_input.name, self._fed(graph_input))
        for node in graph.node:
            if not self.fits:
                return
            self._run(node)

    def _add(self, name: str, value: Value) -> None:
        if name in self.values:
            raise UnsafeGraph(f"{self.name}: {name!r} is given twice in the graph")
        self.values[name] = value
        self.bytes += value.bytes

    def _fed(self, graph_input: Any) -> Value:
        tensor = graph_input.type.tensor_type
        first, *others = tensor.shape.dim or [None]
        sizes = [dim.dim_value for dim in others]
        if first is None or min(sizes, default=1) < 1:
            raise UnsafeGraph(f"{self.name}: input {graph_input.name!r} has no shape of rows and so many columns")
        return Value((self.rows, *sizes), tensor.elem_type == TEXT)

    def _run(self, node: Any) -> None:
        rule = rule_of(node.domain, node.op_type)
        self.last = f"{node.op_type} {node.name!r}"
        inputs = [self._value(name) for name in node.input if name]
        step = Step({entry.name: _content(entry) for entry in node.attribute}, inputs)
        try:
            outputs = rule(step) if rule else []
            self.work += work_of(node.op_type, step, outputs)
        except (DoesNotFit, IndexError, TypeError) as error:
            raise UnsafeGraph(f"{self.name}: {self.last} does not fit what it is given") from error
        # ONNX Runtime lays the weights of a layer out anew for each node that has them.
        self.bytes += sum(value.bytes for value in inputs if value.constant)
        for name, value in zip(node.output, outputs, strict=False):
            if name:
                self._add(name, value)

    def _value(self, name: str) -> Value:
        if name not in self.values:
            raise UnsafeGraph(f"{self.name}: {self.last} needs {name!r}, which nothing before it gives")
        return self.values[name]


def _constant(tensor: Any) -> Value:
    return Value(
        shape=tuple(tensor.dims),
        texts=tensor.data_type == TEXT,
        numbers=_few_numbers(tensor),
        constant=True,
        width=WIDTHS.get(tensor.data_type, NUMBER_BYTES),
    )


def _few_numbers(tensor: Any) -> tuple[int, ...] | None:
    """The whole numbers of a constant, where they may be a shape."""
    from onnx import numpy_helper

    if tensor.data_type != INT64 or len(tensor.dims) != 1 or not 0 <= tensor.dims[0] <= MOST_KNOWN:
        return None
    try:
        return tuple(numpy_helper.to_array(tensor).tolist())
    except ValueError:
        return None


def _content(attribute: Any) -> Any:
    """The value of an attribute, by the type that it says to have."""
    kind = attribute.AttributeType.Name(attribute.type)
    fields = {"FLOAT": "f", "INT": "i", "STRING": "s", "FLOATS": "floats", "INTS": "ints", "STRINGS": "strings"}
    return getattr(attribute, fields[kind])
