"""The messages of the protocol's gRPC service, and how a request and its answer look in them.

They are made of the protocol's compiled description, so that no generated code has to fit the protobuf that is
installed; in a pool of their own, since other clients of the protocol bring messages of the same names.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from nightshift.quotes import quoted
from nightshift.serving import binary
from nightshift.serving.refusal import Refusal

SERVICE = "inference.GRPCInferenceService"
DESCRIPTION = "open_inference.binpb"
CONTENTS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
"""Where the values of a type lie that are not sent raw."""


@dataclass(frozen=True)
class RpcMethod:
    """A method of the service, with the class of its requests."""

    name: str
    request: Any

    def read(self, body: bytes) -> Any:
        """The request that these bytes are. Raises ``Refusal`` where they are none."""
        try:
            return self.request.FromString(body)
        except DecodeError as error:
            raise Refusal(400, f"the bytes of the call are no {self.request.DESCRIPTOR.name}") from error


@cache
def _pool() -> DescriptorPool:
    described = resources.files("nightshift.serving").joinpath(DESCRIPTION).read_bytes()
    pool = DescriptorPool()
    for file in FileDescriptorSet.FromString(described).file:
        pool.Add(file)
    return pool


@cache
def message(name: str) -> Any:
    """The class of a message of the protocol."""
    return GetMessageClass(_pool().FindMessageTypeByName(f"inference.{name}"))


def methods() -> list[RpcMethod]:
    """All of the service."""
    described = _pool().FindServiceByName(SERVICE).methods
    return [RpcMethod(method.name, message(method.input_type.name)) for method in described]


def request_of(asked: Any) -> dict[str, Any]:
    """A ``ModelInferRequest`` as REST has it, with values in ``data``. Raises ``Refusal`` where sizes do not fit.

    Raw contents are REST's tensors in binary, and want an answer like them.
    """
    raw = asked.raw_input_contents
    if raw and len(raw) != len(asked.inputs):
        raise Refusal(400, f"the request has {len(asked.inputs)} inputs, and raw contents of {len(raw)}")
    return {
        "id": asked.id,
        "inputs": _tensors(asked.inputs, raw),
        "outputs": [{"name": output.name} for output in asked.outputs],
        "parameters": {"binary_data_output": bool(raw)},
    }


def read_back(answer: Any) -> dict[str, Any]:
    """The outputs of a ``ModelInferResponse`` of ours as REST has them."""
    return {"outputs": _tensors(answer.outputs, answer.raw_output_contents)}


def _tensors(tensors: Any, raw: Sequence[bytes]) -> list[dict[str, Any]]:
    """With the values of each as ``data``: raw ones, where there are any."""
    known = []
    for place, tensor in enumerate(tensors):
        shape = list(tensor.shape)
        data = _raw_values(tensor, shape, raw[place]) if raw else _values(tensor)
        known.append({"name": tensor.name, "datatype": tensor.datatype, "shape": shape, "data": data})
    return known


def _raw_values(tensor: Any, shape: list[int], raw: bytes) -> list[Any]:
    if tensor.HasField("contents"):
        raise Refusal(400, f"{quoted(tensor.name)} has contents and raw contents")
    return binary.values_of(tensor.name, tensor.datatype, shape, raw)


def _values(tensor: Any) -> list[Any]:
    place = CONTENTS.get(tensor.datatype)
    if place is None:
        raise Refusal(400, f"{quoted(tensor.name)} has datatype {quoted(tensor.datatype)}, which has no contents")
    values = list(getattr(tensor.contents, place))
    if tensor.datatype == binary.BYTES:
        return [binary.text_of(tensor.name, value) for value in values]
    return binary.none_for_nan(values) if tensor.datatype.startswith("FP") else values


def answer_of(answer: dict[str, Any], *, is_raw: bool) -> Any:
    """What REST would say, as a ``ModelInferResponse``. Raises ``Refusal`` as ``binary.raw_of``."""
    made = message("ModelInferResponse")(
        model_name=answer["model_name"], model_version=answer["model_version"], id=answer.get("id", "")
    )
    for name, value in answer["parameters"].items():
        if isinstance(value, bool):
            made.parameters[name].bool_param = value
        else:
            made.parameters[name].string_param = value
    for tensor in answer["outputs"]:
        output = made.outputs.add(name=tensor["name"], datatype=tensor["datatype"], shape=tensor["shape"])
        if is_raw:
            made.raw_output_contents.append(binary.raw_of(tensor["name"], tensor["datatype"], tensor["data"]))
        else:
            _fill(output, tensor["data"])
    return made


def _fill(output: Any, data: Any) -> None:
    binary.require_whole(output.name, output.datatype, data)
    values = [value.encode() for value in data] if output.datatype == binary.BYTES else list(data)
    getattr(output.contents, CONTENTS[output.datatype]).extend(values)
