"""``mlflow models serve`` on the folder, asked over the wire as anybody would."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from nightshift.export.record import ExportRecord
from nightshift.steps.verify_export import verify_export

Written = Callable[[str, str], tuple[Path, ExportRecord]]
SECONDS = 120


@contextmanager
def served(folder: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ["models", "serve", "-m", str(folder), "-p", str(port), "--env-manager", "local", "--workers", "1"]
    # It starts uvicorn by its name.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *words], stdout=log, stderr=log, env={**os.environ, "PATH": path}
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{url}/ping", process, folder / "log")
        yield url
    finally:
        process.terminate()
        process.wait(30)


def wait_for(ping: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(SECONDS * 4):
        assert process.poll() is None, log.read_text()
        try:
            if requests.get(ping, timeout=1).ok:
                return
        except requests.RequestException:
            time.sleep(0.25)
    pytest.fail(log.read_text())


@pytest.mark.parametrize("kind", ["codes", "multiclass"])
def test_mlflow_s_server_gives_the_golden_bits(written: Written, kind: str) -> None:
    folder, _ = written("mlflow", kind)
    with served(folder) as url:
        verified = verify_export(f"{url}/invocations", folder)
    print(verified)
    assert (verified.rows, verified.same_bits) == (20, 20)
