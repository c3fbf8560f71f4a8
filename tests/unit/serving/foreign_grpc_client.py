"""A client of the protocol's gRPC service that knows none of our code: its stubs are made of the published proto.

    python foreign_grpc_client.py FOLDER PORT MODEL <inputs.json

FOLDER has the stubs. It asks every method, and prints what it heard as JSON.
"""  # fmt: skip

import json
import sys
from typing import Any

import grpc

FIELDS = {"BYTES": "bytes_contents", "BOOL": "bool_contents", "INT16": "int_contents", "FP32": "fp32_contents",
          "FP64": "fp64_contents"}  # fmt: skip


def main(folder: str, port: str, model: str) -> None:
    sys.path.insert(0, folder)
    import open_inference_grpc_pb2 as messages
    import open_inference_grpc_pb2_grpc as services

    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = services.GRPCInferenceServiceStub(channel)
        described = stub.ModelMetadata(messages.ModelMetadataRequest(name=model))
        answer = stub.ModelInfer(request(messages, model))
        heard = {
            "live": stub.ServerLive(messages.ServerLiveRequest()).live,
            "ready": stub.ServerReady(messages.ServerReadyRequest()).ready,
            "model_ready": stub.ModelReady(messages.ModelReadyRequest(name=model, version="1")).ready,
            "server": stub.ServerMetadata(messages.ServerMetadataRequest()).name,
            "inputs": {tensor.name: [tensor.datatype, list(tensor.shape)] for tensor in described.inputs},
            "properties": dict(described.properties),
            "id": answer.id,
            "version": answer.model_version,
            "sha256": answer.parameters["sha256"].string_param,
            "outputs": {tensor.name: contents(tensor) for tensor in answer.outputs},
        }
    print(json.dumps(heard))


def request(messages: Any, model: str) -> Any:
    made = messages.ModelInferRequest(model_name=model, id="a7")
    for tensor in json.load(sys.stdin):
        given = made.inputs.add(name=tensor["name"], datatype=tensor["datatype"], shape=tensor["shape"])
        values = [float("nan") if value is None else value for value in tensor["data"]]
        if tensor["datatype"] == "BYTES":
            values = [value.encode() for value in tensor["data"]]
        getattr(given.contents, FIELDS[tensor["datatype"]]).extend(values)
    return made


def contents(tensor: Any) -> list[Any]:
    values = list(getattr(tensor.contents, FIELDS[tensor.datatype]))
    return [value.decode() if isinstance(value, bytes) else value for value in values]


if __name__ == "__main__":
    main(*sys.argv[1:])
