"""gRPC's bodies: messages of the protocol, with values in contents or raw."""

from typing import Any

from nightshift.serving.exchange import Exchange, Reply
from nightshift.serving.grpc_messages import answer_of, message, read_back, request_of
from nightshift.serving.version import ServedVersion
from nightshift.serving.wire import Wire, WireBody


def _shown(request: dict[str, Any], answer: dict[str, Any], version: ServedVersion, rows: int) -> Reply:
    """Who asked with raw contents has raw contents."""
    made = answer_of(answer, is_raw=request["parameters"]["binary_data_output"])
    return Reply(made.SerializeToString(), version=version, rows=rows)


def _asked(_: Exchange, body: bytes) -> WireBody:
    return WireBody(body, _request)


def _answered(reply: Reply) -> WireBody:
    return WireBody(reply.body, _answer)


def _request(raw: bytes) -> dict[str, Any]:
    return request_of(message("ModelInferRequest").FromString(raw))


def _answer(raw: bytes) -> dict[str, Any]:
    return read_back(message("ModelInferResponse").FromString(raw))


GRPC = Wire(_asked, _answered, _shown)
