"""A version is opened with its bits tried, and described: by a page, by OpenAPI, by the protocol."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nightshift.contracts import Pin
from nightshift.errors import ModelError, PortTaken, VariantRefused
from nightshift.modelling.label_types import label_type
from nightshift.scoring.bits import BitsAgreement
from nightshift.scoring.graph import OnnxGraph
from nightshift.scoring.machine import kernels_here
from nightshift.scoring.shards import SCORED_ON
from nightshift.scoring.values import ValueFeeds
from nightshift.serving.by_name import score_rows
from nightshift.serving.elsewhere import elsewhere
from nightshift.serving.examples import example_value
from nightshift.serving.options import ServeOptions
from nightshift.serving.server import listen_at
from nightshift.serving.version import ServedVersion, require_bits, require_here
from nightshift.spec import Column, load_spec
from tests.champions import constant_graph
from tests.unit.serving.conftest import Site

MakeSite = Callable[..., Site]


def test_the_promise_of_bits_is_kept_or_the_version_is_refused(served: Callable[..., Any]) -> None:
    version, _ = served("binary")
    tried = BitsAgreement(256, (1, 2, 64), alone={1: 90}, padded={})
    require_bits(version.pin, tried)
    with pytest.raises(VariantRefused, match=r"not give a row by day the bits .* of 2; in those of 2 of 7 rows"):
        require_bits(version.pin, replace(tried, padded={2: 7}))
    with pytest.raises(ModelError, match="keeps no rows by which its bits could be tried") as error:
        require_bits(version.pin, None)
    assert "--bits stated" in str(error.value.fix)


def test_the_examples_of_openapi_are_answered(site: MakeSite) -> None:
    here = site()
    described = here.client.get("/openapi.json").json()
    asked = [path for path, methods in described["paths"].items() if "post" in methods]
    assert asked == ["/score", f"/v2/models/{here.spec.name}/infer"]
    for path in asked:
        content = described["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        found = here.client.post(path, json=content["example"])
        assert found.status_code == 200, found.text


def test_openapi_has_the_columns_of_the_model_and_every_reference_leads_somewhere(site: MakeSite) -> None:
    here = site()
    described = here.client.get("/openapi.json").json()
    schemas = described["components"]["schemas"]
    row = schemas["Row"]
    assert list(row["properties"]) == row["required"] == list(here.spec.features)
    assert row["properties"]["site"]["enum"] == ["east", "north", "south"]
    assert row["properties"]["amount"] == {
        "type": ["number", "null"], "examples": [500.0], "minimum": 0.0, "maximum": 1000.0
    }  # fmt: skip
    assert set(schemas["Score"]["properties"]) == {"score", "prediction"}
    references = json.dumps(described).split('"#/components/schemas/')[1:]
    assert {each.split('"')[0] for each in references} <= set(schemas)


def test_every_route_of_openapi_is_there(site: MakeSite) -> None:
    here = site()
    for path, methods in here.client.get("/openapi.json").json()["paths"].items():
        if "get" in methods:
            assert here.client.get(path.replace("{version}", "1")).status_code == 200, path


def test_the_page_shows_each_column_and_fetches_nothing_from_elsewhere(site: MakeSite) -> None:
    here = site()
    page = here.client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert all(f"<code>{name}</code>" in page.text for name in here.spec.features)
    assert not [word for word in ("<script", "src=", "<link", "url(") if word in page.text]


def test_the_protocol_s_description_has_a_datatype_for_each_column(site: MakeSite) -> None:
    here = site("multiclass", "logistic_regression")
    found = here.client.get(f"/v2/models/{here.spec.name}").json()
    inputs = {tensor["name"]: tensor["datatype"] for tensor in found["inputs"]}
    assert inputs == {
        "site": "BYTES", "kind": "BYTES", "amount": "FP32", "weight": "FP64", "items": "INT16", "express": "BOOL"
    }  # fmt: skip
    outputs = {tensor["name"]: tensor["datatype"] for tensor in found["outputs"]}
    assert outputs.pop("prediction") == "BYTES"
    assert set(outputs.values()) == {"FP32"}
    assert found["versions"] == ["1"]
    assert "the same bits as at once" in found["parameters"]["bits"]


def test_the_request_of_the_docs_is_answered_for_the_flights(repository: Path) -> None:
    """By a graph that gives each row one score: what is tried is that the columns are those of the example."""
    spec = load_spec(repository / "models" / "flight_delays" / "model.yaml")
    (body,) = re.findall(r"/score .*? -d '(.*?)'", (repository / "docs" / "serving.md").read_text(), re.DOTALL)
    request = json.loads(body)
    row = request["rows"][0]
    assert set(row) == {*spec.keys, *spec.features}
    # A product with NaN would be no score.
    row["late_28d_flight"] = 0.0
    graph = OnnxGraph(spec, constant_graph(spec, 0.25))
    pin = Pin(spec.name, "1", "run", "ab", "key", "md5", "2013-03-30")
    version = ServedVersion(spec, pin, graph, ValueFeeds(spec, graph.feeds), label_type(spec), None)
    answer, rows = score_rows(version, request, most_rows=1)
    assert (rows, answer["version"]) == (1, "1")
    assert answer["predictions"] == [
        {"carrier": "UA", "flight": 1545, "origin": "EWR", "late_probability": 0.25, "will_be_late": False}
    ]


@pytest.mark.parametrize(
    ("column", "example"),
    [
        (Column(type="int16", min=1, max=50), 25),
        (Column(type="int64"), 1),
        (Column(type="float32", min=0, max=1), 0.5),
        (Column(type="string", values=("a", "b")), "a"),
        (Column(type="date"), "2024-01-01"),
        (Column(type="decimal"), 1.0),
        (Column(type="bool"), True),
    ],
)
def test_an_example_is_within_its_bounds(column: Column, example: Any) -> None:
    assert example_value(column) == example
    assert type(example_value(column)) is type(example)


def test_a_port_that_is_taken_is_one_clear_error() -> None:
    first = listen_at(ServeOptions(port=0))
    with first:
        first.listen()
        port = first.getsockname()[1]
        with pytest.raises(PortTaken, match=f"nobody can listen on 127.0.0.1:{port}: Address already in use"):
            listen_at(ServeOptions(port=port))


def test_on_other_kernels_than_the_night_s_a_server_refuses_or_says_so(
    served: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    version, _ = served("binary")
    night = SimpleNamespace(partition="2024-01-15", provenance={}, names_version=True)
    lake = SimpleNamespace(partitions=lambda *_: ["2024-01-14", "2024-01-15"], readable=lambda key: night)
    stores: Any = SimpleNamespace(lake=lake)
    assert elsewhere(version.spec, stores) == ""
    night.provenance[SCORED_ON] = ["onnxruntime 1 on x", kernels_here()]
    assert elsewhere(version.spec, stores) == ""
    night.provenance[SCORED_ON] = ["onnxruntime 1 on x"]
    other = elsewhere(version.spec, stores)
    assert other == f"2024-01-15 was scored by onnxruntime 1 on x; here is {kernels_here()}"
    with pytest.raises(VariantRefused, match="version 1: 2024-01-15 was scored by onnxruntime 1 on x") as error:
        require_here(version.pin, other)
    assert "--bits stated" in str(error.value.fix)
    require_here(version.pin, "")
    assert replace(version, elsewhere=other).bits == f"{version.agreement}; {other}"
    lake.readable = lambda key: None
    assert elsewhere(version.spec, stores) == ""
