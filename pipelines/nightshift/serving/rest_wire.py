"""REST's bodies: JSON, or JSON with tensors in binary behind it."""

from functools import partial
from typing import Any

import orjson

from nightshift.serving import binary
from nightshift.serving.exchange import Exchange, Reply
from nightshift.serving.version import ServedVersion
from nightshift.serving.wire import Wire, WireBody


def shown(request: Any, answer: dict[str, Any], version: ServedVersion, rows: int) -> Reply:
    """An answer in the form that the request wants. Raises ``Refusal`` for what that form has no value for."""
    in_binary = binary.wanted(request, answer)
    if in_binary:
        body, json_size = binary.encoded(answer, in_binary)
        header = (binary.HEADER, b"%d" % json_size)
        return Reply(body, content_type=binary.CONTENT_TYPE, version=version, rows=rows, headers=(header,))
    return Reply(orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY), version=version, rows=rows)


def _asked(exchange: Exchange, body: bytes) -> WireBody:
    return _body(body, exchange.headers.get(binary.HEADER), binary.INPUTS)


def _answered(reply: Reply) -> WireBody:
    return _body(reply.body, dict(reply.headers).get(binary.HEADER), binary.OUTPUTS)


def _body(raw: bytes, header: bytes | None, tensors: str) -> WireBody:
    if header is None:
        return WireBody(raw, orjson.loads)
    return WireBody(raw, partial(binary.parsed, header=header, held=tensors))


REST = Wire(_asked, _answered, shown)
