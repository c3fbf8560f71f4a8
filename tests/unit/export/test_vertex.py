"""The program of Vertex's container, run under the variables that Vertex sets, and the request that uploads it."""

import json
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests

from nightshift.steps.verify_export import verify_export
from tests.exports import ADDRESS, Written
from tests.unit.export.programs import free_port, running


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
