"""Vertex AI: a container that keeps its contract, and the request that uploads it as a model."""

import json
from pathlib import Path
from typing import Any

from nightshift.export.exported import Export
from nightshift.export.scripts import GRAPH, SCORER, dockerfile, scored_files, scripts
from nightshift.export.target import ANY_GRAPH

PROGRAM = "vertex.py"
PORT = 8080
IMAGE = "REGION-docker.pkg.dev/PROJECT/REPOSITORY"


class Vertex:
    """``Dockerfile``, ``code/``, ``model/`` and ``upload-model.json``."""

    name = "vertex"
    takes = ANY_GRAPH

    def write(self, export: Export, folder: Path) -> str:
        """The image has the model in it, so no address is needed; with one, the container fetches it from there."""
        for name, body in scored_files(export).items():
            _put(folder / "model" / name, body)
        for name, body in scripts((SCORER, "web.py", PROGRAM)).items():
            _put(folder / "code" / name, body)
        lines = ["COPY model /model", "COPY code /code", "USER 1000", f'ENTRYPOINT ["python", "/code/{PROGRAM}"]']
        _put(folder / "Dockerfile", dockerfile("python:3.11-slim", lines).encode())
        request = json.dumps({"model": _uploaded(export)}, indent=1) + "\n"
        _put(folder / "upload-model.json", request.encode())
        return f"model/{GRAPH}"


def _put(file: Path, body: bytes) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(body)


def _uploaded(export: Export) -> dict[str, Any]:
    """A Model as ``projects.locations.models.upload`` takes it; who uploads it sets the image."""
    container = {
        "imageUri": f"{IMAGE}/{export.model.replace('_', '-')}:{export.version}",
        "ports": [{"containerPort": PORT}],
        "healthRoute": "/health",
        "predictRoute": "/predict",
    }
    model: dict[str, Any] = {
        "displayName": export.model,
        "versionAliases": [f"version-{export.version}"],
        "description": f"graph {export.facts.graph_sha256}",
        "containerSpec": container,
    }
    if export.address:
        model["artifactUri"] = f"{export.address.rstrip('/')}/model"
    return model


TARGET = Vertex()
