"""The Open Inference Protocol, version 2, over REST: a tensor per column in, a tensor per published column out.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from typing import Any

import pyarrow as pa

from nightshift.modelling.label_types import label_type
from nightshift.quotes import quoted
from nightshift.scoring.values import ColumnValues
from nightshift.serving.dialect import Dialect
from nightshift.serving.refusal import Refusal
from nightshift.serving.table import needed, require_known, require_rows
from nightshift.serving.version import PublishedValues, ServedVersion
from nightshift.spec import Column, ModelSpec

PLATFORM = "onnx_onnxv1"
DATATYPES = {
    "string": "BYTES",
    "bool": "BOOL",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
    "float32": "FP32",
    "float64": "FP64",
    "decimal": "FP64",
    "date": "BYTES",
}
"""The protocol's type of each column type; a date is a text, 2013-04-01."""
WHOLES = frozenset({"INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"})
FLOATS = frozenset({"FP16", "FP32", "FP64"})
MATRIX = 2


def datatype(column: Column) -> str:
    """The protocol's type of a column. Timestamps, which are no features, have none: they are texts."""
    return DATATYPES.get(column.type, "BYTES")


def inputs_of(spec: ModelSpec) -> list[dict[str, Any]]:
    """What a model takes."""
    return [_tensor(name, datatype(spec.columns[name])) for name in spec.features]


def outputs_of(spec: ModelSpec) -> list[dict[str, Any]]:
    """What it gives."""
    return [_tensor(field.name, _given(field.type)) for field in label_type(spec).published_fields()]


def _columns(version: ServedVersion, request: Any, most_rows: int) -> tuple[dict[str, ColumnValues], int]:
    tensors = request.get("inputs") if isinstance(request, dict) else None
    if not isinstance(tensors, list) or not tensors:
        raise Refusal(400, "the body must have inputs, a tensor for each column")
    columns: dict[str, ColumnValues] = {}
    for tensor in tensors:
        name, values = _read(tensor, version)
        if name in columns:
            raise Refusal(400, f"inputs has {name} twice")
        columns[name] = values
    rows = len(values)
    if any(len(others) != rows for others in columns.values()):
        raise Refusal(400, "the tensors of inputs are not of the same number of rows")
    require_rows(rows, most_rows)
    return needed(version, columns, rows), rows


def answered(version: ServedVersion, request: dict[str, Any], published: PublishedValues, rows: int) -> dict[str, Any]:
    """What is said of rows whose published values are these. Raises ``Refusal`` for an output that is none."""
    pin = version.pin
    outputs = []
    wanted = _asked(request, published)
    for field in version.label.published_fields():
        if field.name in wanted:
            tensor = {
                "name": field.name,
                "datatype": _given(field.type),
                "shape": [rows],
                "data": published[field.name],
            }
            outputs.append(tensor)
    answer = {
        "model_name": pin.model,
        "model_version": pin.version,
        "parameters": {"sha256": pin.sha256},
        "outputs": outputs,
    }
    if isinstance(request.get("id"), str):
        answer["id"] = request["id"]
    return answer


infer = Dialect(_columns, answered)


def _asked(request: dict[str, Any], published: PublishedValues) -> list[str]:
    """The outputs that the caller wants: all, where none is named."""
    named = request.get("outputs") or [{"name": name} for name in published]
    if not isinstance(named, list) or not all(isinstance(output, dict) for output in named):
        raise Refusal(400, "outputs must be a list of objects with a name")
    names = [output.get("name") for output in named]
    for name in names:
        if not isinstance(name, str) or name not in published:
            raise Refusal(400, f"there is no output {quoted(name)}: there are {', '.join(published)}")
    return names


def _read(tensor: Any, version: ServedVersion) -> tuple[str, ColumnValues]:
    if not isinstance(tensor, dict) or not isinstance(tensor.get("name"), str):
        raise Refusal(400, "each tensor of inputs must be an object with name, datatype, shape and data")
    name = tensor["name"]
    require_known(version, [name])
    _require_datatype(name, version.spec.columns[name], tensor.get("datatype"))
    return name, _flat(name, tensor.get("shape"), tensor.get("data"))


def _require_datatype(name: str, column: Column, given: Any) -> None:
    wanted = datatype(column)
    fits = given == wanted or (wanted in WHOLES and given in WHOLES)
    if wanted in FLOATS:
        fits = given in FLOATS or given in WHOLES
    if not fits:
        raise Refusal(400, f"{name} is {wanted}, and the request has datatype {quoted(given)}")


def _flat(name: str, shape: Any, data: Any) -> list[Any]:
    """A value per row, of data that is flat or has a list for each row."""
    if not isinstance(shape, list) or not isinstance(data, list):
        raise Refusal(400, f"{name} must have shape and data, which are lists")
    is_vector = len(shape) == 1
    is_column = len(shape) == MATRIX and shape[1] == 1
    if not (is_vector or is_column):
        raise Refusal(400, f"{name} has shape {quoted(shape)}: a column is [rows], or [rows, 1]")
    if is_column and all(isinstance(value, list) and len(value) == 1 for value in data):
        data = [value for (value,) in data]
    if len(data) != shape[0]:
        raise Refusal(400, f"{name} has shape {quoted(shape)} and {len(data)} values")
    return list(data)


def _tensor(name: str, kind: str) -> dict[str, Any]:
    return {"name": name, "datatype": kind, "shape": [-1]}


def _given(kind: pa.DataType) -> str:
    if pa.types.is_boolean(kind):
        return "BOOL"
    if pa.types.is_float32(kind):
        return "FP32"
    return "FP64" if pa.types.is_floating(kind) else "BYTES"
