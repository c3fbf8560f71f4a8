"""The operators that a graph may have, and how large the result of each is: what has no rule here is not allowed.

They are those that exports and variants make. None is random, none has a graph inside, and the shape of none depends
on values that only a run knows: so memory and work of a call are known before anything runs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

NUMBER_BYTES = 8
TEXT_BYTES = 1024
"""What a text counts for; they are short, and held apart from the tensor."""
TEXT = 8
"""``TensorProto.STRING``."""
ML = "ai.onnx.ml"
VISIT = 64
"""What a step down a tree costs, in multiplications."""

Shape = tuple[int, ...]


class DoesNotFit(Exception):
    """Shapes that the operator does not take."""


@dataclass(frozen=True)
class Value:
    """A tensor that a run holds: its shape, whether it has texts, and its numbers where these are known and few.

    ``constant`` is one of the file; ``width`` is that of a number in bytes, at most.
    """

    shape: Shape
    texts: bool = False
    numbers: tuple[int, ...] | None = None
    constant: bool = False
    width: int = NUMBER_BYTES

    @property
    def elements(self) -> int:
        """How many."""
        return prod(self.shape)

    @property
    def bytes(self) -> int:
        """At most."""
        return self.elements * (TEXT_BYTES if self.texts else self.width)


@dataclass(frozen=True)
class Step:
    """One node: its attributes by name, and its inputs."""

    attributes: dict[str, Any]
    inputs: Sequence[Value]

    @property
    def first(self) -> Shape:
        """The shape of the first input."""
        return self.inputs[0].shape

    @property
    def rows(self) -> int:
        """How many rows the first input has."""
        return self.first[0] if self.first else 1

    def size(self, name: str) -> int:
        """How long a list is; 0 for one that it does not have."""
        return len(self.attributes.get(name, ()))

    @property
    def longest(self) -> int:
        """The length of its longest list."""
        longest = 0
        for value in self.attributes.values():
            if hasattr(value, "__len__"):
                longest = max(longest, len(value))
        return longest


Rule = Callable[[Step], list[Value]]


def _same(step: Step) -> list[Value]:
    same = Value(
        step.first,
        step.inputs[0].texts,
    )
    return [same]


def _cast(step: Step) -> list[Value]:
    kind = step.attributes.get("to")
    cast = Value(
        step.first,
        texts=kind == TEXT,
    )
    return [cast]


def _encoded(step: Step) -> list[Value]:
    texts = step.size("values_strings")
    encoded = Value(
        step.first,
        texts=texts > 0,
    )
    return [encoded]


def _broadcast(step: Step) -> list[Value]:
    shape = step.first
    for value in step.inputs[1:]:
        shape = _together(shape, value.shape)
    return [Value(shape, any(value.texts for value in step.inputs))]


def _together(one: Shape, other: Shape) -> Shape:
    rank = max(len(one), len(other))
    sizes = []
    for left, right in zip(_padded(one, rank), _padded(other, rank), strict=True):
        if left != right and 1 not in (left, right):
            raise DoesNotFit
        sizes.append(right if left == 1 else left)
    return tuple(sizes)


def _padded(shape: Shape, rank: int) -> Shape:
    return (1,) * (rank - len(shape)) + shape


def _place(step: Step, default: int | None = None) -> int:
    """The axis, from the front."""
    axis = step.attributes.get("axis", default)
    rank = len(step.first)
    if axis is None or not -rank <= axis < rank:
        raise DoesNotFit
    return int(axis) % rank


def _concat(step: Step) -> list[Value]:
    axis = _place(step)
    others = {(*value.shape[:axis], *value.shape[axis + 1 :]) for value in step.inputs}
    ranks = {len(value.shape) for value in step.inputs}
    if len(others) > 1 or len(ranks) > 1:
        raise DoesNotFit
    along = sum(value.shape[axis] for value in step.inputs)
    shape = (*step.first[:axis], along, *step.first[axis + 1 :])
    return [Value(shape, any(value.texts for value in step.inputs))]


def _gather(step: Step) -> list[Value]:
    axis = _place(step, 0)
    shape = (*step.first[:axis], *step.inputs[1].shape, *step.first[axis + 1 :])
    return [Value(shape, step.inputs[0].texts)]


def _gemm(step: Step) -> list[Value]:
    left = _turned(step.first, step.attributes.get("transA", 0))
    right = _turned(step.inputs[1].shape, step.attributes.get("transB", 0))
    return [Value(_product(left, right))]


def _turned(shape: Shape, turned: int) -> Shape:
    if len(shape) != 2:
        raise DoesNotFit
    return shape[::-1] if turned else shape


def _matmul(step: Step) -> list[Value]:
    return [Value(_product(step.first, step.inputs[1].shape))]


def _product(left: Shape, right: Shape) -> Shape:
    if len(right) == 1 and left[-1:] == right:
        return left[:-1]
    if len(left) < 2 or len(right) < 2 or left[-1] != right[-2]:
        raise DoesNotFit
    return (*_together(left[:-2], right[:-2]), left[-2], right[-1])


def _reshape(step: Step) -> list[Value]:
    wanted = step.inputs[1].numbers
    if wanted is None or step.attributes.get("allowzero"):
        raise DoesNotFit
    sizes = []
    for place, size in enumerate(wanted):
        if size < -1 or (size == 0 and place >= len(step.first)):
            raise DoesNotFit
        sizes.append(size or step.first[place])
    known = prod(size for size in sizes if size != -1)
    elements = step.inputs[0].elements
    if known == 0 or elements % known or sizes.count(-1) > 1:
        raise DoesNotFit
    shape = tuple(elements // known if size == -1 else size for size in sizes)
    if prod(shape) != elements:
        raise DoesNotFit
    return [Value(shape, step.inputs[0].texts)]


def _reduced(step: Step) -> list[Value]:
    axis = _place(step, 0)
    kept = (1,) if step.attributes.get("keepdims", 1) else ()
    return [Value((*step.first[:axis], *kept, *step.first[axis + 1 :]))]


def _extracted(step: Step) -> list[Value]:
    rows = step.first[:-1] or (1,)
    return [Value((*rows, step.inputs[1].elements), step.inputs[0].texts)]


def _one_hot(step: Step) -> list[Value]:
    known = step.size("cats_strings")
    if not known:
        known = step.size("cats_int64s")
    shape = (*step.first, known)
    return [Value(shape)]


def _quantized(step: Step) -> list[Value]:
    scale = Value(())
    zero = Value(())
    quantized = Value(step.first)
    return [quantized, scale, zero]


def _classified(step: Step) -> list[Value]:
    names = step.size("classlabels_strings")
    classes = max(2, names, step.size("classlabels_ints"), step.size("classlabels_int64s"), step.size("intercepts"))
    return [Value((step.rows,), names > 0), Value((step.rows, classes))]


def _tree_sums(step: Step) -> list[Value]:
    targets = step.attributes.get("n_targets", 1)
    shape = (step.rows, int(targets))
    return [Value(shape)]


def _linear(step: Step) -> list[Value]:
    targets = max(1, int(step.attributes.get("targets", 1)))
    return [Value((step.rows, targets))]


RULES: dict[str, dict[str, Rule]] = {
    "": {
        **dict.fromkeys(("Add", "Div", "Equal", "Max", "Min", "Mul", "Sub", "Where"), _broadcast),
        **dict.fromkeys(
            ("Clip", "Exp", "Identity", "IsNaN", "Log", "Neg", "Not", "Relu", "Sigmoid", "Softmax", "Tanh"), _same
        ),
        **dict.fromkeys(("DequantizeLinear", "QuantizeLinear"), _same),
        **dict.fromkeys(("MatMul", "MatMulInteger"), _matmul),
        "ArgMax": _reduced,
        "Cast": _cast,
        "Concat": _concat,
        "DynamicQuantizeLinear": _quantized,
        "Gather": _gather,
        "Gemm": _gemm,
        "Reshape": _reshape,
    },
    ML: {
        **dict.fromkeys(("Imputer", "Normalizer", "Scaler"), _same),
        **dict.fromkeys(("LinearClassifier", "TreeEnsembleClassifier"), _classified),
        "ArrayFeatureExtractor": _extracted,
        "LabelEncoder": _encoded,
        "LinearRegressor": _linear,
        "OneHotEncoder": _one_hot,
        "TreeEnsembleRegressor": _tree_sums,
    },
}
"""By domain and operator: the shapes of its outputs."""


def rule_of(domain: str, operator: str) -> Rule | None:
    """The rule of an operator; None where it is not allowed."""
    known = "" if domain == "ai.onnx" else domain
    return RULES.get(known, {}).get(operator)


def work_of(operator: str, step: Step, outputs: Sequence[Value]) -> int:
    """About how many multiplications a node takes, at most."""
    size = sum(value.elements for value in (*step.inputs, *outputs))
    if operator in {"Gemm", "MatMul", "MatMulInteger"}:
        return outputs[0].elements * max(step.first, default=1)
    if operator.startswith("TreeEnsemble"):
        return size + VISIT * step.rows * step.longest
    if operator.startswith("Linear"):
        return size + step.rows * step.longest
    return size
