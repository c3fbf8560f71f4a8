"""Logs as one JSON object a line: what happened, and to which model, night, version, digest and run.

A process works on one thing: a task of Airflow, or one command. What it works on is said once, and stands in every
line that follows, whichever thread writes it. Of objects only these fields are taken, so no line has more of the data
than its message has.
"""

import datetime as dt
import json
import logging
import sys
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any, TextIO

FIELDS = ("model", "night", "version", "digest", "run")
"""``digest`` is that of the graph of the version; ``run`` is Airflow's, or one of a command's own."""
VARIABLE = "NIGHTSHIFT_LOG"
JSON = "json"
OF_REQUESTS = ("request", "route", "status", "rows", "milliseconds", "version", "digest", "caller")
MORE = ("verb", "seconds", "exit", "fix", *OF_REQUESTS)
"""What single lines say besides; who answers by day may say another version of each request."""
ENCODER = json.JSONEncoder(default=str)
"""In ASCII: some that read lines take other characters for the end of one."""
_known: dict[str, str] = {}


def bind(**fields: object) -> dict[str, str]:
    """Say what the process works on; what is None or empty changes nothing. All that is known now."""
    for name in FIELDS:
        value = fields.get(name)
        if value:
            _known[name] = str(value)
    return dict(_known)


def forget() -> None:
    """The process works on something else."""
    _known.clear()


def fields_of(*things: object) -> dict[str, object]:
    """What the objects that steps hand on say of model, night and version; of several the last that says it.

    Others are not asked: one of Airflow's takes any name for that of a connection.
    """
    fields: dict[str, object] = {}
    for thing in things:
        if is_dataclass(thing):
            fields |= _texts_of(thing)
    return fields


def _texts_of(thing: object) -> dict[str, object]:
    pin = getattr(thing, "pin", None)
    pinned_version = getattr(pin, "version", None)
    pinned_graph = getattr(pin, "sha256", None)
    values = {
        "model": getattr(thing, "model", None),
        "night": getattr(thing, "partition", None),
        "version": pinned_version or getattr(thing, "version", None),
        "digest": pinned_graph or getattr(thing, "onnx_sha256", None),
    }
    return {name: value for name, value in values.items() if isinstance(value, str) and value}


class JsonLines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """``time`` is UTC, ISO 8601; a traceback, where there is one, is the value of ``exception``."""
        moment = dt.datetime.fromtimestamp(record.created, dt.UTC)
        line: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_known,
            **_more(vars(record)),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return ENCODER.encode(line)


def log_as_json() -> None:
    """From now on all that this process logs goes to its standard error so; warnings of libraries too."""
    root = logging.getLogger()
    if is_json():
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root.addHandler(handler)
    logging.getLogger("nightshift").setLevel(logging.INFO)
    logging.captureWarnings(True)
    _leave_out_what_no_line_has()


def _leave_out_what_no_line_has() -> None:
    """Of threads and processes: to find their names out takes as long as the rest of a record."""
    logging.logThreads = False
    logging.logProcesses = False
    logging.logMultiprocessing = False


def is_json() -> bool:
    """Whether it does."""
    return json_handler() is not None


def write_lines(handler: "logging.StreamHandler[TextIO]", lines: str) -> None:
    """Lines that are JSON already, at once, between those of other threads."""
    handler.acquire()
    try:
        handler.stream.write(lines)
        handler.flush()
    finally:
        handler.release()


def json_handler() -> "logging.StreamHandler[TextIO] | None":
    """What writes the lines, where they are JSON."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and isinstance(handler.formatter, JsonLines):
            return handler
    return None


def _more(attributes: Mapping[str, object]) -> dict[str, object]:
    return {name: attributes[name] for name in MORE if name in attributes}
