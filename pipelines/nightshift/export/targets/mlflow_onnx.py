"""MLflow: a folder of its ONNX flavour, as ``mlflow.onnx`` loads it and ``mlflow models serve`` serves it.

Written without MLflow, whose own writer puts the time and a random id into it: the same export has the same bytes.
"""

import json
import platform
from pathlib import Path
from typing import Any

from nightshift.export.exported import Export
from nightshift.export.record import Datatype
from nightshift.export.target import ANY_GRAPH

GRAPH = "model.onnx"
TYPES: dict[Datatype, str] = {"FP32": "float32", "INT64": "int64", "BYTES": "str"}
ONE_THREAD = {"execution_mode": "sequential", "intra_op_num_threads": 1, "inter_op_num_threads": 1}
SERVED_WITH = ("mlflow", "numpy", "onnx", "onnxruntime", "pandas")


class MlflowOnnx:
    """``MLmodel``, ``model.onnx``, ``requirements.txt`` and ``python_env.yaml``."""

    name = "mlflow"
    takes = ANY_GRAPH

    def write(self, export: Export, folder: Path) -> str:
        """Requirements have the versions of this installation."""
        (folder / GRAPH).write_bytes(export.graph)
        (folder / "MLmodel").write_text(_mlmodel(export), encoding="utf-8")
        pinned = _pinned()
        (folder / "requirements.txt").write_text("".join(f"{line}\n" for line in pinned), encoding="utf-8")
        (folder / "python_env.yaml").write_text(_environment(), encoding="utf-8")
        return GRAPH


def _mlmodel(export: Export) -> str:
    import onnx
    import yaml

    facts = export.facts
    onnx_flavour = {
        "code": None,
        "data": GRAPH,
        "onnx_version": onnx.__version__,
        "onnx_session_options": ONE_THREAD,
        "providers": ["CPUExecutionProvider"],
    }
    function = {
        "loader_module": "mlflow.onnx",
        "data": GRAPH,
        "env": {"virtualenv": "python_env.yaml"},
        "python_version": platform.python_version(),
    }
    inputs = [_tensor(given.name, given.datatype, given.shape) for given in facts.inputs]
    content = {
        "flavors": {"onnx": onnx_flavour, "python_function": function},
        "signature": {"inputs": json.dumps(inputs), "outputs": None, "params": None},
        "metadata": {"model": facts.model, "version": facts.version, "graph_sha256": facts.graph_sha256},
    }
    return yaml.safe_dump(content, sort_keys=False)


def _tensor(name: str, datatype: Datatype, shape: tuple[int, ...]) -> dict[str, Any]:
    return {"name": name, "type": "tensor", "tensor-spec": {"dtype": TYPES[datatype], "shape": list(shape)}}


def _pinned() -> list[str]:
    """What serves it, in the versions that are here; MLflow's whole package has its client's version."""
    from importlib.metadata import version

    pinned = []
    for name in SERVED_WITH:
        known_by = "mlflow-skinny" if name == "mlflow" else name
        pinned.append(f"{name}=={version(known_by)}")
    return pinned


def _environment() -> str:
    import yaml

    content = {
        "python": platform.python_version(),
        "build_dependencies": ["pip"],
        "dependencies": ["-r requirements.txt"],
    }
    return yaml.safe_dump(content, sort_keys=False)


TARGET = MlflowOnnx()
