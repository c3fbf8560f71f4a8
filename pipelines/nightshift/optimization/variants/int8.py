"""A network's weights, and what flows between its layers, as 8-bit whole numbers."""

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nightshift.errors import VariantRefused
from nightshift.modelling.arrays import Array
from nightshift.optimization.variants.network import SCALING
from nightshift.optimization.variants.onnx_file import OPSET, serialized

CALIBRATION_ROWS = 8_192
BATCH = 1024


def dynamic(body: bytes) -> bytes:
    """Weights as int8; activations are scaled call by call, so a row's score depends a little on its neighbours."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    def quantize(model: str, out: str) -> None:
        quantize_dynamic(
            model,
            out,
            ["MatMul"],
            weight_type=QuantType.QInt8,
            nodes_to_exclude=[SCALING, f"{SCALING}_MatMul"],
        )

    return _quantized(body, quantize)


def static(body: bytes, inputs: dict[str, Array]) -> bytes:
    """Weights and activations as int8, with ranges seen on ``inputs``, training rows as the graph is fed them."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self._batches = _batches(inputs)

        def get_next(self) -> dict[str, Array] | None:
            return next(self._batches, None)

    def quantize(model: str, out: str) -> None:
        quantize_static(
            model,
            out,
            Reader(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Gemm"],
            nodes_to_exclude=[SCALING],
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
        )

    return _quantized(body, quantize)


def _batches(inputs: dict[str, Array]) -> Iterator[dict[str, Array]]:
    rows = min(CALIBRATION_ROWS, len(inputs["numbers"]))
    for start in range(0, rows, BATCH):
        end = start + BATCH
        batch = {name: values[start:end] for name, values in inputs.items()}
        yield batch


def _quantized(body: bytes, quantize: Callable[[str, str], None]) -> bytes:
    """Run ONNX Runtime's tool over a file; then only the operator domains in use, in the order of every graph here."""
    import onnx

    with tempfile.TemporaryDirectory(prefix="nightshift-") as folder, _quiet():
        before = Path(folder, "before.onnx")
        after = Path(folder, "after.onnx")
        before.write_bytes(body)
        try:
            quantize(str(before), str(after))
        except (ArithmeticError, AssertionError, RuntimeError, ValueError) as error:
            raise VariantRefused(f"ONNX Runtime cannot quantise it: {error}") from error
        model = onnx.load_model(str(after))
    plain = onnx.load_model_from_string(body)
    used = {node.domain for node in model.graph.node}
    strange = sorted(used - set(OPSET))
    if strange:
        raise VariantRefused(f"quantised, it needs operators of {', '.join(strange)}")
    del model.opset_import[:]
    del model.metadata_props[:]
    model.opset_import.extend(plain.opset_import)
    model.metadata_props.extend(plain.metadata_props)
    return serialized(model)


@contextmanager
def _quiet() -> Iterator[None]:
    """The tool advises through the root logger to prepare the file first; there is nothing to prepare in ours."""
    before = logging.root.level
    logging.root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logging.root.setLevel(before)
