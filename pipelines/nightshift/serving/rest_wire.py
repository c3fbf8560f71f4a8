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
    header = exchange.headers.get(binary.HEADER)
    return WireBody(body, orjson.loads if header is None else partial(binary.parsed, header=header))


def _answered(reply: Reply) -> WireBody:
    for name, value in reply.headers:
        if name == binary.HEADER:
            return WireBody(reply.body, partial(binary.parsed, header=value, held=binary.OUTPUTS))
    return WireBody(reply.body, orjson.loads)


REST = Wire(_asked, _answered, shown)
