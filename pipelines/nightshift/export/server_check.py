"""A running server asked for the golden rows: by the Open Inference Protocol v2, or as its target is asked.

Who answers need not know that it is asked: these are requests as any client sends them.
"""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from nightshift.errors import ModelError, ParityFailed, ServerUnavailable, UsageError
from nightshift.export.comparison import Verified, compare, outputs_as_scores
from nightshift.export.record import ExportRecord, Tensor
from nightshift.export.tensors import from_tensor
from nightshift.export.v2_tensors import as_v2, column_tensors

INVOCATIONS = "/invocations"
ROWS_BY_NAME = frozenset({"sagemaker", "vertex"})
"""Targets that are asked with ``instances``, rows by column names, at any address."""
SECONDS = (5, 30)
"""To connect, and to answer."""
MOST_QUOTED = 200
RIGHT_SERVER = "is it the right server?"


def verify_server(record: ExportRecord, url: str) -> Verified:
    """Held to the tolerance: what a server runs on, nobody says here. Its bits are counted.

    Raises ``UsageError`` for what is no address, ``ServerUnavailable`` where nobody answers, ``ModelError`` for a
    refusal, ``ParityFailed``.
    """
    address = _address(url)
    try:
        rows, scores = _scored(record, address)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ParityFailed(f"{url} answers in no form of the protocol: {error!r}", fix=RIGHT_SERVER) from error
    return compare(record, url, scores, rows, allowed=record.tolerance)


def _address(url: str) -> str:
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise UsageError("the address has a login in it, which would stand in logs", fix="give the address without it")
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise UsageError(f"{url[:100]!r} is no address of a server", fix="http://HOST:PORT, or a folder")
    return url.rstrip("/")


def _scored(record: ExportRecord, address: str) -> tuple[Sequence[int], Any]:
    """The golden rows that the server took, and their scores."""
    if record.target in ROWS_BY_NAME:
        return range(len(record.golden.scores)), _predicted(record, address)
    if not urlsplit(address).path.endswith(INVOCATIONS):
        return _inferred(record, address)
    return range(len(record.golden.scores)), _invoked(record, address)


def _inferred(record: ExportRecord, address: str) -> tuple[Sequence[int], Any]:
    """By the protocol, at the model's address."""
    has_path = "/v2/models/" in address
    model = address.removesuffix("/infer") if has_path else f"{address}/v2/models/{record.model}"
    tensors = _wanted(record, _answer("GET", model))
    all_rows = range(len(record.golden.scores))
    status, answer = _ask("POST", f"{model}/infer", _request(tensors, all_rows))
    rows: Sequence[int] = all_rows
    if status >= 400:
        # JSON has no NaN: a server may refuse a null where a number is due.
        rows = [place for place in all_rows if not _has_null(tensors, place)] or all_rows
        answer = _answer("POST", f"{model}/infer", _request(tensors, rows))
    return rows, _scores(record, answer)


def _wanted(record: ExportRecord, metadata: dict[str, Any]) -> dict[str, Tensor]:
    """What the server says that it takes: the exported graph's inputs, the champion's own, or columns by name."""
    described = metadata.get("inputs", [])
    datatypes = {given["name"]: given["datatype"] for given in described}
    golden = record.golden
    for tensors in (golden.inputs, golden.champion_inputs):
        if tensors and set(tensors) == set(datatypes):
            return tensors
    if datatypes and set(datatypes) <= set(golden.columns):
        return column_tensors(record, datatypes)
    raise ParityFailed(
        f"the server takes {', '.join(sorted(datatypes)) or 'no inputs'}; the export has"
        f" {', '.join(sorted(golden.inputs))}, and the columns {', '.join(sorted(golden.columns))}",
        fix="is it the right server, and the right export?",
    )


def _request(tensors: dict[str, Tensor], rows: Sequence[int]) -> dict[str, Any]:
    return {"inputs": [as_v2(name, tensor, rows) for name, tensor in tensors.items()]}


def _has_null(tensors: dict[str, Tensor], row: int) -> bool:
    numbers = [from_tensor(tensor)[row] for tensor in tensors.values() if tensor.datatype == "FP32"]
    return any(bool(np.isnan(values).any()) for values in numbers)


def _scores(record: ExportRecord, answer: dict[str, Any]) -> Any:
    """Of the outputs the one of the graph's name, or else the only one of floats."""
    outputs = answer.get("outputs", [])
    named = [output for output in outputs if output.get("name") == record.output.name]
    floats = [output for output in outputs if str(output.get("datatype", "")).startswith("FP")]
    chosen = named or floats
    if len(chosen) != 1:
        raise ParityFailed(f"the server's answer has no output {record.output.name}", fix=RIGHT_SERVER)
    (output,) = chosen
    values = np.asarray(output["data"], np.float32).reshape(output["shape"])
    return outputs_as_scores(record, values)


def _invoked(record: ExportRecord, address: str) -> Any:
    """As MLflow's server is asked, which takes NaN as Python writes it."""
    inputs = {name: from_tensor(tensor).tolist() for name, tensor in record.golden.inputs.items()}
    answer = _answer("POST", address, {"inputs": inputs})
    predictions = answer.get("predictions", {})
    if not isinstance(predictions, dict) or record.output.name not in predictions:
        raise ParityFailed(f"{address} gives no {record.output.name}", fix=RIGHT_SERVER)
    return outputs_as_scores(record, predictions[record.output.name])


def _predicted(record: ExportRecord, address: str) -> Any:
    """As SageMaker's and Vertex's containers of ours are asked: a row by its columns, and its scores by their names."""
    columns = record.golden.columns
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    answer = _answer("POST", address, {"instances": rows})
    scores = itemgetter(*record.output.columns)
    return np.array([scores(row) for row in answer["predictions"]], np.float32).reshape(len(rows), -1)


def _answer(method: str, url: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    status, answer = _ask(method, url, body)
    if status >= 400:
        reason = str(answer.get("error", answer))[:MOST_QUOTED]
        raise ModelError(f"{url} answers {status}: {reason}", fix="is it the right address, and the model there?")
    return answer


def _ask(method: str, url: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
    """The status, and the object of the answer; one without an object has its text as ``error``."""
    import json

    import requests

    # requests refuses NaN, which MLflow's server takes.
    data = None if body is None else json.dumps(body)
    headers = {"Content-Type": "application/json"}
    try:
        response = requests.request(method, url, data=data, headers=headers, timeout=SECONDS)
    except requests.RequestException as error:
        raise ServerUnavailable(
            f"{url} does not answer: {error}", fix="start the server, or give its address"
        ) from error
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        answer = {"error": response.text[:MOST_QUOTED]}
    return response.status_code, answer
