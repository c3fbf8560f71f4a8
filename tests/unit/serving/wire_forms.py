"""Tensors sent in each form that there is, by both doors, and what is heard of them as JSON would have it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from starlette.testclient import TestClient

from nightshift.serving.beside import BesideAnswers
from nightshift.serving.options import ServeOptions
from nightshift.serving.routes import application
from tests.unit.serving import test_binary
from tests.unit.serving.conftest import Site
from tests.unit.serving.grpc_site import Listening, asked_of, listening, outputs_of

REST_FORMS = {"JSON": (False, False), "binary in": (True, False), "binary out": (False, True), "binary": (True, True)}
"""Whether the request is in binary, and whether the answer is to be."""
GRPC_FORMS = {"gRPC": False, "gRPC raw": True}
FORMS = [*REST_FORMS, *GRPC_FORMS]


@dataclass
class Heard:
    """An answer: ``headers`` are gRPC's metadata, too, and ``is_binary`` holds for raw contents."""

    outputs: dict[str, list[Any]]
    parameters: dict[str, Any]
    headers: Mapping[str, str]
    is_binary: bool


@contextmanager
def both_doors(here: Site, beside: BesideAnswers, **options: Any) -> Iterator[Listening]:
    """A server of gRPC, and beside it one of REST, with the same beside them."""
    client = TestClient(application(here.stand, ServeOptions(**options), beside))
    with listening(replace(here, client=client), beside, **options) as server:
        yield server


def ask(server: Listening, form: str, tensors: list[dict[str, Any]], outputs: Sequence[str] = ()) -> Heard:
    """What is answered to the request ``seven``, which must be scores."""
    if form in GRPC_FORMS:
        return _by_grpc(server, tensors, outputs, is_raw=GRPC_FORMS[form])
    answer = by_rest(server.here, form, tensors, outputs)
    assert answer.status_code == 200, answer.text
    is_binary = answer.headers["content-type"] == "application/octet-stream"
    if is_binary:
        size = int(answer.headers["inference-header-content-length"])
        head = json.loads(answer.content[:size])
        values = test_binary.outputs_of(answer)
    else:
        head = answer.json()
        values = {tensor["name"]: tensor["data"] for tensor in head["outputs"]}
    return Heard(values, head["parameters"], answer.headers, is_binary)


def by_rest(here: Site, form: str, tensors: list[dict[str, Any]], outputs: Sequence[str] = ()) -> Any:
    """Whatever is answered there."""
    is_packed, is_wanted = REST_FORMS[form]
    rest: dict[str, Any] = {"parameters": {"binary_data_output": is_wanted}}
    if outputs:
        rest["outputs"] = [{"name": name} for name in outputs]
    body, headers = json.dumps({"inputs": tensors, **rest}).encode(), {}
    if is_packed:
        body, headers = test_binary.packed(tensors, **rest)
    return test_binary.infer(here, body, {**headers, "x-request-id": "seven"})


def _by_grpc(server: Listening, tensors: list[dict[str, Any]], outputs: Sequence[str], *, is_raw: bool) -> Heard:
    asked = asked_of(tensors, server.here.spec.name, is_raw=is_raw)
    for name in outputs:
        asked.outputs.add(name=name)
    answer, call = server.ask("ModelInfer", asked, metadata=(("x-request-id", "seven"),))
    chosen = {name: (value, value.WhichOneof("parameter_choice")) for name, value in answer.parameters.items()}
    return Heard(
        outputs=outputs_of(answer),
        parameters={name: getattr(value, choice) for name, (value, choice) in chosen.items()},
        headers={entry.key: entry.value for entry in call.trailing_metadata()},
        is_binary=bool(answer.raw_output_contents),
    )
