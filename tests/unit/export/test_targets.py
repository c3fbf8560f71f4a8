"""Each artefact is opened by the target's own reader, where that can stand beside us, and gives the golden scores."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import yaml

from nightshift.errors import UsageError
from nightshift.export.comparison import compare
from nightshift.export.folder_check import verify_folder
from nightshift.export.foreign import ForeignTarget
from nightshift.export.record import RECORD, ExportRecord
from nightshift.export.targets import NETWORKS_ONLY, TARGETS
from nightshift.export.written import write_export
from tests.exports import ADDRESS, Made, Written

KINDS = ("codes", "multiclass", "regression", "linear", "network")
WRITTEN_HERE = {name: target for name, target in TARGETS.items() if not isinstance(target, ForeignTarget)}
"""Those that need no library which cannot stand beside us."""
TRITON_TYPES = {onnx.TensorProto.FLOAT: "TYPE_FP32", onnx.TensorProto.STRING: "TYPE_STRING"}


@pytest.mark.parametrize(
    ("target", "kind"),
    # ONNX Runtime's converter is a process of its own, so of its format one folder is asked, below.
    [(name, kind) for name in WRITTEN_HERE for kind in KINDS if name != "ort" and name not in NETWORKS_ONLY],
)
def test_every_folder_gives_the_golden_bits(written: Written, target: str, kind: str) -> None:
    folder, record = written(target, kind)
    verified = verify_folder(folder)
    assert (verified.rows, verified.same_bits, verified.left_out) == (20, 20, 0)
    assert ExportRecord.from_json((folder / RECORD).read_bytes(), "here") == record
    assert record.target == target


def config(folder: Path, record: ExportRecord) -> Any:
    """As Triton itself reads it: a key that it does not know is an error."""
    from google.protobuf import text_format
    from tritonclient.grpc import model_config_pb2

    text = (folder / record.model / "config.pbtxt").read_text()
    return text_format.Parse(text, model_config_pb2.ModelConfig())


@pytest.mark.parametrize("kind", KINDS)
def test_triton_s_configuration_is_what_the_graph_says(written: Written, kind: str) -> None:
    from tritonclient.grpc import model_config_pb2

    folder, record = written("triton", kind)
    parsed = config(folder, record)
    assert (parsed.name, parsed.platform) == (record.model, "onnxruntime_onnx")
    graph = onnx.load(folder / record.model / record.version / "model.onnx").graph
    outputs = {value.name: value for value in graph.output}
    assert {value.name for value in parsed.output} == {record.output.name} <= set(outputs)
    ours = [(value.name, value) for value in graph.input] + [(record.output.name, outputs[record.output.name])]
    theirs = [*parsed.input, *parsed.output]
    for (name, value), told in zip(ours, theirs, strict=True):
        tensor = value.type.tensor_type
        assert told.name == name
        assert model_config_pb2.DataType.Name(told.data_type) == TRITON_TYPES[tensor.elem_type]
        # Its rows are what max_batch_size stands for.
        assert list(told.dims) == [size.dim_value for size in tensor.shape.dim[1:]]
        assert all(size > 0 for size in told.dims)
        assert not tensor.shape.dim[0].dim_value
    assert parsed.max_batch_size > 1
    assert parsed.parameters["intra_op_thread_count"].string_value == "1"


def test_triton_refuses_a_key_that_it_does_not_know(written: Written) -> None:
    from google.protobuf import text_format

    folder, record = written("triton")
    file = folder / record.model / "config.pbtxt"
    file.write_text(file.read_text().replace("max_batch_size", "max_batch_sice"))
    with pytest.raises(text_format.ParseError):
        config(folder, record)


def test_kserve_is_told_which_runtime_can_load_trees(written: Written) -> None:
    folder, record = written("kserve")
    service = yaml.safe_load((folder / "inference-service.yaml").read_text())
    assert service["apiVersion"] == "serving.kserve.io/v1beta1"
    assert service["metadata"]["name"] == record.model.replace("_", "-")
    assert service["spec"]["predictor"]["model"] == {
        "modelFormat": {"name": "onnx"},
        "protocolVersion": "v2",
        "runtime": "kserve-tritonserver",
        "storageUri": f"{ADDRESS}/repository",
    }
    assert config(folder / "repository", record).name == record.model


def test_kserve_needs_an_address(made: Callable[[str], Made], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="kserve fetches the model from an address") as error:
        write_export(made("codes").export(), TARGETS["kserve"], tmp_path / "new")
    assert "--address" in str(error.value.fix)


def test_mlflow_loads_it(written: Written) -> None:
    """Its pyfunc and its server are asked for scores in ``tests/export``."""
    import mlflow.onnx

    folder, record = written("mlflow")
    loaded = mlflow.onnx.load_model(str(folder))
    assert [value.name for value in loaded.graph.input] == [given.name for given in record.inputs]


CALLED = """
import json, os, sys
sys.path.insert(0, "code")
import score
assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
score.init()
print(score.run(json.dumps({"columns": json.load(open("nightshift.json"))["golden"]["columns"]})).__repr__())
assert not any(name.split(".")[0] in {"nightshift", "pyarrow", "pandas", "onnx", "mlflow"} for name in sys.modules)
try:
    score.run('{"columns": {}}')
except ValueError as error:
    print(error, file=sys.stderr)
"""


@pytest.mark.parametrize("kind", ["codes", "multiclass", "regression"])
def test_azure_s_script_needs_onnx_runtime_and_numpy_alone(written: Written, kind: str) -> None:
    folder, record = written("azureml", kind)
    environment = {"AZUREML_MODEL_DIR": str(folder / "model"), "PATH": ""}
    ended = subprocess.run(
        [sys.executable, "-c", CALLED], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "the request has no column" in ended.stderr
    answer = eval(ended.stdout)
    assert answer["graph_sha256"] == record.graph_sha256
    scores = np.array([answer["scores"][name] for name in record.output.columns], np.float32).T
    assert compare(record, "score.py", scores, range(20), allowed=0.0).same_bits == 20


def test_azure_s_files_name_what_is_there(written: Written) -> None:
    folder, _ = written("azureml")
    deployment = yaml.safe_load((folder / "deployment.yaml").read_text())
    endpoint = yaml.safe_load((folder / "endpoint.yaml").read_text())
    assert deployment["endpoint_name"] == endpoint["name"] == "late-orders"
    code = folder / deployment["code_configuration"]["code"]
    assert (code / deployment["code_configuration"]["scoring_script"]).is_file()
    assert (folder / deployment["environment"]["conda_file"]).is_file()
    assert (folder / deployment["model"]["path"] / "model.onnx").is_file()


def test_a_build_of_onnx_runtime_is_told_its_operators(written: Written) -> None:
    folder, _ = written("ort")
    assert verify_folder(folder).same_bits == 20
    assert sorted(file.name for file in folder.iterdir()) == [
        "model.ort",
        "model.required_operators_and_types.config",
        RECORD,
    ]
    operators = (folder / "model.required_operators_and_types.config").read_text()
    assert str(folder) not in operators
    assert "TreeEnsemble" in operators
    assert "LabelEncoder" in operators


def test_a_page_finds_its_files(written: Written) -> None:
    folder, record = written("browser")
    package = json.loads((folder / "package.json").read_text())
    assert package["scripts"] == {"check": "node check.mjs"}
    names = {file.name for file in folder.iterdir()}
    assert names == {"index.html", "score.mjs", "check.mjs", "model.onnx", "feeds.json", "package.json", RECORD}
    feeds = json.loads((folder / "feeds.json").read_text())
    assert [given["name"] for given in feeds["inputs"]] == [given.name for given in record.inputs]


def test_folders_of_an_export_have_the_same_bytes_each_time(made: Callable[[str], Made], tmp_path: Path) -> None:
    for name, target in WRITTEN_HERE.items():
        if name == "ort":
            # What ONNX Runtime's own writer leaves between its values differs from time to time.
            continue
        contents = []
        for time in ("first", "second"):
            folder = tmp_path / f"{name}-{time}"
            kind = "network" if name in NETWORKS_ONLY else "codes"
            write_export(made(kind).export(ADDRESS), target, folder)
            files = (file for file in sorted(folder.rglob("*")) if file.is_file())
            contents.append({str(file.relative_to(folder)): file.read_bytes() for file in files})
        assert contents[0] == contents[1], name


def test_nothing_is_written_over(made: Callable[[str], Made], tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("keep")
    with pytest.raises(UsageError, match="is not an empty folder"):
        write_export(made("codes").export(), TARGETS["triton"], tmp_path)
    with pytest.raises(UsageError, match="is not an empty folder"):
        write_export(made("codes").export(), TARGETS["triton"], tmp_path / "mine")
