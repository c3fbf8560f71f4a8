"""The InferenceService that is written holds by KServe's own CRD, and a cluster would drop no key of it.

An API server prunes keys that the CRD does not know, and says nothing: what was asked for is then just not so.
"""

import copy
import gzip
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from jsonschema import Draft4Validator, ValidationError

from tests.exports import Written

CONTRACTS = Path(__file__).parents[2] / "contracts"
FILE = CONTRACTS / "kserve_inferenceservices.yaml.gz"
KUBERNETES = "1.37"


@pytest.fixture(scope="module")
def published() -> bytes:
    """The CRD as KServe publishes it."""
    return gzip.decompress(FILE.read_bytes())


@pytest.fixture(scope="module")
def schema(published: bytes) -> dict[str, Any]:
    """``openAPIV3Schema`` of v1beta1; structural, so that JSON Schema's draft 4 has all of its words."""
    definition = yaml.load(published, yaml.CSafeLoader)
    (version,) = definition["spec"]["versions"]
    assert (version["name"], version["served"]) == ("v1beta1", True)
    of_v1beta1: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return of_v1beta1


@pytest.fixture(scope="module")
def service(written: Written) -> dict[str, Any]:
    folder, _ = written("kserve")
    read: dict[str, Any] = yaml.safe_load((folder / "inference-service.yaml").read_text())
    return read


def pruned(value: Any, schema: dict[str, Any], where: str = "") -> Iterator[str]:
    """Where a value has keys that an API server would drop; what an object's ``metadata`` may have, it knows itself."""
    if isinstance(value, list):
        for place, each in enumerate(value):
            yield from pruned(each, schema.get("items", {}), f"{where}[{place}]")
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _pruned_at(key, each, schema, f"{where}.{key}")


def _pruned_at(key: str, value: Any, schema: dict[str, Any], where: str) -> Iterator[str]:
    others = schema.get("additionalProperties")
    if where == ".metadata":
        return
    if key in schema.get("properties", {}):
        yield from pruned(value, schema["properties"][key], where)
    elif isinstance(others, dict):
        yield from pruned(value, others, where)
    elif not others and not schema.get("x-kubernetes-preserve-unknown-fields"):
        yield where


def test_the_file_is_the_one_whose_digest_is_told(published: bytes) -> None:
    assert hashlib.sha256(published).hexdigest() in (CONTRACTS / "README.md").read_text()


def test_the_service_is_what_kserve_takes(service: dict[str, Any], schema: dict[str, Any]) -> None:
    Draft4Validator(schema).validate(service)
    # Metadata are no part of a CRD: they are of one form for every kind.
    named = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": service["metadata"]}
    kubernetes_validate.validate(named, KUBERNETES, strict=True)


def test_no_key_of_the_service_is_dropped_in_silence(service: dict[str, Any], schema: dict[str, Any]) -> None:
    assert list(pruned(service, schema)) == []


@pytest.mark.parametrize(
    ("spoil", "where"),
    [
        (lambda spec: spec["predictor"]["model"].update(protocolVersoin="v2"), ".spec.predictor.model.protocolVersoin"),
        (lambda spec: spec["predictor"].update(modle={"runtime": "x"}), ".spec.predictor.modle"),
        (lambda spec: spec.update(minReplicas=1), ".spec.minReplicas"),
        (
            lambda spec: spec["predictor"]["model"].update(env=[{"name": "A"}, {"name": "B", "vaule": "1"}]),
            ".spec.predictor.model.env[1].vaule",
        ),
    ],
)
def test_a_key_that_is_misspelt_or_elsewhere_is_seen(
    service: dict[str, Any], schema: dict[str, Any], spoil: Callable[[dict[str, Any]], Any], where: str
) -> None:
    """The schema alone lets it pass: it forbids no key."""
    broken = copy.deepcopy(service)
    spoil(broken["spec"])
    Draft4Validator(schema).validate(broken)
    assert list(pruned(broken, schema)) == [where]


def test_keys_that_anybody_may_choose_are_kept(service: dict[str, Any], schema: dict[str, Any]) -> None:
    chosen = copy.deepcopy(service)
    chosen["spec"]["predictor"]["nodeSelector"] = {"disk": "fast"}
    chosen["spec"]["predictor"]["model"]["resources"] = {"limits": {"example.org/chips": 1}}
    chosen["status"] = {"whatever": {"there": "is"}, "modelStatus": {"transitionStatus": "UpToDate"}}
    assert list(pruned(chosen, schema)) == []
    chosen["status"]["modelStatus"]["transitionStatsu"] = "UpToDate"
    assert list(pruned(chosen, schema)) == [".status.modelStatus.transitionStatsu"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda spec: spec["predictor"]["model"].update(storageUri=7),
        lambda spec: spec["predictor"]["model"].update(modelFormat="onnx"),
        lambda spec: spec["predictor"]["model"]["modelFormat"].pop("name"),
        lambda spec: spec["predictor"]["model"].update(protocolVersion=2),
        lambda spec: spec.update(predictor=[spec["predictor"]]),
        lambda spec: spec.pop("predictor"),
    ],
)
def test_a_value_of_another_type_or_one_that_is_missing_is_seen(
    service: dict[str, Any], schema: dict[str, Any], spoil: Callable[[dict[str, Any]], Any]
) -> None:
    broken = copy.deepcopy(service)
    spoil(broken["spec"])
    with pytest.raises(ValidationError):
        Draft4Validator(schema).validate(broken)
