"""KServe: an InferenceService over Triton's model repository."""

from pathlib import Path

from nightshift.errors import UsageError
from nightshift.export.exported import Export
from nightshift.export.platform_names import platform_name
from nightshift.export.target import ANY_GRAPH
from nightshift.export.targets import triton

RUNTIME = "kserve-tritonserver"
"""Named, since of those for ONNX KServe would take OpenVINO's, which has no operator for trees."""


class KServe:
    """``repository/`` for ``storageUri``, and ``inference-service.yaml`` beside it."""

    name = "kserve"
    takes = ANY_GRAPH

    def write(self, export: Export, folder: Path) -> str:
        """Raises ``UsageError`` without an address: a cluster fetches the repository from there."""
        if not export.address:
            raise UsageError(
                "kserve fetches the model from an address, and none is given",
                fix=f"nightshift export {export.model} --to kserve --out DIR --address s3://BUCKET/PREFIX",
            )
        repository = folder / "repository"
        repository.mkdir()
        graph = triton.TARGET.write(export, repository)
        (folder / "inference-service.yaml").write_text(_service(export), encoding="utf-8")
        return f"{repository.name}/{graph}"


def _service(export: Export) -> str:
    import yaml

    facts = export.facts
    model = {
        "modelFormat": {"name": "onnx"},
        "protocolVersion": "v2",
        "runtime": RUNTIME,
        "storageUri": f"{export.address.rstrip('/')}/repository",
    }
    service = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": platform_name(facts.model),
            "annotations": {
                "nightshift/version": facts.version,
                "nightshift/graph-sha256": facts.graph_sha256,
            },
        },
        "spec": {"predictor": {"model": model}},
    }
    return yaml.safe_dump(service, sort_keys=False)


TARGET = KServe()
