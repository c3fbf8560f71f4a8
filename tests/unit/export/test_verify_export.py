"""An export proves itself: the folder by its graph, a server by what it answers, and what differs is named."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from nightshift.errors import ModelError, ParityFailed, ServerUnavailable, UnreadableRecord, UnsafeGraph, UsageError
from nightshift.export import folder_check
from nightshift.export.record import RECORD, ExportRecord
from nightshift.steps.verify_export import verify_export
from tests.exports import Made, Written


def rewrite(folder: Path, record: ExportRecord, **changes: Any) -> None:
    (folder / RECORD).write_bytes(record.model_copy(update=changes).to_json())


def biased(folder: Path, record: ExportRecord, by: float) -> ExportRecord:
    """Another graph under the same record: its trees all say a little more."""
    import hashlib

    file = folder / record.graph_file
    model = onnx.load(file)
    (trees,) = (node for node in model.graph.node if node.op_type.startswith("TreeEnsemble"))
    for attribute in trees.attribute:
        if attribute.name == "base_values":
            attribute.floats[0] += by
    body = model.SerializeToString()
    file.write_bytes(body)
    changed = record.model_copy(update={"graph_sha256": hashlib.sha256(body).hexdigest()})
    (folder / RECORD).write_bytes(changed.to_json())
    return changed


# Folders


def test_a_good_folder_says_so_in_a_sentence(written: Written) -> None:
    folder, record = written("triton")
    said = str(verify_export(str(folder)))
    assert said == f"{folder} is {record.model} version 7: all 20 golden rows have the same bits"


def test_a_graph_that_was_swapped_is_not_opened(written: Written) -> None:
    folder, record = written("triton")
    with (folder / record.graph_file).open("ab") as file:
        file.write(b"\0")
    with pytest.raises(UnsafeGraph, match=r"is not as it was written: it has sha256"):
        verify_export(str(folder))


@pytest.mark.parametrize("address", ["../other.onnx", "/etc/passwd", "gone.onnx"])
def test_a_graph_is_only_taken_from_the_folder(written: Written, address: str) -> None:
    folder, record = written("triton")
    (folder.parent / "other.onnx").write_bytes((folder / record.graph_file).read_bytes())
    rewrite(folder, record, graph_file=address)
    with pytest.raises(UnsafeGraph, match="has no graph at"):
        verify_export(str(folder))


def test_rows_that_differ_are_named_with_their_bits(written: Written) -> None:
    folder, record = written("azureml")
    biased(folder, record, 0.5)
    with pytest.raises(ParityFailed, match=r"20 of 20 golden rows differ, and the same bits is promised") as error:
        verify_export(str(folder))
    assert "row 0: [" in str(error.value)
    assert f"(bits {record.golden.scores[0][0]}, " in str(error.value)
    assert f"nightshift export {record.model} --version 7 --to azureml" in str(error.value.fix)


def test_on_another_machine_the_stated_tolerance_holds(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, record = written("azureml")
    biased(folder, record, 2e-6)
    with pytest.raises(ParityFailed, match="the same bits is promised"):
        verify_export(str(folder))
    monkeypatch.setattr(folder_check, "cpu_kernels", lambda: ("another",))
    verified = verify_export(str(folder))
    assert 0 < verified.max_difference <= verified.allowed == record.tolerance
    assert verified.same_bits < 20
    assert "of 20 golden rows have the same bits, the others differ by" in str(verified)
    biased(folder, record, 1e-2)
    with pytest.raises(ParityFailed, match=r"a difference of 1\.0e-05 at most is promised"):
        verify_export(str(folder))


def test_a_folder_without_a_record_is_no_export(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has no nightshift\.json: it is no export, or one that did not end"):
        verify_export(str(tmp_path))


def test_a_changed_record_is_refused(written: Written) -> None:
    folder, record = written("triton")
    text = (folder / RECORD).read_text()
    (folder / RECORD).write_text(text.replace(record.golden.scores[0][0], "3f000000", 1))
    with pytest.raises(UnreadableRecord, match="its bytes are not those that were written"):
        verify_export(str(folder))


# Servers


class Server:
    """The Open Inference Protocol over one export, as others speak it: what is wrong with it, a test says."""

    def __init__(self, folder: Path, record: ExportRecord) -> None:
        self.record = record
        self.session = onnxruntime.InferenceSession(str(folder / record.graph_file))
        self.inputs = [{"name": given.name, "datatype": given.datatype} for given in record.inputs]
        self.takes_null = True
        self.adds = np.float32(0)
        self.asked: list[dict[str, Any]] = []
        self.url = ""

    def answer(self, path: str, body: Any) -> tuple[int, dict[str, Any]]:
        model = f"/v2/models/{self.record.model}"
        if path == model:
            return 200, {"name": self.record.model, "inputs": self.inputs}
        if path != f"{model}/infer":
            return 404, {"error": f"no model at {path}"}
        self.asked.append(body)
        if not self.takes_null and any(value is None for given in body["inputs"] for value in given["data"]):
            return 400, {"error": "null is no FP32"}
        output = self._scored({given["name"]: self._values(given) for given in body["inputs"]})
        told = {"name": self.record.output.name, "datatype": "FP32", "shape": list(output.shape)}
        return 200, {"outputs": [{**told, "data": output.reshape(-1).tolist()}]}

    def _values(self, given: dict[str, Any]) -> np.ndarray:
        data = [np.nan if value is None else value for value in given["data"]]
        kind: Any = object if given["datatype"] == "BYTES" else np.float32
        return np.array(data, kind).reshape(given["shape"])

    def _scored(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        by_column = {given.columns[0]: given.name for given in self.record.inputs}
        fed = {by_column.get(name, name): values for name, values in inputs.items()}
        (output,) = self.session.run([self.record.output.name], fed)
        return output + self.adds


@pytest.fixture
def serve() -> Iterator[Callable[[Path, ExportRecord], Server]]:
    """``serve(folder, record)``: a running server."""
    running: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(folder: Path, record: ExportRecord) -> Server:
        server = Server(folder, record)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._send(*server.answer(self.path, None))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self._send(*server.answer(self.path, json.loads(body)))

            def _send(self, status: int, answer: dict[str, Any]) -> None:
                text = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: Any) -> None:
                pass

        http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        running.append((http, thread))
        server.url = f"http://127.0.0.1:{http.server_port}"
        return server

    yield start
    for http, thread in running:
        http.shutdown()
        thread.join()
        http.server_close()


@pytest.mark.parametrize("kind", ["codes", "multiclass", "regression", "linear"])
def test_a_server_of_the_graph_is_verified_by_its_inputs(
    written: Written, serve: Callable[..., Server], kind: str
) -> None:
    folder, record = written("triton", kind)
    server = serve(folder, record)
    verified = verify_export(server.url, folder)
    assert (verified.rows, verified.same_bits, verified.left_out) == (20, 20, 0)
    assert verify_export(f"{server.url}/v2/models/{record.model}/infer", folder).same_bits == 20


def test_a_server_that_takes_columns_by_name_is_asked_so(written: Written, serve: Callable[..., Server]) -> None:
    folder, record = written("triton")
    server = serve(folder, record)
    server.inputs = [
        {"name": name, "datatype": "BYTES" if column.type == "string" else "FP64"}
        for name, column in record.columns.items()
    ]
    assert verify_export(server.url, folder).same_bits == 20
    assert {given["name"] for given in server.asked[0]["inputs"]} == set(record.columns)


def test_a_server_of_our_own_graph_is_asked_for_its_matrices(
    written: Written, made: Callable[[str], Made], serve: Callable[..., Server], tmp_path: Path
) -> None:
    folder, record = written("triton")
    ours = tmp_path / "ours.onnx"
    ours.write_bytes(made("codes").body)
    server = serve(folder, record)
    server.session = onnxruntime.InferenceSession(str(ours))
    server.record = record.model_copy(update={"output": record.output.model_copy(update={"name": "score"})})
    server.inputs = [{"name": "numbers", "datatype": "FP32"}]
    assert verify_export(server.url, folder).same_bits == 20


def test_rows_with_a_null_are_left_out_where_json_has_none(written: Written, serve: Callable[..., Server]) -> None:
    folder, record = written("triton")
    server = serve(folder, record)
    server.takes_null = False
    verified = verify_export(server.url, folder)
    assert verified.rows + verified.left_out == 20
    assert verified.same_bits == verified.rows >= 10
    assert f"{verified.left_out} with a null were left out" in str(verified)


def test_a_server_of_another_model_is_told_apart(written: Written, serve: Callable[..., Server]) -> None:
    folder, record = written("triton")
    server = serve(folder, record)
    server.adds = np.float32(0.01)
    with pytest.raises(ParityFailed, match="20 of 20 golden rows differ"):
        verify_export(server.url, folder)
    server.inputs = [{"name": "pixels", "datatype": "FP32"}]
    with pytest.raises(ParityFailed, match="the server takes pixels; the export has f0, "):
        verify_export(server.url, folder)


@pytest.mark.parametrize(
    "answer",
    [
        {"outputs": [{"name": "probabilities", "datatype": "FP32", "shape": [3], "data": [1.0]}]},
        {"outputs": [{"name": "probabilities"}]},
        {"outputs": [{"name": "probabilities", "shape": [1], "data": ["high"]}]},
        {"outputs": None},
        {"outputs": [7]},
        {},
    ],
)
def test_an_answer_of_no_form_is_one_error(
    written: Written, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]
) -> None:
    folder, record = written("triton")
    server = serve(folder, record)
    metadata = {"inputs": server.inputs}
    monkeypatch.setattr(server, "answer", lambda path, body: (200, answer if body else metadata))
    with pytest.raises(ParityFailed, match=r"in no form of the protocol|has no output probabilities"):
        verify_export(server.url, folder)
    monkeypatch.setattr(server, "answer", lambda path, body: (200, {"inputs": [{}]}))
    with pytest.raises(ParityFailed, match="in no form of the protocol"):
        verify_export(server.url, folder)


def test_a_login_in_an_address_is_not_repeated(written: Written) -> None:
    folder, _ = written("triton")
    with pytest.raises(UsageError, match="has a login in it") as error:
        verify_export("http://me:secret@127.0.0.1:1", folder)
    assert "secret" not in str(error.value)


def test_what_a_server_says_no_to_is_said(written: Written, serve: Callable[..., Server]) -> None:
    folder, record = written("triton")
    server = serve(folder, record)
    with pytest.raises(ModelError, match="answers 404: no model at /v2/models/other"):
        verify_export(f"{server.url}/v2/models/other", folder)


def test_an_address_needs_its_export(written: Written) -> None:
    folder, _ = written("triton")
    with pytest.raises(UsageError, match="its golden rows are in the export that it was given") as error:
        verify_export("http://127.0.0.1:1")
    assert "--of DIR" in str(error.value.fix)
    with pytest.raises(UsageError, match="is no address of a server"):
        verify_export("ftp://host/model", folder)
    with pytest.raises(ServerUnavailable, match="does not answer"):
        verify_export("http://127.0.0.1:1", folder)
