"""ONNX Runtime's own format, for its small builds on phones and other devices."""

import contextlib
import io
from pathlib import Path

from nightshift.errors import ModelError
from nightshift.export.exported import Export
from nightshift.export.target import ANY_GRAPH

MODEL = "model.ort"


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
        # It tells its steps on standard output.
        with contextlib.redirect_stdout(told):
            convert_onnx_models_to_ort(
                source,
                optimization_styles=[OptimizationStyle.Fixed],
                allow_conversion_failures=True,
                enable_type_reduction=True,
            )
        source.unlink()
        if not (folder / MODEL).exists():
            raise ModelError(f"{export.model}: ONNX Runtime's converter failed: {told.getvalue().strip()}")
        return MODEL


TARGET = Ort()
