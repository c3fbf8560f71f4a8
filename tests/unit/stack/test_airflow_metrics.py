"""Airflow tells of itself where the environment of `nightshift up` asks for it, and nowhere by default."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from nightshift.stack import Ports, Stack
from nightshift.stack.airflow_services import HANDED_ON

# A part of Airflow that counts: every executor does, at each of its heartbeats.
COUNTS = "from airflow.executors.base_executor import BaseExecutor; BaseExecutor(parallelism=7).heartbeat()"
PATIENCE = 60


def airflow_env(home: Path) -> dict[str, str]:
    return Stack(home, home.parent, Ports(9000, 9100, 9200)).airflow_env()


def told(home: Path) -> dict[str, str]:
    """What Airflow is told of its own metrics, and of its logs as JSON."""
    env = airflow_env(home)
    return {name: value for name, value in env.items() if "METRICS" in name or "JSON_LOGS" in name}


def test_by_default_airflow_is_told_nothing_and_of_other_settings_never(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("AIRFLOW__")]:
        monkeypatch.delenv(name)
    assert told(tmp_path / "home") == {}
    said = {f"AIRFLOW__{name}": "7" for name in HANDED_ON}
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    # It would have Airflow import what it names.
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_CUSTOM_CLIENT_PATH", "os")
    assert told(tmp_path / "home") == said


def beat(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", COUNTS], env=airflow_env(home), capture_output=True, text=True, check=False,
        timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


def test_asked_for_statsd_airflow_sends_its_figures_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as collector:
        collector.bind(("127.0.0.1", 0))
        collector.settimeout(PATIENCE)
        monkeypatch.setenv("AIRFLOW__METRICS__STATSD_ON", "True")
        monkeypatch.setenv("AIRFLOW__METRICS__STATSD_HOST", "127.0.0.1")
        monkeypatch.setenv("AIRFLOW__METRICS__STATSD_PORT", str(collector.getsockname()[1]))
        beat(tmp_path / "home")
        heard: set[str] = set()
        while "airflow.executor.open_slots:7|g" not in heard:
            heard.add(collector.recv(65536).decode())


@contextmanager
def otlp() -> Iterator[tuple[int, list[bytes]]]:
    """A collector's HTTP door, and the bodies that came to it."""
    bodies: list[bytes] = []

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port, bodies
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_asked_for_opentelemetry_airflow_sends_its_figures_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with otlp() as (port, bodies):
        monkeypatch.setenv("AIRFLOW__METRICS__OTEL_ON", "True")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        beat(tmp_path / "home")
    assert any(b"executor.open_slots" in body for body in bodies)
