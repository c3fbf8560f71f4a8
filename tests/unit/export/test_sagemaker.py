"""The endpoint and the batch of SageMaker, run as it runs them, and the requests that make them."""

import csv
import io
import json
import signal
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from nightshift.errors import ModelError, ParityFailed, UsageError
from nightshift.export.targets import TARGETS
from nightshift.export.written import write_export
from nightshift.steps.verify_export import verify_export
from tests.exports import ADDRESS, Made, Written
from tests.unit.export.programs import free_port, require_bits, rows_of, running


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
