"""Tensors as JSON holds them without losing a bit, and back."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nightshift.export.record import Datatype, Tensor
from nightshift.modelling.arrays import Float32s
from nightshift.scoring.feeds import GraphInputs

NUMPY_TYPES: dict[Datatype, Any] = {"FP32": np.float32, "INT64": np.int64, "BYTES": object}


def as_tensor(values: NDArray[Any]) -> Tensor:
    """An input of a graph: float32, int64 or texts."""
    flat = values.reshape(-1)
    if values.dtype == np.float32:
        return Tensor(datatype="FP32", shape=values.shape, data=tuple(bits_of(flat)))
    if values.dtype == np.int64:
        return Tensor(datatype="INT64", shape=values.shape, data=tuple(flat.tolist()))
    return Tensor(datatype="BYTES", shape=values.shape, data=tuple(flat.tolist()))


def as_tensors(inputs: GraphInputs) -> dict[str, Tensor]:
    """All inputs of a graph."""
    return {name: as_tensor(values) for name, values in inputs.items()}


def from_tensor(tensor: Tensor) -> NDArray[Any]:
    """The input that was written."""
    if tensor.datatype == "FP32":
        return from_bits(tensor.data).reshape(tensor.shape)
    return np.array(tensor.data, NUMPY_TYPES[tensor.datatype]).reshape(tensor.shape)


def bits_of(values: Float32s) -> list[str]:
    """The bits of floats (n,), most significant first, as 8 hexadecimal digits each."""
    numbers = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return [f"{number:08x}" for number in numbers.tolist()]


def from_bits(texts: Any) -> Float32s:
    """The floats (n,) of such bits."""
    numbers = [int(text, 16) for text in texts]
    return np.array(numbers, np.uint32).view(np.float32)


def rows_of_bits(scores: Float32s) -> tuple[tuple[str, ...], ...]:
    """Scores, (n,) or (n, k), as a list of bits to a row."""
    by_row = scores.reshape(len(scores), -1)
    return tuple(tuple(bits_of(row)) for row in by_row)


def scores_of(rows: tuple[tuple[str, ...], ...]) -> Float32s:
    """The scores (n, k) of such rows."""
    return np.stack([from_bits(row) for row in rows])
