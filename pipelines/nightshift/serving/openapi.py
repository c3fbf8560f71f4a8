"""The routes of a server as OpenAPI describes them, with a schema and an example out of the columns of model.yaml."""

from typing import Any

from nightshift.serving.examples import example_row, example_value
from nightshift.serving.protocol import datatype, inputs_of, outputs_of
from nightshift.serving.version import ServedVersion
from nightshift.spec import Column, ModelSpec

OPENAPI = "3.1.0"
JSON_TYPES = {"string": "string", "bool": "boolean", "date": "string", "int16": "integer", "int32": "integer",
              "int64": "integer"}  # fmt: skip
ERRORS = {
    "400": "what is wrong with the request",
    "401": "no token, or one that is not accepted, where tokens are asked for",
    "403": "a caller without the right",
    "404": "no such model, or a version that does not answer",
    "413": "too many bytes or rows",
    "429": "a caller asked more than they may: see Retry-After",
    "503": "nobody answers, or too many requests are under way: see Retry-After",
}


def describe(version: ServedVersion) -> dict[str, Any]:
    """All of it, for the version that answers."""
    spec = version.spec
    return {
        "openapi": OPENAPI,
        "info": {"title": f"{spec.name} by day", "description": spec.description, "version": version.pin.version},
        "paths": _paths(spec),
        "components": {"schemas": _schemas(spec)},
    }


def _paths(spec: ModelSpec) -> dict[str, Any]:
    model = f"/v2/models/{spec.name}"
    paths: dict[str, Any] = {
        "/score": {"post": _post("Score rows by column names", "ScoreRows", "ScoredRows", row_request(spec))},
        f"{model}/infer": {"post": _post("The same by the protocol", "InferRequest", "InferAnswer", tensors(spec))},
    }
    looked_at = {
        "/v2": "The server",
        "/v2/health/live": "The process answers",
        "/v2/health/ready": "Requests should come here, and who answers them",
        model: "Inputs and outputs",
        f"{model}/ready": "The model answers",
        f"{model}/versions/{{version}}": "The same of a version, if it is the one that answers",
        "/metrics": "Figures for Prometheus",
    }
    for path, summary in looked_at.items():
        paths[path] = {"get": {"summary": summary, "responses": {"200": {"description": summary}}}}
    parameter = {"name": "version", "in": "path", "required": True, "schema": {"type": "string"}}
    paths[f"{model}/versions/{{version}}"]["get"]["parameters"] = [parameter]
    return paths


def row_request(spec: ModelSpec) -> dict[str, Any]:
    """A body for ``/score``."""
    return {"rows": [example_row(spec)]}


def tensors(spec: ModelSpec) -> dict[str, Any]:
    """A body for the protocol's route, of the same row."""
    inputs = []
    for name, value in example_row(spec).items():
        kind = datatype(spec.columns[name])
        inputs.append({"name": name, "datatype": kind, "shape": [1], "data": [value]})
    return {"id": "example", "inputs": inputs}


def _post(summary: str, body: str, answer: str, example: dict[str, Any]) -> dict[str, Any]:
    responses: dict[str, Any] = {"200": {"description": "the scores", "content": _content(answer)}}
    for status, meaning in ERRORS.items():
        responses[status] = {"description": meaning, "content": _content("Error")}
    content = _content(body)
    content["application/json"]["example"] = example
    return {"summary": summary, "requestBody": {"required": True, "content": content}, "responses": responses}


def _content(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _schemas(spec: ModelSpec) -> dict[str, Any]:
    """One for each body; ``Row`` has the columns."""
    row = {name: _property(spec.columns[name]) for name in spec.features}
    required = [name for name in spec.features if not spec.columns[name].optional]
    score = {tensor["name"]: _score_property(tensor["datatype"]) for tensor in outputs_of(spec)}
    names = [tensor["name"] for tensor in inputs_of(spec)]
    text = {"type": "string"}
    return {
        "Row": {"type": "object", "required": required, "properties": row},
        "ScoreRows": _object(rows=_list({"$ref": "#/components/schemas/Row"})),
        "Score": {"type": "object", "properties": score},
        "ScoredRows": _object(
            model=text, version=text, sha256=text, predictions=_list({"$ref": "#/components/schemas/Score"})
        ),
        "Tensor": _object(
            name={"type": "string", "enum": names}, datatype=text, shape=_list({"type": "integer"}), data=_list({})
        ),
        "InferRequest": _object(inputs=_list({"$ref": "#/components/schemas/Tensor"})),
        "InferAnswer": _object(model_name=text, model_version=text, outputs=_list({"type": "object"})),
        "Error": _object(error=text),
    }


def _property(column: Column) -> dict[str, Any]:
    kind = JSON_TYPES.get(column.type, "number")
    described: dict[str, Any] = {
        "type": [kind, "null"] if column.nullable else kind,
        "examples": [example_value(column)],
    }
    if column.type == "date":
        described["format"] = "date"
    if column.allowed is not None:
        described["enum"] = [*column.allowed, *([None] if column.nullable else [])]
    for word, bound in (("minimum", column.min), ("maximum", column.max)):
        if isinstance(bound, int | float):
            described[word] = bound
    return described


def _score_property(kind: str) -> dict[str, Any]:
    types = {"BOOL": "boolean", "BYTES": "string"}
    return {"type": [types.get(kind, "number"), "null"]}


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}
