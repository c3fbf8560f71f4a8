"""ONNX Runtime's own format, for its small builds on phones and other devices."""

import contextlib
import io
import warnings
from pathlib import Path

from nightshift.errors import ModelError
from nightshift.export.exported import Export
from nightshift.export.target import ANY_GRAPH

MODEL = "model.ort"
OPERATORS = "model.required_operators_and_types.config"


class Ort:
    """``model.ort``, and the list of operators that a build for it has to have."""

    name = "ort"
    takes = ANY_GRAPH

    def write(self, export: Export, folder: Path) -> str:
        """By ONNX Runtime's own converter, for every CPU alike. Raises ``ModelError`` where that fails."""
        from onnxruntime.tools.convert_onnx_models_to_ort import OptimizationStyle, convert_onnx_models_to_ort

        source = folder / "model.onnx"
        source.write_bytes(export.graph)
        told = io.StringIO()
        # It tells its steps on standard output, and leaves a file for the collector to close.
        with contextlib.redirect_stdout(told), warnings.catch_warnings(action="ignore", category=ResourceWarning):
            convert_onnx_models_to_ort(
                source,
                optimization_styles=[OptimizationStyle.Fixed],
                allow_conversion_failures=True,
                enable_type_reduction=True,
            )
        source.unlink()
        _without_comments(folder / OPERATORS)
        if not (folder / MODEL).exists():
            raise ModelError(f"{export.model}: ONNX Runtime's converter failed: {told.getvalue().strip()}")
        return MODEL


def _without_comments(file: Path) -> None:
    """They say where the converter found the graph on this machine."""
    if file.exists():
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if not line.startswith("#")]
        file.write_text("".join(kept), encoding="utf-8")


TARGET = Ort()
