"""``serve.*``: what a request by day costs, beside MLflow's own server and beside an application that only echoes.

The champion of the flights, rows of a night, one process each on this machine, asked by ``wrk`` in turns, a row a
request. MLflow's server gets what the graph is fed with, codes instead of texts, so that it has less to do. Logs and
figures of ours are on, as they always are, and one request in a hundred is kept for a replay.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pyarrow as pa
import requests

from benchmarks.world import AS_OF, MODEL, World
from nightshift.contracts import Dataset
from nightshift.scoring.feeds import ArrowRows
from nightshift.scoring.graph import OnnxGraph
from nightshift.stack import Ports
from nightshift.steps.load import window

ROWS = 200
ROUNDS = 5
SECONDS = 4
CONNECTIONS = 16
PATIENCE = 120
REPLAY = "0.01"
MAIN = "from nightshift.cli.main import main; main()"
UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
SCRIPT = """
local bodies = {}
for line in io.lines(os.getenv("BODIES")) do bodies[#bodies + 1] = line end
local place = 0
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.headers["authorization"] = os.getenv("AUTHORIZATION")
request = function()
  place = place % #bodies + 1
  return wrk.format(nil, nil, nil, bodies[place])
end
"""


@dataclass(frozen=True)
class Asked:
    """What ``wrk`` saw of a server: requests a second, and milliseconds of one."""

    per_second: float
    p50: float
    p99: float


@dataclass(frozen=True)
class Target:
    """A server that answers: where, with which bodies it is asked, and by whom."""

    url: str
    bodies: Path
    authorization: str | None = None

    def asked(self, connections: int) -> Asked:
        """By so many connections. Raises ``RuntimeError`` where not all requests were answered well."""
        script = self.bodies.with_suffix(".lua")
        script.write_text(SCRIPT)
        command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--latency", "-s", str(script), self.url]
        env = {**os.environ, "BODIES": str(self.bodies)}
        if self.authorization is not None:
            env["AUTHORIZATION"] = self.authorization
        printed = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
        if "Non-2xx" in printed or "Socket errors" in printed:
            raise RuntimeError(f"{self.url} did not answer all: {printed}")
        (rate,) = re.findall(r"Requests/sec:\s+([\d.]+)", printed)
        return Asked(float(rate), _percentile(printed, 50), _percentile(printed, 99))


def figures(world: World) -> dict[str, float]:
    """Medians of the rounds' ratios, and of each side's own figures."""
    if shutil.which("wrk") is None:
        for name in ("serve.vs_mlflow_server", "serve.p50_vs_bare_asgi"):
            world.absent[name] = "wrk is not installed"
        return {}
    with tempfile.TemporaryDirectory(prefix="nightshift-serve-") as folder, ExitStack() as running:
        ours, mlflow, bare = _targets(world, Path(folder), running)
        values = _many(world, ours, mlflow)
        return values | _one(world, ours, bare)


def _many(world: World, ours: Target, mlflow: Target) -> dict[str, float]:
    rounds = [(ours.asked(CONNECTIONS), mlflow.asked(CONNECTIONS)) for _ in range(ROUNDS)]
    ratios = [one.per_second / other.per_second for one, other in rounds]
    world.console.print("requests/s beside MLflow's server: " + ", ".join(f"{ratio:.2f}" for ratio in ratios))
    return {
        "serve.vs_mlflow_server": median(ratios),
        "serve.requests_per_second": median(one.per_second for one, _ in rounds),
        "serve.mlflow_requests_per_second": median(other.per_second for _, other in rounds),
    }


def _one(world: World, ours: Target, bare: Target) -> dict[str, float]:
    rounds = [(ours.asked(1), bare.asked(1)) for _ in range(ROUNDS)]
    ratios = [one.p50 / other.p50 for one, other in rounds]
    world.console.print("p50 beside a bare application: " + ", ".join(f"{ratio:.2f}" for ratio in ratios))
    return {
        "serve.p50_vs_bare_asgi": median(ratios),
        "serve.p50_ms": median(one.p50 for one, _ in rounds),
        "serve.p99_ms": median(one.p99 for one, _ in rounds),
        "serve.bare_p50_ms": median(other.p50 for _, other in rounds),
    }


def rows_of_a_night(world: World) -> pa.Table:
    """Of the last that the champion has learnt from: that of the benchmark's date has not come yet."""
    _, last = window(world.spec, AS_OF)
    night = world.stores.lake.require(world.spec.key(Dataset.VALIDATED, last))
    return world.stores.lake.read(night).slice(0, ROWS)


def _targets(world: World, folder: Path, running: ExitStack) -> tuple[Target, Target, Target]:
    """Ours, MLflow's and the bare one, started; each with bodies of the same rows."""
    pin = world.pin
    rows = rows_of_a_night(world)
    stored = world.stores.lake.objects.get(pin.key)
    assert stored is not None
    graph, _ = stored
    ports = Ports.free()
    by_name = lines(folder / "rows", [{"rows": [row]} for row in sent(world, rows)])
    fed = lines(folder / "inputs", _fed(OnnxGraph(world.spec, graph), rows))
    serve = [sys.executable, "-c", MAIN, "serve", MODEL, "--port", str(ports.s3), "--replay", REPLAY]
    echo = [sys.executable, "-m", "benchmarks.serve_bare", str(ports.mlflow)]
    saved = _saved(folder / "model", graph)
    words = ["models", "serve", "-m", str(saved), "-p", str(ports.airflow), "--env-manager", "local", "-w", "1"]
    running.enter_context(started(serve, ports.s3, "/v2/health/ready"))
    running.enter_context(started(echo, ports.mlflow, "/"))
    running.enter_context(started([sys.executable, "-m", "mlflow", *words], ports.airflow, "/ping"))
    return (
        Target(f"http://127.0.0.1:{ports.s3}/score", by_name),
        Target(f"http://127.0.0.1:{ports.airflow}/invocations", fed),
        Target(f"http://127.0.0.1:{ports.mlflow}/", by_name),
    )


def sent(world: World, rows: ArrowRows) -> list[dict[str, object]]:
    return rows.select(list(world.spec.features)).to_pylist()


def _fed(graph: OnnxGraph, rows: ArrowRows) -> list[dict[str, object]]:
    """Each row as MLflow's server takes what a graph is fed with; NaN is null there, too."""
    inputs = graph.fed(rows)
    bodies: list[dict[str, object]] = []
    for place in range(rows.num_rows):
        row = {name: values[place : place + 1].tolist() for name, values in inputs.items()}
        bodies.append({"inputs": row})
    return bodies


def lines(file: Path, bodies: list[dict[str, object]]) -> Path:
    file.write_text("".join(f"{json.dumps(body)}\n" for body in bodies))
    return file


def _saved(folder: Path, graph: bytes) -> Path:
    import mlflow.onnx
    import onnx

    mlflow.onnx.save_model(onnx.load_from_string(graph), folder)
    return folder


@contextmanager
def started(command: list[str], port: int, path: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A server that answers at this path; it ends with the block."""
    # MLflow looks for uvicorn by its name.
    path_of_programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "PATH": path_of_programs})
        try:
            _await(process, f"http://127.0.0.1:{port}{path}")
            yield process
        finally:
            process.terminate()
            process.wait()


def _await(process: "subprocess.Popen[bytes]", url: str) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        try:
            if requests.get(url, timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.2)
    raise RuntimeError(f"{process.args} does not answer at {url}")


def _percentile(printed: str, percent: int) -> float:
    ((value, unit),) = re.findall(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s)", printed, re.MULTILINE)
    return float(value) * UNITS[unit]
