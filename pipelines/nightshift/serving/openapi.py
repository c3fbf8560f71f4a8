"""The routes of a server as OpenAPI describes them, with a schema and an example out of the columns of model.yaml."""

from typing import Any

from nightshift.serving.access.described import refusals_of, schemes_of, security_of
from nightshift.serving.access.rules import AccessRules
from nightshift.serving.examples import example_row, example_value
from nightshift.serving.protocol import datatype, inputs_of, outputs_of
from nightshift.serving.version import ServedVersion
from nightshift.spec import Column, ModelSpec

OPENAPI = "3.1.0"
JSON_TYPES = {"string": "string", "bool": "boolean", "date": "string", "int16": "integer", "int32": "integer",
              "int64": "integer"}  # fmt: skip
ERRORS = {
    "400": "what is wrong with the request",
    "404": "no such model, or a version that does not answer",
    "413": "too many bytes or rows",
    "503": "nobody answers, or too many requests are under way: see Retry-After",
}


def describe(version: ServedVersion, access: AccessRules | None = None) -> dict[str, Any]:
    """All of it, for the version that answers, to callers whom these rules know."""
    spec = version.spec
    components: dict[str, Any] = {"schemas": _schemas(spec)}
    schemes = schemes_of(access)
    if schemes:
        components["securitySchemes"] = schemes
    return {
        "openapi": OPENAPI,
        "info": {"title": f"{spec.name} by day", "description": spec.description, "version": version.pin.version},
        "paths": _paths(spec, access),
        "components": components,
    }


def _paths(spec: ModelSpec, access: AccessRules | None) -> dict[str, Any]:
    model = f"/v2/models/{spec.name}"
    version = f"{model}/versions/{{version}}"
    score = _post("Score rows by column names", "ScoreRows", "ScoredRows", row_request(spec))
    infer = _post("The same by the protocol", "InferRequest", "InferAnswer", tensors(spec))
    model_of_version = _get("The same of a version, if it is the one that answers")
    model_of_version["parameters"] = [
        {"name": "version", "in": "path", "required": True, "schema": {"type": "string"}},
    ]
    operations = [
        # The path, what figures call the route, the method, and what it is.
        ("/score", "score", "post", score),
        (f"{model}/infer", "infer", "post", infer),
        ("/v2", "server", "get", _get("The server")),
        ("/v2/health/live", "live", "get", _get("The process answers")),
        ("/v2/health/ready", "ready", "get", _get("Requests should come here, and who answers them")),
        (model, "model", "get", _get("Inputs and outputs")),
        (f"{model}/ready", "model_ready", "get", _get("The model answers")),
        (version, "model", "get", model_of_version),
        ("/metrics", "metrics", "get", _get("Figures for Prometheus")),
    ]
    return {path: {method: _for_callers(operation, route, access)} for path, route, method, operation in operations}


def _for_callers(operation: dict[str, Any], route: str, access: AccessRules | None) -> dict[str, Any]:
    """With what is asked of who comes."""
    responses = operation["responses"] | _errors(refusals_of(route, access))
    security = security_of(route, access)
    asked = {"security": security} if security else {}
    return operation | {"responses": dict(sorted(responses.items()))} | asked


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


def _get(summary: str) -> dict[str, Any]:
    return {"summary": summary, "responses": {"200": {"description": summary}}}


def _post(summary: str, body: str, answer: str, example: dict[str, Any]) -> dict[str, Any]:
    good = {"200": {"description": "the scores", "content": _content(answer)}}
    content = _content(body)
    content["application/json"]["example"] = example
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": content},
        "responses": good | _errors(ERRORS),
    }


def _errors(meanings: dict[str, str]) -> dict[str, Any]:
    return {status: {"description": meaning, "content": _content("Error")} for status, meaning in meanings.items()}


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
