"""ONNX Runtime's own format, for its small builds on phones and other devices."""

import subprocess
import sys
from pathlib import Path

from nightshift.errors import ModelError
from nightshift.export.exported import Export
from nightshift.export.target import ANY_GRAPH

MODEL = "model.ort"
OPERATORS = "model.required_operators_and_types.config"
CONVERTER = (
    "onnxruntime.tools.convert_onnx_models_to_ort",
    "--optimization_style=Fixed",
    "--enable_type_reduction",
)


class Ort:
    """``model.ort``, and the list of operators that a build for it has to have."""

    name = "ort"
    takes = ANY_GRAPH

    def write(self, export: Export, folder: Path) -> str:
        """By ONNX Runtime's own converter, for every CPU alike. Raises ``ModelError`` where that fails."""
        source = folder / "model.onnx"
        source.write_bytes(export.graph)
        # A process of its own: it changes how its process logs.
        ended = subprocess.run([sys.executable, "-m", *CONVERTER, str(source)], capture_output=True, check=False)
        source.unlink()
        operators = folder / OPERATORS
        if ended.returncode or not operators.exists():
            told = ended.stderr.decode(errors="replace").strip()
            raise ModelError(f"{export.model}: ONNX Runtime's converter failed: {told[-500:]}")
        _remove_comments(operators)
        return MODEL


def _remove_comments(file: Path) -> None:
    """They say where the converter found the graph on this machine."""
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith("#")]
    file.write_text("".join(kept), encoding="utf-8")


TARGET = Ort()
