"""coremltools reads the package back; Core ML itself scores on macOS alone."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nightshift.errors import ModelError
from nightshift.export.coded import as_codes
from nightshift.export.comparison import compare
from nightshift.export.operations import operations
from nightshift.export.tensors import from_tensor
from nightshift.export.texts import text_of
from tests.export.conftest import WriteElsewhere, output_of
from tests.exports import NETWORKS, Made

READ = """
import json, sys
import coremltools
from coremltools.proto import FeatureTypes_pb2
spec = coremltools.models.MLModel(sys.argv[1], skip_model_load=True).get_spec()
names = FeatureTypes_pb2.ArrayFeatureType.ArrayDataType.Name
def said(values):
    arrays = {value.name: value.type.multiArrayType for value in values}
    return {name: [names(array.dataType), list(array.shape)] for name, array in arrays.items()}
main = spec.mlProgram.functions["main"]
(block,) = main.block_specializations.values()
print(json.dumps({
    "version": spec.specificationVersion,
    "inputs": said(spec.description.input),
    "outputs": said(spec.description.output),
    "operations": sorted({operation.type for operation in block.operations}),
}))
"""

EVALUATE = """
work = pathlib.Path(sys.argv[1])
plan = json.loads((work / "plan.json").read_text())
inputs = dict(numpy.load(work / "inputs.npz"))
rows = []
for row in range(20):
    with Function({"unused": mb.placeholder((1, 1))}, opset_version=PHONE) as function:
        given = {
            name: mb.const(val=values[row : row + 1].astype(numpy.float32 if name == "numbers" else numpy.int32))
            for name, values in inputs.items()
        }
        scores = score(plan, constants(work), given)
        rows.append(scores.val.reshape(-1).tolist())
print(json.dumps(rows))
"""


@pytest.mark.parametrize("kind", NETWORKS)
def test_the_specification_read_back_is_the_network_s(
    written_elsewhere: WriteElsewhere, made: Callable[[str], Made], kind: str
) -> None:
    folder, record, python = written_elsewhere("coreml", kind)
    printed = output_of(python, READ, str(folder / record.graph_file))
    said = json.loads(printed)
    print(f"{kind}: {printed.strip()}")
    widths = {given.name: len(given.columns) for given in record.inputs}
    assert said["inputs"] == {"numbers": ["FLOAT32", [1, widths["numbers"]]], "codes": ["INT32", [1, widths["codes"]]]}
    assert list(said["outputs"]) == [record.output.name]
    # Half of the bits of a weight would be gone unnoticed.
    (weights,) = (folder / record.graph_file).rglob("weight.bin")
    stored = weights.read_bytes()
    for weight in large_weights(made(kind)):
        assert weight.tobytes() in stored or weight.T.tobytes() in stored


def large_weights(version: Made) -> list[np.ndarray]:
    """Those that Core ML keeps in a file of their own, of a layer the other way round."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load_model_from_string(version.body).graph
    values = [numpy_helper.to_array(constant) for constant in graph.initializer]
    return [value for value in values if value.dtype == np.float32 and value.size > 10 and value.ndim == 2]


@pytest.mark.parametrize("kind", NETWORKS)
def test_the_nodes_as_coremltools_itself_evaluates_them_give_the_golden_scores(
    made: Callable[[str], Made], python_of: Callable[[str], str], tmp_path: Path, kind: str
) -> None:
    """It does so to fold constants; that is numpy, and not Core ML."""
    export = as_codes(made(kind).export())
    plan, constants = operations(export.graph)
    (tmp_path / "plan.json").write_text(plan)
    (tmp_path / "constants.npz").write_bytes(constants)
    np.savez(
        tmp_path / "inputs.npz", **{name: from_tensor(given) for name, given in export.facts.golden.inputs.items()}
    )
    program = f"{text_of('coreml_network.py')}\n{EVALUATE}"
    printed = output_of(python_of("coreml"), program, str(tmp_path))
    scores = np.array(json.loads(printed), np.float32)
    verified = compare(export.facts, "coremltools", scores, range(20), allowed=export.facts.tolerance)
    print(f"{kind}: {verified}")


@pytest.mark.skipif(sys.platform == "darwin", reason="Core ML is here")
def test_that_nothing_was_scored_is_said(written_elsewhere: WriteElsewhere) -> None:
    network = written_elsewhere("coreml", "network")
    with pytest.raises(ModelError, match="Core ML scores on macOS alone"):
        network.verified()
