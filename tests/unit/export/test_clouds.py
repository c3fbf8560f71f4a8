"""What SageMaker, Vertex, Lambda and TorchServe run is run as they do, with ONNX Runtime and numpy alone."""

import base64
import csv
import io
import json
import signal
import socket
import subprocess
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
import requests

from nightshift.errors import ModelError, ParityFailed, UsageError
from nightshift.export.comparison import compare
from nightshift.export.folder_check import verify_folder
from nightshift.export.record import ExportRecord
from nightshift.export.targets import TARGETS
from nightshift.export.written import write_export
from nightshift.steps.verify_export import verify_export
from tests import alone
from tests.exports import ADDRESS, Made

Written = Callable[..., tuple[Path, ExportRecord]]
SECONDS = 60


def rows_of(record: ExportRecord) -> list[dict[str, Any]]:
    columns = record.golden.columns
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def require_bits(record: ExportRecord, rows: list[list[float]]) -> None:
    scores = np.array(rows, np.float32)
    assert compare(record, "it", scores, range(20), allowed=0.0).same_bits == 20


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def running(program: Path, log: Path, environment: dict[str, str], health: str) -> Iterator[subprocess.Popen[bytes]]:
    """The program as the platform starts it, from when it says that it is well."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            alone.words(program, "serve"), stdout=out, stderr=out, env={"PATH": "", **environment}
        )
    try:
        deadline = time.monotonic() + SECONDS
        while not answers(health):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.ConnectionError:
        return False


# SageMaker


@contextmanager
def sagemaker(folder: Path, where: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The container of an endpoint: the archive unpacked, and its program asked to serve."""
    model = where / "model"
    with tarfile.open(folder / "model.tar.gz") as archive:
        archive.extractall(model, filter="data")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {"SAGEMAKER_BIND_TO_PORT": str(port), "SM_MODEL_DIR": str(model)}
    with running(model / "code" / "sagemaker.py", where / "log", environment, f"{url}/ping") as process:
        yield url, process


@pytest.mark.parametrize("kind", ["codes", "multiclass", "linear"])
def test_sagemaker_s_endpoint_gives_the_golden_bits(written: Written, tmp_path: Path, kind: str) -> None:
    folder, record = written("sagemaker", kind)
    with sagemaker(folder, tmp_path) as (url, _):
        verified = verify_export(f"{url}/invocations", folder)
        print(verified)
        assert (verified.rows, verified.same_bits) == (20, 20)
        assert requests.get(f"{url}/ping", timeout=5).json()["graph_sha256"] == record.graph_sha256
        # A row asked for on its own has the bits that it has among others.
        alone_asked = [asked(url, {"instances": [row]})["predictions"][0] for row in rows_of(record)]
    require_bits(record, [list(scores.values()) for scores in alone_asked])


def asked(url: str, content: dict[str, Any]) -> dict[str, Any]:
    answer = requests.post(f"{url}/invocations", json=content, timeout=5)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_batch_of_sagemaker_is_scored_line_by_line(written: Written, tmp_path: Path) -> None:
    folder, record = written("sagemaker")
    rows = rows_of(record)
    text = io.StringIO()
    inputs = [given.columns[0] for given in record.inputs]
    csv.writer(text).writerows([row[name] for name in inputs] for row in rows)
    lines = "\n".join(json.dumps(row) for row in rows)
    with sagemaker(folder, tmp_path) as (url, _):
        as_csv = post(url, text.getvalue(), "text/csv; charset=utf-8")
        as_lines = post(url, lines, "application/jsonlines")
        refused = requests.post(f"{url}/invocations", "1,2\n", headers={"Content-Type": "text/csv"}, timeout=5)
        assert (refused.status_code, refused.json()["error"]) == (
            400,
            f"a row has 2 cells, and there are {len(inputs)} columns: {', '.join(inputs)}",
        )
    require_bits(record, [[float(cell) for cell in line] for line in csv.reader(as_csv.splitlines())])
    require_bits(record, [list(json.loads(line).values()) for line in as_lines.splitlines()])


def post(url: str, body: str, content_type: str) -> str:
    answer = requests.post(f"{url}/invocations", body, headers={"Content-Type": content_type}, timeout=5)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == content_type.partition(";")[0]
    return answer.text


@pytest.mark.parametrize(
    ("content", "status", "reason"),
    [
        ('{"columns": {}}', 400, "the request has no column "),
        ('{"instances": [{}]}', 400, "a row has no column "),
        ('{"instances": 7}', 400, "instances are rows"),
        ("[1]", 400, "the request is neither"),
        ("{", 400, "Expecting property name"),
        ("[" * 100_000, 400, ""),
    ],
)
def test_what_is_wrong_with_a_request_is_said(asked_sagemaker: str, content: str, status: int, reason: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = requests.post(f"{asked_sagemaker}/invocations", content, headers=headers, timeout=5)
    assert answer.status_code == status
    assert answer.json()["error"].startswith(reason)


@pytest.fixture(scope="module")
def asked_sagemaker(written: Written, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of one that runs for all tests of refusals."""
    folder, _ = written("sagemaker")
    with sagemaker(folder, tmp_path_factory.mktemp("sagemaker")) as (url, _):
        yield url


def test_a_value_of_another_type_and_an_unknown_address_are_refused(asked_sagemaker: str, written: Written) -> None:
    _, record = written("sagemaker")
    number = next(name for name, column in record.columns.items() if column.type != "string")
    row = {**rows_of(record)[0], number: "many"}
    answer = requests.post(f"{asked_sagemaker}/invocations", json={"instances": [row]}, timeout=5)
    assert (answer.status_code, answer.json()["error"].split(" has a value")[0]) == (400, number)
    assert requests.get(f"{asked_sagemaker}/elsewhere", timeout=5).status_code == 404
    with pytest.raises(ModelError, match="answers 404: nothing is at POST /elsewhere"):
        verify_export(f"{asked_sagemaker}/elsewhere", written("sagemaker")[0])


def test_another_version_behind_the_address_is_told_apart(asked_sagemaker: str, written: Written) -> None:
    other, _ = written("sagemaker", "plain")
    folder, record = written("sagemaker")
    changed = record.golden.model_copy(update={"scores": record.golden.scores[::-1]})
    (other / "nightshift.json").write_bytes(record.model_copy(update={"golden": changed}).to_json())
    with pytest.raises(ParityFailed, match="golden rows differ"):
        verify_export(f"{asked_sagemaker}/invocations", other)
    assert verify_export(f"{asked_sagemaker}/invocations", folder).same_bits == 20


def test_sigterm_ends_it(written: Written, tmp_path: Path) -> None:
    folder, _ = written("sagemaker")
    with sagemaker(folder, tmp_path) as (url, process), requests.Session() as session:
        assert session.get(f"{url}/ping", timeout=5).ok
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def requests_of(folder: Path) -> dict[str, dict[str, Any]]:
    names = ("create-model", "create-endpoint-config", "create-endpoint", "create-transform-job")
    return {name: json.loads((folder / f"{name}.json").read_text()) for name in names}


def test_sagemaker_s_requests_are_what_its_own_service_model_asks_for(written: Written) -> None:
    import botocore.session
    from botocore.validate import ParamValidator

    folder, _ = written("sagemaker")
    service = botocore.session.get_session().get_service_model("sagemaker")
    for name, request in requests_of(folder).items():
        operation = "".join(word.capitalize() for word in name.split("-"))
        shape = service.operation_model(operation).input_shape
        report = ParamValidator().validate(request, shape)
        assert not report.has_errors(), report.generate_report()
        assert ParamValidator().validate({**request, "Misspelt": 1}, shape).has_errors()


def test_moto_s_sagemaker_makes_an_endpoint_and_a_batch_of_them(written: Written) -> None:
    import boto3
    from moto.server import ThreadedMotoServer

    folder, _ = written("sagemaker")
    made = requests_of(folder)
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        client = boto3.client(
            "sagemaker",
            region_name="us-east-1",
            endpoint_url=f"http://{host}:{port}",
            aws_access_key_id="none",
            aws_secret_access_key="none",
        )
        client.create_model(**made["create-model"])
        client.create_endpoint_config(**made["create-endpoint-config"])
        client.create_endpoint(**made["create-endpoint"])
        client.create_transform_job(**made["create-transform-job"])
        assert client.describe_endpoint(EndpointName="late-orders-7")["EndpointStatus"] == "InService"
        model = client.describe_model(ModelName="late-orders-7")
        assert model["PrimaryContainer"]["ModelDataUrl"] == f"{ADDRESS}/model.tar.gz"
    finally:
        server.stop()


def test_sagemaker_needs_an_address(made: Callable[[str], Made], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="sagemaker fetches the model from an address") as error:
        write_export(made("codes").export(), TARGETS["sagemaker"], tmp_path / "new")
    assert "--address" in str(error.value.fix)


# Vertex


@pytest.fixture
def cloud_storage(tmp_path: Path) -> Iterator[Callable[[Path], str]]:
    """``cloud_storage(folder)``: a stand-in of ours, of the one route that a container asks for objects."""
    servers = []

    def start(folder: Path) -> str:
        class Objects(SimpleHTTPRequestHandler):
            def translate_path(self, path: str) -> str:
                before, _, key = path.partition("/storage/v1/b/bucket/o/some%2Fprefix%2F")
                assert not before
                return str(folder / key.removesuffix("?alt=media"))

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Objects)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("is_fetched", [False, True])
def test_vertex_s_contract_gives_the_golden_bits(
    written: Written, tmp_path: Path, cloud_storage: Callable[[Path], str], is_fetched: bool
) -> None:
    folder, _ = written("vertex", "multiclass")
    port = str(free_port())
    url = f"http://127.0.0.1:{port}"
    environment = {"AIP_HTTP_PORT": port, "AIP_HEALTH_ROUTE": "/well", "AIP_PREDICT_ROUTE": "/v1/of:predict"}
    if is_fetched:
        environment["AIP_STORAGE_URI"] = "gs://bucket/some/prefix"
        environment["STORAGE_EMULATOR_HOST"] = cloud_storage(folder / "model")
    else:
        environment["MODEL_DIR"] = str(folder / "model")
    with running(folder / "code" / "vertex.py", tmp_path / "log", environment, f"{url}/well"):
        verified = verify_export(f"{url}/v1/of:predict", folder)
        print(verified)
        assert (verified.rows, verified.same_bits) == (20, 20)
        refused = requests.post(f"{url}/v1/of:predict", json={"rows": []}, timeout=5)
        assert (refused.status_code, refused.json()) == (400, {"error": 'the request is not {"instances": [...]}'})


def test_vertex_is_told_the_routes_that_the_program_has_by_default(written: Written) -> None:
    folder, _ = written("vertex")
    model = json.loads((folder / "upload-model.json").read_text())["model"]
    program = (folder / "code" / "vertex.py").read_text()
    container = model["containerSpec"]
    assert f'"AIP_HEALTH_ROUTE", "{container["healthRoute"]}"' in program
    assert f'"AIP_PREDICT_ROUTE", "{container["predictRoute"]}"' in program
    assert f'"AIP_HTTP_PORT", "{container["ports"][0]["containerPort"]}"' in program
    assert model["artifactUri"] == f"{ADDRESS}/model"


# Lambda


CALLED = """
import json, sys
sys.path.insert(0, ".")
from handler import handler
print(json.dumps([handler(event, None) for event in json.load(sys.stdin)]))
"""


def event(body: str | None, method: str = "POST", **more: Any) -> dict[str, Any]:
    """As an HTTP API sends it, in format 2.0."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/",
        "rawQueryString": "",
        "headers": {"content-type": "application/json", "host": "id.execute-api.us-east-1.amazonaws.com"},
        "requestContext": {"http": {"method": method, "path": "/", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"}},
        "isBase64Encoded": False,
        **({} if body is None else {"body": body}),
        **more,
    }


def test_lambda_s_handler_answers_events_of_an_http_api(written: Written, tmp_path: Path) -> None:
    folder, record = written("lambda")
    body = json.dumps({"instances": rows_of(record)})
    encoded = base64.b64encode(body.encode()).decode()
    events = [
        event(body),
        event(encoded, isBase64Encoded=True),
        event(None, method="GET"),
        event("{"),
        event(None),
        event(None, method="PUT"),
    ]
    caller = folder / "task" / "caller.py"
    caller.write_text(CALLED)
    ended = subprocess.run(
        alone.words(caller),
        cwd=folder / "task",
        env={"PATH": "", "LAMBDA_TASK_ROOT": str(folder / "task")},
        input=json.dumps(events),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    answers = json.loads(ended.stdout)
    assert [answer["statusCode"] for answer in answers] == [200, 200, 200, 400, 400, 405]
    for answer in answers[:2]:
        scores = json.loads(answer["body"])["predictions"]
        require_bits(record, [list(row.values()) for row in scores])
    assert json.loads(answers[2]["body"])["graph_sha256"] == record.graph_sha256


# TorchServe


SERVED = """
import importlib, json, sys, types
manifest = json.load(open("MAR-INF/MANIFEST.json"))["model"]
sys.path.insert(0, ".")
service = importlib.import_module(manifest["handler"].removesuffix(".py"))
context = types.SimpleNamespace(system_properties={"model_dir": "."}, manifest={"model": manifest})
assert service.handle(None, context) is None
print(json.dumps(service.handle(json.load(sys.stdin), context)))
"""


@pytest.mark.parametrize("kind", ["codes", "network"])
def test_torchserve_s_archive_is_a_service_that_gives_the_golden_bits(
    written: Written, tmp_path: Path, kind: str
) -> None:
    folder, record = written("torchserve", kind)
    with zipfile.ZipFile(folder / f"{record.model}.mar") as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path)
    manifest = json.loads((tmp_path / "MAR-INF" / "MANIFEST.json").read_text())["model"]
    assert (manifest["modelName"], manifest["modelVersion"]) == (record.model, record.version)
    assert (tmp_path / manifest["serializedFile"]).is_file()
    (tmp_path / "served.py").write_text(SERVED)
    requests_of_two = [{"body": {"instances": rows_of(record)}}, {"body": "{"}]
    ended = subprocess.run(
        alone.words(tmp_path / "served.py"),
        cwd=tmp_path,
        env={"PATH": ""},
        input=json.dumps(requests_of_two),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    good, bad = json.loads(ended.stdout)
    require_bits(record, [list(row.values()) for row in good["predictions"]])
    assert set(bad) == {"error"}


def test_a_graph_in_an_archive_is_held_to_its_digest(written: Written) -> None:
    folder, record = written("torchserve", "multiclass")
    file = folder / f"{record.model}.mar"
    with zipfile.ZipFile(file) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, body in contents.items():
            archive.writestr(name, body + b"\0" if name == "model.onnx" else body)
    with pytest.raises(ModelError, match="is not as it was written"):
        verify_folder(folder)
    file.write_bytes(b"no archive")
    with pytest.raises(ModelError, match="has no graph at"):
        verify_folder(folder)
