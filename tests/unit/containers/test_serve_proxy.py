"""docker/serving/nginx.conf: what it says of requests, and that Debian's nginx takes it, where that is installed."""

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import typer
import yaml

from benchmarks.serve_proxy import proxied
from nightshift.cli.serve import app as serve_verb
from nightshift.serving.options import ServeOptions
from nightshift.serving.request_ids import REQUEST_ID
from nightshift.stack import Ports

ROOT = Path(__file__).parents[3]
FILE = ROOT / "docker" / "serving" / "nginx.conf"
TEXT = re.sub(r"#.*", "", FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
DEFAULTS = ServeOptions()


def said(directive: str) -> str:
    """The words of a directive that stands there once."""
    (words,) = re.findall(rf"(?:^|[{{;])\s*{directive}\s+([^;]+);", TEXT)
    return str(words)


def option(name: str) -> str:
    """What the service `serve` is told by an option, or what it is by default."""
    words = SERVICES["serve"]["command"]
    if name in words:
        return str(words[words.index(name) + 1])
    return str(getattr(DEFAULTS, name.removeprefix("--").replace("-", "_")))


def test_nginx_takes_the_file(tmp_path: Path) -> None:
    if shutil.which("nginx") is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light")
    text = FILE.read_text().replace("/tmp/", f"{tmp_path}/")
    copy = tmp_path / "nginx.conf"
    copy.write_text(text)
    tried = subprocess.run(["nginx", "-t", "-c", str(copy)], capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stderr
    assert "syntax is ok" in tried.stderr


def test_a_request_that_a_server_did_not_answer_goes_to_another_also_by_post() -> None:
    when = set(said("proxy_next_upstream").split())
    assert {"error", "timeout", "http_503", "non_idempotent"} <= when
    # What is wrong with a request is wrong everywhere: it is asked once.
    assert not {"http_500", "http_404", "http_403", "http_429"} & when
    assert int(said("proxy_next_upstream_tries")) > 1
    assert said("proxy_request_buffering") == "on"


def test_it_asks_docker_again_who_the_servers_are() -> None:
    address, *rest = said("resolver").split()
    assert (address, "ipv6=off" in rest) == ("127.0.0.11", True)
    # Only an address in a variable is looked up more than once.
    assert said("proxy_pass") == "$server"
    assert said(r"set \$server") == f"http://serve:{option('--port')}"
    assert "--port" not in SERVICES["serve"]["command"]


def test_its_bounds_are_those_of_the_servers() -> None:
    assert said("client_max_body_size") == said("client_body_buffer_size") == str(DEFAULTS.max_body)
    assert said("client_body_timeout") == f"{DEFAULTS.timeout:g}s"
    # It waits for a server that may still answer, and a caller hears in the end.
    assert int(said("proxy_read_timeout").removesuffix("s")) > DEFAULTS.timeout
    assert "1,000,000 bytes" in TEXT


def test_a_request_id_that_a_log_may_show_goes_through() -> None:
    (pattern,) = re.findall(r'"~(.*?)" \$http_x_request_id', TEXT)
    assert pattern == f"^{REQUEST_ID.pattern.decode()}$"
    assert "proxy_set_header X-Request-Id $id;" in TEXT


def test_figures_of_one_server_are_not_shown_as_those_of_all() -> None:
    assert re.search(r"location = /metrics \{ return 404; \}", TEXT)


def test_it_writes_to_its_temporary_folder_alone_and_logs_no_request() -> None:
    places = {path for path in re.findall(r"(?<![\w:])/(?:tmp|var|run|etc|dev)\S*?(?=[;\s])", TEXT)}
    assert places == {"/tmp/nginx.pid", "/tmp/body", "/tmp/proxy", "/tmp/fastcgi", "/tmp/uwsgi", "/tmp/scgi"}
    assert (said("access_log"), said("server_tokens")) == ("off", "off")


def test_the_proxy_listens_where_its_service_says_and_is_asked_for_itself() -> None:
    proxy = SERVICES["serve-proxy"]
    port = said("listen").split()[0]
    assert proxy["ports"] == [f"127.0.0.1:${{NIGHTSHIFT_SERVE_PORT:-8100}}:{port}"]
    assert proxy["healthcheck"]["test"][-2:] == [port, "/healthz"]
    assert proxy["stop_signal"] == "SIGQUIT"
    assert proxy["command"][2] == f"/opt/nightshift/{FILE.relative_to(ROOT)}"
    assert proxy["profiles"] == SERVICES["serve"]["profiles"] == ["serve"]


def test_the_servers_are_started_by_options_that_there_are_and_drain_longer_than_names_last() -> None:
    program, verb, _, *rest = SERVICES["serve"]["command"]
    assert (program, verb) == ("nightshift", "serve")
    known = {name for each in typer.main.get_command(serve_verb).params for name in each.opts}
    assert {word for word in rest if word.startswith("--")} <= known
    (valid,) = re.findall(r"valid=(\d+)s", said("resolver"))
    assert float(option("--drain")) > float(valid)


class Healthy(BaseHTTPRequestHandler):
    """It says what it was asked."""

    def do_GET(self) -> None:
        self.answer(b"{}")

    def do_POST(self) -> None:
        self.answer(self.rfile.read(int(self.headers["content-length"])))

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.send_header("x-request-id", self.headers["x-request-id"])
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


class Dying(Healthy):
    """It takes a request and is gone before it answers, as one that is killed."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.close_connection = True


class Busy(Healthy):
    """As many requests as it may have are under way."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(503)
        self.send_header("content-length", "0")
        self.end_headers()


@contextmanager
def server_at(host: str, port: int, handler: type[BaseHTTPRequestHandler]) -> Iterator[None]:
    server = ThreadingHTTPServer((host, port), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def ports() -> Ports:
    return Ports.free()


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed: apt-get install nginx-light")
@pytest.mark.parametrize("other", [Dying, Busy, None])
def test_a_post_that_one_server_did_not_answer_is_answered_by_the_other(
    ports: Ports, other: type[BaseHTTPRequestHandler] | None, tmp_path: Path
) -> None:
    with ExitStack() as running:
        running.enter_context(server_at("127.0.0.1", ports.s3, Healthy))
        if other is not None:
            running.enter_context(server_at("127.0.0.2", ports.s3, other))
        url = running.enter_context(proxied(ports.airflow, ports.s3, ("127.0.0.1", "127.0.0.2"), tmp_path))
        for number in range(12):
            found = requests.post(f"{url}/score", f"row {number}", headers={"x-request-id": f"id-{number}"}, timeout=10)
            assert (found.status_code, found.text, found.headers["x-request-id"]) == (
                200, f"row {number}", f"id-{number}"
            )  # fmt: skip


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed: apt-get install nginx-light")
def test_what_nginx_answers_by_itself_is_json_with_an_id(ports: Ports, tmp_path: Path) -> None:
    with proxied(ports.airflow, ports.s3, ("127.0.0.1",), tmp_path) as url:
        nobody = requests.post(f"{url}/score", "row", timeout=10)
        large = requests.post(f"{url}/score", "x" * (DEFAULTS.max_body + 1), timeout=10)
        assert [(answer.status_code, set(answer.json())) for answer in (nobody, large)] == [
            (503, {"error"}), (413, {"error"})
        ]  # fmt: skip
        assert nobody.headers["retry-after"] == "1"
        assert all(answer.headers["x-request-id"] for answer in (nobody, large))
        assert requests.get(f"{url}/healthz", timeout=10).text == "ok\n"
        assert requests.get(f"{url}/metrics", timeout=10).status_code == 404
