"""A line of the log for each request: as the log of the process is, and where that is JSON many at once."""

import datetime as dt
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from nightshift import logs
from nightshift.serving.exchange import Exchange, Reply

log = logging.getLogger("nightshift.serving")


@dataclass(frozen=True)
class Line:
    """What was asked, and ``fields`` of it, of plain values; the message is in ASCII."""

    moment: dt.datetime
    message: str
    fields: dict[str, Any]


def fields_of(exchange: Exchange, reply: Reply, seconds: float) -> dict[str, Any]:
    """What is told of a request, and no value of a row."""
    fields: dict[str, Any] = {
        "request": exchange.request_id,
        "route": exchange.route,
        "status": reply.status,
        "rows": reply.rows,
        "milliseconds": round(1000 * seconds, 3),
    }
    if exchange.caller:
        fields["caller"] = exchange.caller
    if reply.version is not None:
        pin = reply.version.pin
        fields |= {"version": pin.version, "digest": pin.sha256}
    return fields


def write(lines: Iterable[Line]) -> None:
    """In their order."""
    handler = logs.json_handler()
    if handler is None:
        for line in lines:
            # As log.info does, without a look at who called it: that takes as long as all the rest.
            log.handle(log.makeRecord(log.name, logging.INFO, __file__, 0, line.message, (), None, extra=line.fields))
        return
    known = logs.bind()
    written = b"".join(_as_json(line, known) for line in lines)
    logs.write_lines(handler, written.decode())


def _as_json(line: Line, known: dict[str, str]) -> bytes:
    """As ``logs.JsonLines`` would write it."""
    head = {"time": line.moment, "level": "info", "logger": log.name, "message": line.message}
    return orjson.dumps({**head, **known, **line.fields}, option=orjson.OPT_APPEND_NEWLINE)
