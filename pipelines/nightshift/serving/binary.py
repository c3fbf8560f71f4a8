"""Tensors in binary: behind the JSON of a body lie the bytes of its tensors, one after the other, little-endian.

The protocol's extension as Triton and its clients speak it. A number has the bits by which its own machine knows it; a
text has its length before it, in four bytes. Binary has no null: a NaN is a missing value, and what else may be missing
goes as JSON, tensor by tensor.
"""

import math
import re
import struct
from collections.abc import Collection, Sequence
from typing import Any, TypeAlias

import numpy as np
import orjson

from nightshift.quotes import quoted
from nightshift.serving.refusal import Refusal

Buffer: TypeAlias = bytes | memoryview
EXTENSION = "binary_tensor_data"
HEADER = b"inference-header-content-length"
"""How many bytes of a body are its JSON."""
CONTENT_TYPE = "application/octet-stream"
SIZE = "binary_data_size"
OUTPUTS = "outputs"
DIGITS = re.compile(rb"\d{1,12}")
LENGTH = struct.Struct("<I")
BYTES = "BYTES"
DTYPES = {
    "BOOL": np.dtype("?"),
    "INT8": np.dtype("<i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "UINT8": np.dtype("<u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}


def parsed(body: bytes, header: bytes, held: str = "inputs") -> Any:
    """The request of a body, each tensor with its values as ``data``, as if JSON had had them.

    Of an answer it is the same; ``held`` is where the tensors are.
    Raises ``Refusal`` where sizes do not fit, ``orjson.JSONDecodeError``.
    """
    if not DIGITS.fullmatch(header) or int(header) > len(body):
        raise Refusal(400, "inference-header-content-length must be the number of the body's first bytes that are JSON")
    size = int(header)
    request = orjson.loads(body[:size])
    rest = memoryview(body)[size:]
    tensors = request.get(held) if isinstance(request, dict) else None
    for tensor in tensors if isinstance(tensors, list) else ():
        taken = _size(tensor)
        if taken is None:
            continue
        if taken > len(rest):
            raise Refusal(400, f"the body ends before the {taken} bytes of {quoted(tensor.get('name'))}")
        tensor["data"] = values_of(tensor.get("name"), tensor.get("datatype"), tensor.get("shape"), rest[:taken])
        rest = rest[taken:]
    if len(rest):
        raise Refusal(400, f"the last {len(rest)} bytes of the body belong to no tensor")
    return request


def _size(tensor: Any) -> int | None:
    """How many bytes a tensor has in binary, None where its values are in JSON."""
    parameters = tensor.get("parameters") if isinstance(tensor, dict) else None
    if not isinstance(parameters, dict) or SIZE not in parameters:
        return None
    size = parameters[SIZE]
    if type(size) is not int or size < 0:
        raise Refusal(400, f"{SIZE} of {quoted(tensor.get('name'))} must be a number of bytes")
    if "data" in tensor:
        raise Refusal(400, f"{quoted(tensor.get('name'))} has data as JSON and in binary")
    return size


def values_of(name: Any, kind: Any, shape: Any, raw: Buffer) -> list[Any]:
    """The values of a tensor, in the order of its rows, None for NaN.

    Raises ``Refusal`` where the bytes are not those of so many values of this type.
    """
    count = _elements(name, shape)
    if kind == BYTES:
        return _texts(name, raw, count)
    dtype = DTYPES.get(kind) if isinstance(kind, str) else None
    if dtype is None:
        raise Refusal(400, f"{quoted(name)} has datatype {quoted(kind)}, which is not read in binary here")
    if len(raw) != count * dtype.itemsize:
        wanted = count * dtype.itemsize
        raise Refusal(400, f"{quoted(name)} has {len(raw)} bytes, where {count} values of {kind} have {wanted}")
    if kind == "BOOL" and any(byte > 1 for byte in raw):
        raise Refusal(400, f"{quoted(name)} is BOOL: a byte of it is 0 or 1")
    values: list[Any] = np.frombuffer(raw, dtype).tolist()
    return none_for_nan(values) if dtype.kind == "f" else values


def none_for_nan(values: Sequence[Any]) -> list[Any]:
    """Floats with None where a value is missing, as JSON would have it."""
    return [None if math.isnan(value) else value for value in values]


def _elements(name: Any, shape: Any) -> int:
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise Refusal(400, f"{quoted(name)} must have a shape of whole numbers")
    return math.prod(shape)


def _texts(name: Any, raw: Buffer, count: int) -> list[Any]:
    """Texts with their lengths before them, just so many. What a length promises is looked at before it is taken."""
    texts = []
    place = 0
    while place < len(raw):
        begin = place + LENGTH.size
        end = begin + LENGTH.unpack(raw[place:begin])[0] if begin <= len(raw) else begin
        if end > len(raw):
            raise Refusal(400, f"{quoted(name)} ends within a text, or before its length")
        texts.append(text_of(name, raw[begin:end]))
        place = end
    if len(texts) != count:
        raise Refusal(400, f"{quoted(name)} has {len(texts)} texts, and its shape {count}")
    return texts


def text_of(name: Any, raw: Buffer) -> str:
    """Raises ``Refusal`` for what is no UTF-8."""
    try:
        return str(raw, "utf-8")
    except UnicodeDecodeError as error:
        raise Refusal(400, f"{quoted(name)} has a text that is no UTF-8") from error


def wanted(request: dict[str, Any], answer: dict[str, Any]) -> frozenset[str]:
    """The outputs that the caller wants in binary: those that it names so, or all by ``binary_data_output``."""
    given = request.get("parameters")
    by_default = isinstance(given, dict) and given.get("binary_data_output") is True
    named = request.get("outputs")
    if not named and not by_default:
        return frozenset()
    tensors = answer.get(OUTPUTS)
    if tensors is None:
        # Rows by column names have none, whatever the request says of them.
        return frozenset()
    asked = {output["name"]: output.get("parameters") for output in named or ()}
    names = []
    for tensor in tensors:
        parameters = asked.get(tensor["name"])
        is_binary = parameters.get("binary_data", by_default) if isinstance(parameters, dict) else by_default
        if is_binary is True:
            names.append(tensor["name"])
    return frozenset(names)


def encoded(answer: dict[str, Any], names: Collection[str]) -> tuple[bytes, int]:
    """An answer with these outputs in binary behind its JSON, and how many bytes the JSON has.

    Raises ``Refusal`` for a value that is missing where binary has no form for it.
    """
    parts = [b""]
    outputs = []
    for tensor in answer["outputs"]:
        if tensor["name"] in names:
            raw = raw_of(tensor["name"], tensor["datatype"], tensor["data"])
            parts.append(raw)
            described = {name: value for name, value in tensor.items() if name != "data"}
            tensor = {**described, "parameters": {SIZE: len(raw)}}
        outputs.append(tensor)
    parts[0] = orjson.dumps({**answer, "outputs": outputs}, option=orjson.OPT_SERIALIZE_NUMPY)
    return b"".join(parts), len(parts[0])


def raw_of(name: str, kind: str, data: Any) -> bytes:
    """The bytes of an output. Raises ``Refusal`` as ``encoded``."""
    require_whole(name, kind, data)
    if kind != BYTES:
        return np.asarray(data, DTYPES[kind]).tobytes()
    texts = [text.encode() for text in data]
    return b"".join(LENGTH.pack(len(text)) + text for text in texts)


def require_whole(name: str, kind: str, data: Any) -> None:
    """Raises ``Refusal`` for a missing value of an output whose type has no NaN."""
    if not kind.startswith("FP") and any(value is None for value in data):
        raise Refusal(400, f"{name} has a missing value, which has no form in binary: ask for it as JSON")
