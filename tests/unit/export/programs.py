"""Programs of exports run as their platforms run them, with ONNX Runtime and numpy alone."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import requests

from nightshift.export.comparison import compare
from nightshift.export.record import ExportRecord
from tests import alone

SECONDS = 60


def rows_of(record: ExportRecord) -> list[dict[str, Any]]:
    """The golden rows, each as values by column."""
    columns = record.golden.columns
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def require_bits(record: ExportRecord, rows: list[list[float]]) -> None:
    """That scores, a list for each golden row, are the golden ones to the last bit."""
    scores = np.array(rows, np.float32)
    assert compare(record, "it", scores, range(20), allowed=0.0).same_bits == 20


def free_port() -> int:
    """One that nobody listens on."""
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
    """Whether it says that it is well."""
    try:
        return requests.get(url, timeout=5).ok
    except requests.ConnectionError:
        return False
