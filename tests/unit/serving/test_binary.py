"""Tensors in binary: the bits of JSON's answers, and one sentence for each way in which sizes do not fit."""

import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nightshift.serving import binary
from tests.unit.serving.conftest import Site

MakeSite = Callable[..., Site]
KINDS = [
    ("binary", "hist_gradient_boosting"),
    ("multiclass", "logistic_regression"),
    ("multilabel", "hist_gradient_boosting"),
    ("quantile", "hist_gradient_boosting"),
]
ROWS = 40


def packed(tensors: list[dict[str, Any]], **beside: Any) -> tuple[bytes, dict[str, str]]:
    """A body with these tensors in binary, but where a value is missing that has no NaN; and its headers."""
    described = []
    parts = []
    for tensor in tensors:
        if None in tensor["data"] and not tensor["datatype"].startswith("FP"):
            described.append(tensor)
            continue
        raw = as_bytes(tensor)
        rest = {name: value for name, value in tensor.items() if name != "data"}
        described.append({**rest, "parameters": {"binary_data_size": len(raw)}})
        parts.append(raw)
    head = json.dumps({"inputs": described, **beside}).encode()
    return b"".join([head, *parts]), {"inference-header-content-length": str(len(head))}


def as_bytes(tensor: dict[str, Any]) -> bytes:
    if tensor["datatype"] == "BYTES":
        texts = [value.encode() for value in tensor["data"]]
        return b"".join(struct.pack("<I", len(text)) + text for text in texts)
    values = [np.nan if value is None else value for value in tensor["data"]]
    return np.array(values, binary.DTYPES[tensor["datatype"]]).tobytes()


def infer(here: Site, body: bytes, headers: dict[str, str]) -> Any:
    return here.client.post(f"/v2/models/{here.spec.name}/infer", content=body, headers=headers)


def outputs_of(answer: Any) -> dict[str, Any]:
    """The outputs of an answer in binary, as a client reads them."""
    size = int(answer.headers["inference-header-content-length"])
    head = json.loads(answer.content[:size])
    rest = answer.content[size:]
    outputs: dict[str, Any] = {}
    for tensor in head["outputs"]:
        if "data" in tensor:
            outputs[tensor["name"]] = tensor["data"]
            continue
        taken = tensor["parameters"]["binary_data_size"]
        outputs[tensor["name"]] = binary.values_of(
            tensor["name"], tensor["datatype"], tensor["shape"], memoryview(rest)[:taken]
        )
        rest = rest[taken:]
    assert not rest
    return outputs


@pytest.mark.parametrize(("kind", "trainer"), KINDS)
@pytest.mark.parametrize("count", [1, ROWS])
def test_an_answer_in_binary_has_the_bits_of_json_s(site: MakeSite, kind: str, trainer: str, count: int) -> None:
    here = site(kind, trainer)
    tensors = here.tensors(count)
    as_json = here.client.post(f"/v2/models/{here.spec.name}/infer", json={"inputs": tensors})
    expected = {tensor["name"]: tensor["data"] for tensor in as_json.json()["outputs"]}
    body, headers = packed(tensors, parameters={"binary_data_output": True})
    found = infer(here, body, headers)
    assert (found.status_code, found.headers["content-type"]) == (200, "application/octet-stream")
    assert found.headers["nightshift-sha256"] == as_json.headers["nightshift-sha256"]
    # JSON's shortest digits and four bytes are the same float32.
    for name, values in outputs_of(found).items():
        assert [bits(value) for value in values] == [bits(value) for value in expected[name]]
    # What is not asked for in binary comes as JSON.
    assert infer(here, *packed(tensors)).json()["outputs"] == as_json.json()["outputs"]


def bits(value: Any) -> Any:
    return np.float32(value).tobytes() if isinstance(value, float) else value


def test_each_output_comes_as_it_is_asked_for(site: MakeSite) -> None:
    here = site()
    outputs = [{"name": "score", "parameters": {"binary_data": False}}, {"name": "prediction"}]
    body, headers = packed(here.tensors(3), outputs=outputs, parameters={"binary_data_output": True})
    found = infer(here, body, headers)
    head = json.loads(found.content[: int(found.headers["inference-header-content-length"])])
    by_name = {tensor["name"]: tensor for tensor in head["outputs"]}
    assert "data" in by_name["score"]
    assert by_name["prediction"]["parameters"] == {"binary_data_size": 3}
    assert outputs_of(found)["prediction"] == here.published()["prediction"][:3]


def test_a_nan_in_binary_is_a_null(site: MakeSite) -> None:
    here = site()
    tensors = here.tensors(1)
    weight = next(tensor for tensor in tensors if tensor["name"] == "weight")
    weight["data"] = [None]
    found = infer(here, *packed(tensors))
    assert (found.status_code, "weight may not be null" in found.json()["error"]) == (400, True)


@pytest.mark.parametrize(
    ("name", "raw", "shape", "words"),
    [
        ("weight", b"12345678", [2], "has 8 bytes, where 2 values of FP64 have 16"),
        ("weight", b"", [1], "has 0 bytes, where 1 values of FP64 have 8"),
        ("weight", b"12345678", [-1], "must have a shape of whole numbers"),
        ("weight", b"12345678", ["1"], "must have a shape of whole numbers"),
        ("weight", b"12345678", [True], "must have a shape of whole numbers"),
        ("weight", b"", [10**9, 10**9], "has 0 bytes, where 1000000000000000000 values of FP64"),
        ("weight", b"", [10**30], "must have a shape of whole numbers"),
        ("express", b"\x02", [1], "a byte of it is 0 or 1"),
        ("site", b"\x04\x00\x00\x00east", [2], "has 1 texts, and its shape 2"),
        ("site", b"\x05\x00\x00\x00east", [1], "ends within a text, or before its length"),
        ("site", b"\xff\xff\xff\xffeast", [1], "ends within a text, or before its length"),
        ("site", b"\x04\x00", [1], "ends within a text, or before its length"),
        ("site", b"\x01\x00\x00\x00\xff", [1], "no UTF-8"),
    ],
)
def test_bytes_that_do_not_fit_are_refused_in_a_sentence(
    site: MakeSite, name: str, raw: bytes, shape: list[Any], words: str
) -> None:
    here = site()
    kinds = {"weight": "FP64", "express": "BOOL", "site": "BYTES"}
    tensor = {"name": name, "datatype": kinds[name], "shape": shape, "parameters": {"binary_data_size": len(raw)}}
    head = json.dumps({"inputs": [tensor]}).encode()
    found = infer(here, head + raw, {"inference-header-content-length": str(len(head))})
    assert (found.status_code, words in found.json()["error"]) == (400, True), found.text


@pytest.mark.parametrize(
    ("tensor", "rest", "words"),
    [
        ({"parameters": {"binary_data_size": 9}}, b"12345678", "the body ends before the 9 bytes of 'weight'"),
        ({"parameters": {"binary_data_size": 8}}, b"123456789", "the last 1 bytes of the body belong to no tensor"),
        ({"parameters": {"binary_data_size": -8}}, b"12345678", "must be a number of bytes"),
        ({"parameters": {"binary_data_size": "8"}}, b"12345678", "must be a number of bytes"),
        ({"parameters": {"binary_data_size": 8}, "data": [1]}, b"12345678", "has data as JSON and in binary"),
        ({"parameters": {"binary_data_size": 8}, "datatype": "BF16"}, b"12345678", "not read in binary here"),
        ({"parameters": {"binary_data_size": 8}, "datatype": ["FP64"]}, b"12345678", "not read in binary here"),
        ({"data": [1.5]}, b"12345678", "the last 8 bytes of the body belong to no tensor"),
    ],
)
def test_sizes_that_do_not_fit_are_refused_in_a_sentence(
    site: MakeSite, tensor: dict[str, Any], rest: bytes, words: str
) -> None:
    here = site()
    head = json.dumps({"inputs": [{"name": "weight", "datatype": "FP64", "shape": [1], **tensor}]}).encode()
    found = infer(here, head + rest, {"inference-header-content-length": str(len(head))})
    assert (found.status_code, words in found.json()["error"]) == (400, True), found.text


@pytest.mark.parametrize("length", ["-1", "1000", "9" * 5000, "1e1", "", "x"])
def test_a_header_that_is_no_length_of_the_body_is_refused(site: MakeSite, length: str) -> None:
    found = infer(site(), b'{"inputs": []}', {"inference-header-content-length": length})
    assert (found.status_code, "inference-header-content-length" in found.json()["error"]) == (400, True)


@pytest.mark.parametrize("body", [b"[]", b"7", b'{"inputs": 3}', b'{"inputs": [7, {"parameters": 3}]}', b"{"])
def test_what_is_no_request_is_refused_as_without_the_header(site: MakeSite, body: bytes) -> None:
    here = site()
    plain = infer(here, body, {})
    found = infer(here, body, {"inference-header-content-length": str(len(body))})
    assert (found.status_code, found.json()["error"]) == (400, plain.json()["error"])


def test_a_value_that_binary_has_no_form_for_is_told_and_not_made_up() -> None:
    answer = {"outputs": [{"name": "prediction", "datatype": "BYTES", "shape": [2], "data": ["a", None]}]}
    with pytest.raises(binary.Refusal, match=r"prediction has a missing value, .* ask for it as JSON"):
        binary.encoded(answer, {"prediction"})


def test_rows_by_name_have_no_outputs_whatever_a_request_says_of_them(site: MakeSite) -> None:
    here = site()
    plain = here.client.post("/score", json={"rows": here.rows(2)})
    found = here.client.post("/score", json={"rows": here.rows(2), "outputs": ["score"]})
    assert (found.status_code, found.json()) == (200, plain.json())


def test_the_server_says_that_it_reads_tensors_in_binary(site: MakeSite) -> None:
    assert site().client.get("/v2").json()["extensions"] == ["binary_tensor_data"]


def test_bounds_hold_in_binary_too(site: MakeSite) -> None:
    here = site(max_rows=3)
    found = infer(here, *packed(here.tensors(4)))
    assert found.status_code == 413
    here = site(max_body=1_000)
    assert infer(here, *packed(here.tensors(40))).status_code == 413
