"""docker/serving/nginx.conf: what it says of requests, and that Debian's nginx takes it, where that is installed."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from nightshift.cli.serve import app as serve_verb
from nightshift.serving.door import REQUEST_ID
from nightshift.serving.options import ServeOptions

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
