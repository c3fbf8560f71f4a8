"""What else scores Parquet in S3 with an ONNX graph: Ray Data and Spark, each with an interpreter of its own.

``make bench`` installs them into ``.venv-peers`` from ``benchmarks/peers.txt``. A peer is a child process that
starts once and then makes a pass per line it is sent, so that starting up is timed apart from work.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, Self

from pyarrow import fs
from rich.console import Console

from benchmarks import children
from benchmarks.peer_child import Job

PROJECT = Path(__file__).parents[1]
PYTHON = PROJECT / ".venv-peers" / "bin" / "python"
MODULES = {"ray": "benchmarks.peer_ray", "spark": "benchmarks.peer_spark"}
PATIENCE_S = 60


class PeerUnavailable(Exception):
    """A peer did not start, or ended in the middle of its work."""


class Peer:
    """Starts on enter, stops on exit. ``start_up_s`` is from the start of its process until it can take work."""

    start_up_s: float

    def __init__(self, name: str, job: Job, environment: dict[str, str], log: IO[str]) -> None:
        self.name = name
        self.output_uri = job.output_uri
        self._command = [str(PYTHON), "-m", MODULES[name], json.dumps(asdict(job))]
        self._environment = {**os.environ, **environment, "PYTHONPATH": str(PROJECT)}
        self._log = log

    def __enter__(self) -> Self:
        started = time.perf_counter()
        try:
            self._child = subprocess.Popen(
                self._command,
                cwd=PROJECT,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                text=True,
            )
        except FileNotFoundError as error:
            raise PeerUnavailable(f"{self.name}: no {error.filename}; make bench installs it") from error
        try:
            self._answer()
        except BaseException:
            self.__exit__()
            raise
        self.start_up_s = time.perf_counter() - started
        return self

    def __exit__(self, *_: object) -> None:
        children.end(self._child, PATIENCE_S)

    def run(self) -> float:
        """Seconds of one pass over the input. Raises ``PeerUnavailable``."""
        assert self._child.stdin
        print("run", file=self._child.stdin, flush=True)
        return float(self._answer()["seconds"])

    def _answer(self) -> dict[str, Any]:
        assert self._child.stdout
        if line := self._child.stdout.readline():
            return dict(json.loads(line))
        self._log.seek(0)
        said = self._log.read().strip().splitlines() or ["nothing"]
        raise PeerUnavailable(f"{self.name} ended and said: {said[-1]}")


def peers(
    input_uri: str,
    output_uri: str,
    keys: Sequence[str],
    threshold: float,
    graph_file: Path,
    environment: dict[str, str],
    console: Console,
) -> Iterator[Peer]:
    """Those that start, one at a time: asking for the next stops the one before. Why one is absent is printed.

    ``input_uri`` is a Parquet file in S3, ``output_uri`` a prefix there; ``environment`` names the store, as
    ``AWS_*``. Each peer writes a folder, ``Peer.output_uri``: Spark a local one, as it reads a local copy.
    """
    with tempfile.TemporaryDirectory(prefix="nightshift-peers-") as name:
        folder = Path(name)
        copy = _copied(input_uri, folder / "input.parquet", environment)
        places = {
            "ray": (input_uri, f"{output_uri}/ray"),
            "spark": (copy.as_uri(), (folder / "spark").as_uri()),
        }
        for peer, (source, target) in places.items():
            job = Job(source, target, list(keys), threshold, str(graph_file))
            with (folder / f"{peer}.log").open("w+") as log:
                try:
                    with Peer(peer, job, environment, log) as started:
                        yield started
                except PeerUnavailable as error:
                    console.print(f"absent: {error}")


def _copied(uri: str, file: Path, environment: dict[str, str]) -> Path:
    store = fs.S3FileSystem(
        access_key=environment["AWS_ACCESS_KEY_ID"],
        secret_key=environment["AWS_SECRET_ACCESS_KEY"],
        region=environment["AWS_REGION"],
        endpoint_override=environment["AWS_ENDPOINT_URL"],
    )
    with store.open_input_stream(uri.removeprefix("s3://")) as source, file.open("wb") as target:
        shutil.copyfileobj(source, target)
    return file
