"""TorchServe: an archive with a service that opens the graph in ONNX Runtime, so trees are welcome too.

TorchServe was archived in August 2025: nobody mends what is found in it.
"""

import json
from pathlib import Path
from typing import Any

from nightshift.export.archives import write_zip
from nightshift.export.exported import Export
from nightshift.export.scripts import GRAPH, SCORER, pinned, scored_files, scripts
from nightshift.export.target import ANY_GRAPH

PROGRAM = "torchserve.py"
HANDLER = "handler.py"
MANIFEST = "MAR-INF/MANIFEST.json"
REQUIREMENTS = "requirements.txt"


class TorchServe:
    """``<model>.mar``, for a model store."""

    name = "torchserve"
    takes = ANY_GRAPH

    def write(self, export: Export, folder: Path) -> str:
        """Its requirements are installed where TorchServe is told to: ``install_py_dep_per_model=true``."""
        archive = f"{export.model}.mar"
        programs = scripts((SCORER, PROGRAM))
        programs[HANDLER] = programs.pop(PROGRAM)
        manifest = json.dumps(_manifest(export), indent=1) + "\n"
        requirements = "".join(f"{line}\n" for line in pinned())
        contents = {
            MANIFEST: manifest.encode(),
            REQUIREMENTS: requirements.encode(),
            **scored_files(export),
            **programs,
        }
        write_zip(folder / archive, contents)
        return f"{archive}/{GRAPH}"


def _manifest(export: Export) -> dict[str, Any]:
    return {
        "runtime": "python",
        "model": {
            "modelName": export.model,
            "modelVersion": export.version,
            "serializedFile": GRAPH,
            "handler": HANDLER,
            "requirementsFile": REQUIREMENTS,
        },
        "archiverVersion": "0.12.0",
    }


TARGET = TorchServe()
