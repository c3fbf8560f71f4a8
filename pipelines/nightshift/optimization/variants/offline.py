"""A graph as ONNX Runtime would rewrite it when it opens it, written down once."""

import tempfile
from pathlib import Path

from nightshift.errors import VariantRefused
from nightshift.optimization.variants.onnx_file import OPSET, serialized


def optimized(body: bytes) -> bytes:
    """ONNX Runtime's extended optimisations, saved. Raises ``VariantRefused`` when they need operators of its own.

    Its file names every operator domain that the runtime knows; only those in use are kept.
    """
    import onnx
    import onnxruntime as ort

    with tempfile.TemporaryDirectory(prefix="nightshift-") as folder:
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = str(Path(folder, "optimized.onnx"))
        options.log_severity_level = 3
        ort.InferenceSession(body, options, providers=["CPUExecutionProvider"])
        model = onnx.load_model(options.optimized_model_filepath)
    used = {node.domain for node in model.graph.node}
    strange = sorted(used - set(OPSET))
    if strange:
        raise VariantRefused(f"optimised offline, it needs operators of {', '.join(strange)}")
    kept = [entry for entry in model.opset_import if entry.domain in used]
    kept.sort(key=lambda entry: str(entry.domain))
    del model.opset_import[:]
    model.opset_import.extend(kept)
    return serialized(model)
