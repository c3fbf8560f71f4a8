"""Azure Machine Learning: an online endpoint with a scoring script that needs ONNX Runtime and numpy alone."""

from pathlib import Path
from typing import Any

from nightshift.export.exported import Export
from nightshift.export.platform_names import platform_name
from nightshift.export.scripts import SCORER, pinned, scored_files, scripts
from nightshift.export.target import ANY_GRAPH

SCHEMAS = "https://azuremlschemas.azureedge.net/latest"
IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
LONGEST_NAME = 32
SHORTEST_NAME = 3


class AzureMl:
    """``model/``, ``code/``, ``environment.yaml``, ``endpoint.yaml`` and ``deployment.yaml``."""

    name = "azureml"
    takes = ANY_GRAPH

    def write(self, export: Export, folder: Path) -> str:
        """The machine's size in the deployment is a guess: a person changes it."""
        model = folder / "model"
        code = folder / "code"
        model.mkdir()
        code.mkdir()
        for name, body in scored_files(export).items():
            (model / name).write_bytes(body)
        for name, body in scripts((SCORER, "score.py")).items():
            (code / name).write_bytes(body)
        _write(folder / "environment.yaml", _environment())
        _write(folder / "endpoint.yaml", _endpoint(export))
        _write(folder / "deployment.yaml", _deployment(export))
        return "model/model.onnx"


def _write(file: Path, content: dict[str, Any]) -> None:
    import yaml

    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def endpoint_name(model: str) -> str:
    """Azure's are shorter than others, and not as short as a model's may be."""
    name = platform_name(model, LONGEST_NAME)
    return name if len(name) >= SHORTEST_NAME else f"model-{name}"


def _endpoint(export: Export) -> dict[str, Any]:
    return {
        "$schema": f"{SCHEMAS}/managedOnlineEndpoint.schema.json",
        "name": endpoint_name(export.model),
        "auth_mode": "key",
    }


def _deployment(export: Export) -> dict[str, Any]:
    return {
        "$schema": f"{SCHEMAS}/managedOnlineDeployment.schema.json",
        "name": f"version-{export.version}",
        "endpoint_name": endpoint_name(export.model),
        "model": {"path": "./model"},
        "code_configuration": {"code": "./code", "scoring_script": "score.py"},
        "environment": {"image": IMAGE, "conda_file": "./environment.yaml"},
        "instance_type": "Standard_DS2_v2",
        "instance_count": 1,
        "tags": {"graph_sha256": export.facts.graph_sha256},
    }


def _environment() -> dict[str, Any]:
    return {
        "name": "score",
        "channels": ["conda-forge"],
        "dependencies": ["python=3.11", "pip", {"pip": [*pinned(), "azureml-inference-server-http"]}],
    }


TARGET = AzureMl()
