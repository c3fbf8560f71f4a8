"""What callers get: the bits of the night by every route, who gave them, and one sentence where they get none."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nightshift.serving.version import ServedVersion
from tests.unit.serving.conftest import Site

MakeSite = Callable[..., Site]
KINDS = [
    ("binary", "hist_gradient_boosting"),
    ("binary", "logistic_regression"),
    ("multiclass", "logistic_regression"),
    ("multilabel", "hist_gradient_boosting"),
    ("regression", "ridge"),
    ("quantile", "hist_gradient_boosting"),
]


def same(value: Any, expected: Any) -> bool:
    """Texts and truth values as they are, scores by their bits."""
    if isinstance(expected, float):
        return np.float32(value).tobytes() == np.float32(expected).tobytes()
    return bool(value == expected)


@pytest.mark.parametrize(("kind", "trainer"), KINDS)
@pytest.mark.parametrize("count", [1, 2, 50])
def test_rows_by_name_get_what_the_night_publishes(site: MakeSite, kind: str, trainer: str, count: int) -> None:
    here = site(kind, trainer)
    expected = here.published()
    for first in (0, 57):
        found = here.client.post("/score", json={"rows": here.rows(count, first)})
        assert found.status_code == 200, found.text
        predictions = found.json()["predictions"]
        assert len(predictions) == count
        for place, answer in enumerate(predictions, start=first):
            assert answer.keys() == {"site", *expected}
            assert all(same(answer[name], expected[name][place]) for name in expected)


@pytest.mark.parametrize(("kind", "trainer"), KINDS)
def test_tensors_get_what_the_night_publishes(site: MakeSite, kind: str, trainer: str) -> None:
    here = site(kind, trainer)
    found = here.client.post(f"/v2/models/{here.spec.name}/infer", json={"inputs": here.tensors(40)}).json()
    outputs = {tensor["name"]: tensor for tensor in found["outputs"]}
    for name, expected in here.published().items():
        assert outputs[name]["shape"] == [40]
        assert all(map(same, outputs[name]["data"], expected[:40]))


def test_an_answer_says_which_version_gave_it_in_body_and_header(site: MakeSite) -> None:
    here = site()
    version = here.stand.version
    assert isinstance(version, ServedVersion)
    by_name = here.client.post("/score", json={"rows": here.rows(1)})
    request = {"id": "a7", "inputs": here.tensors(1)}
    by_protocol = here.client.post(f"/v2/models/{here.spec.name}/versions/1/infer", json=request)
    for answer in (by_name, by_protocol):
        assert answer.headers["nightshift-version"] == "1"
        assert answer.headers["nightshift-sha256"] == version.pin.sha256
    assert (by_name.json()["version"], by_name.json()["sha256"]) == ("1", version.pin.sha256)
    body = by_protocol.json()
    assert (body["id"], body["model_name"], body["model_version"]) == ("a7", here.spec.name, "1")
    assert body["parameters"] == {"sha256": version.pin.sha256}


def test_keys_come_back_and_other_columns_of_the_model_are_left_unread(site: MakeSite) -> None:
    here = site()
    row = {**here.rows(1)[0], "number": 17}
    (answer,) = here.client.post("/score", json={"rows": [row]}).json()["predictions"]
    assert (answer["site"], answer["number"]) == (row["site"], 17)


def test_a_null_is_a_missing_value(site: MakeSite) -> None:
    here = site()
    places = [place for place, value in enumerate(here.table["amount"].to_pylist()) if value is None]
    assert places
    row = here.rows(1, places[0])[0]
    assert row["amount"] is None
    (answer,) = here.client.post("/score", json={"rows": [row]}).json()["predictions"]
    assert same(answer["score"], here.published()["score"][places[0]])


def test_nested_data_and_chosen_outputs_are_read_as_the_protocol_says(site: MakeSite) -> None:
    here = site()
    nested = [{**each, "shape": [3, 1], "data": [[value] for value in each["data"]]} for each in here.tensors(3)]
    request = {"inputs": nested, "outputs": [{"name": "score"}]}
    found = here.client.post(f"/v2/models/{here.spec.name}/infer", json=request).json()
    (output,) = found["outputs"]
    assert (output["name"], output["datatype"]) == ("score", "FP32")
    assert all(map(same, output["data"], here.published()["score"][:3]))


def _set(place: str, value: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda row: row | {place: value}


def _without(place: str) -> Callable[[dict[str, Any]], Any]:
    return lambda row: {name: value for name, value in row.items() if name != place}


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_set("colour", "red"), "has no column 'colour'"),
        (_without("weight"), "weight is missing in some rows"),
        (_set("weight", "heavy"), "weight, of type float64: "),
        (_set("weight", None), "weight may not be null"),
        (_set("items", 2.5), "items, of type int16"),
        (_set("kind", 3), "kind, of type string"),
        (lambda row: [1, 2], "rows must be objects"),
    ],
)
def test_a_row_that_is_wrong_is_refused_in_a_sentence(
    site: MakeSite, spoil: Callable[[dict[str, Any]], Any], words: str
) -> None:
    here = site()
    found = here.client.post("/score", json={"rows": [*here.rows(1), spoil(here.rows(1)[0])]})
    assert found.status_code == 400
    assert words in found.json()["error"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "the body is no JSON"),
        (b"NaN", "the body is no JSON"),
        (b"[]", "the body must have inputs"),
        (b'{"inputs": [{"name": "colour"}]}', "has no column 'colour'"),
        (b'{"inputs": [{"name": "weight", "datatype": "BYTES"}]}', "weight is FP64"),
        (b'{"inputs": [{"name": "kind", "datatype": "FP32"}]}', "kind is BYTES"),
        (b'{"inputs": [{"name": "items", "datatype": "FP32"}]}', "items is INT16"),
        (b'{"inputs": [{"name": "weight", "datatype": "FP64", "shape": [2, 2], "data": []}]}', "a column is [rows]"),
        (b'{"inputs": [{"name": "weight", "datatype": "FP64", "shape": [2], "data": [1]}]}', "and 1 values"),
        (b'{"inputs": [{"name": "weight", "datatype": "FP64", "shape": [0], "data": []}]}', "has no rows"),
        (b'{"inputs": [{"name": "weight", "datatype": "FP64", "shape": [1], "data": [1]}]}', "needs site, kind"),
    ],
)
def test_a_tensor_that_is_wrong_is_refused_in_a_sentence(site: MakeSite, body: bytes, words: str) -> None:
    here = site()
    found = here.client.post(f"/v2/models/{here.spec.name}/infer", content=body)
    assert found.status_code == 400
    assert words in found.json()["error"]


@pytest.mark.parametrize(
    "path", ["/v2/models/other", "/v2/models/{m}/versions/7", "/v2/models/other/ready", "/nowhere"]
)
def test_what_is_not_here_is_not_found(site: MakeSite, path: str) -> None:
    here = site()
    found = here.client.get(path.format(m=here.spec.name))
    assert found.status_code == 404
    assert set(found.json()) == {"error"}


def test_a_version_by_path_that_does_not_answer_is_named_beside_the_one_that_does(site: MakeSite) -> None:
    here = site()
    request = {"inputs": here.tensors(1)}
    found = here.client.post(f"/v2/models/{here.spec.name}/versions/7/infer", json=request)
    assert (found.status_code, found.json()["error"]) == (
        404, "version '7' does not answer here: the champion is 1"
    )  # fmt: skip


def test_another_method_is_refused_as_json(site: MakeSite) -> None:
    found = site().client.get("/score")
    assert (found.status_code, set(found.json())) == (405, {"error"})


def test_a_head_is_answered_as_a_get_is(site: MakeSite) -> None:
    found = site().client.head("/v2/health/ready")
    assert (found.status_code, found.headers["content-type"]) == (200, "application/json")
