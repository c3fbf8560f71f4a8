"""KServe's own SDK reads the InferenceService, and nothing of it gets lost."""

import json
from collections.abc import Callable
from typing import Any

import yaml

from tests.export.conftest import output_of
from tests.exports import Written

READ = """
import json, sys
from types import SimpleNamespace
import kserve
import kubernetes.client.models
from kubernetes.client import ApiClient
client = ApiClient()
for name, kind in vars(kserve).items():
    if name.startswith("V1"):
        setattr(kubernetes.client.models, name, kind)
answer = SimpleNamespace(data=sys.stdin.read())
service = client.deserialize(answer, "V1beta1InferenceService")
print(json.dumps(client.sanitize_for_serialization(service)))
"""


def read_by_kserve(python: str, service: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(output_of(python, READ, given=json.dumps(service))))


def test_kserve_reads_every_key_of_the_service(written: Written, python_of: Callable[[str], str]) -> None:
    python = python_of("kserve")
    folder, _ = written("kserve", "codes")
    service = yaml.safe_load((folder / "inference-service.yaml").read_text())
    read = read_by_kserve(python, service)
    # Kubernetes' own container, which a model is too, has a name.
    assert read["spec"]["predictor"]["model"].pop("name") == ""
    assert read == service
    service["spec"]["predictor"]["model"]["protocolVersoin"] = "v2"
    assert "protocolVersoin" not in read_by_kserve(python, service)["spec"]["predictor"]["model"]
