"""``serve.*``: what the options of the server by day cost, each beside the same server without it.

Asked by ``wrk`` in turns, a row a request. *Everything* is a token of ES256, the slowest that there is to try, rights,
and limits in memory. Kept answers are asked for again and again, which is the best that can happen to them. Rows wait
two milliseconds for each other.
"""

import json
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import jwt
import psutil
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from benchmarks.serve import CONNECTIONS, MAIN, ROUNDS, SECONDS, Asked, Target, lines, rows_of_a_night, sent, started
from benchmarks.world import MODEL, World
from nightshift.stack import Ports

CACHE_BYTES = "10000000"
BATCH_ROWS = "16"
ACCESS = """
format = 1

[jwt]
algorithms = ["ES256"]
audience = "nightshift"
issuer = "benchmark"
keys_file = "keys.json"

[[rights]]
roles = ["benchmark"]
models = ["*"]

[limits]
requests_per_second = 1000000
requests_per_minute = 10000000
rows_per_minute = 10000000
"""
NAMES = ("serve.p50_with_everything_ms", "serve.cache_vs_off", "serve.batching_vs_off")


@dataclass(frozen=True)
class Served(Target):
    """A server of ours, by its process."""

    pid: int = 0

    def cost(self, connections: int) -> "Cost":
        """What ``wrk`` saw, and what the process used meanwhile."""
        before = self._seconds()
        asked = self.asked(connections)
        return Cost(asked, 1e6 * (self._seconds() - before) / (asked.per_second * SECONDS))

    def _seconds(self) -> float:
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)


@dataclass(frozen=True)
class Cost:
    """``microseconds`` of the process's own, for a request: on a busy machine they say more than the clock."""

    asked: Asked
    microseconds: float


@dataclass(frozen=True)
class Options:
    """The same server four times: without any option, and with those of each name."""

    off: Served
    everything: Served
    cache: Served
    batching: Served


def figures(world: World) -> dict[str, float]:
    """Medians of the rounds' ratios, and of each server's own figures."""
    if shutil.which("wrk") is None:
        world.absent.update(dict.fromkeys(NAMES, "wrk is not installed"))
        return {}
    with tempfile.TemporaryDirectory(prefix="nightshift-options-") as folder, ExitStack() as running:
        options = _options(world, Path(folder), running)
        values = compared(options)
    world.console.print(", ".join(f"{name} {value:.3f}" for name, value in values.items()))
    return values


def compared(options: Options) -> dict[str, float]:
    """Each beside the one without, round by round: one connection for the time, many for the requests a second."""
    alone = [_costs(options, 1) for _ in range(ROUNDS)]
    many = [_costs(options, CONNECTIONS) for _ in range(ROUNDS)]
    values = {"serve.p50_with_everything_ms": median(costs["everything"].asked.p50 for costs in alone)}
    for name in alone[0]:
        values[f"serve.{name}_cpu_us"] = median(costs[name].microseconds for costs in many)
        if name != "off":
            slower = [costs[name].asked.p50 / costs["off"].asked.p50 for costs in alone]
            faster = [costs[name].asked.per_second / costs["off"].asked.per_second for costs in many]
            values |= {f"serve.{name}_p50_vs_off": median(slower), f"serve.{name}_vs_off": median(faster)}
    return values


def _costs(options: Options, connections: int) -> dict[str, Cost]:
    return {name: served.cost(connections) for name, served in vars(options).items()}


def _options(world: World, folder: Path, running: ExitStack) -> Options:
    pin = world.pin
    world.console.print(f"four servers of version {pin.version} ...")
    bodies = lines(folder / "rows", [{"rows": [row]} for row in sent(world, rows_of_a_night(world))])
    access, authorization = put_access(folder)
    ports = Ports.free()

    def served(port: int, *words: str) -> Served:
        serve = [sys.executable, "-c", MAIN, "serve", MODEL, "--port", str(port), *words]
        process = running.enter_context(started(serve, port, "/v2/health/ready"))
        return Served(f"http://127.0.0.1:{port}/score", bodies, pid=process.pid)

    guarded = served(ports.mlflow, "--access", str(access))
    return Options(
        off=served(ports.s3),
        everything=replace(guarded, authorization=authorization),
        cache=served(ports.airflow, "--cache-bytes", CACHE_BYTES),
        batching=served(Ports.free().s3, "--batch-rows", BATCH_ROWS),
    )


def put_access(folder: Path) -> tuple[Path, str]:
    """A file of rules with the keys beside it, and the header of a caller who may ask."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    (folder / "keys.json").write_text(json.dumps({"keys": [{**public, "kid": "a"}]}))
    file = folder / "access.toml"
    file.write_text(ACCESS)
    claims = {"sub": "wrk", "aud": "nightshift", "iss": "benchmark", "roles": ["benchmark"], "exp": time.time() + 3600}
    token = jwt.encode(claims, key, "ES256", {"kid": "a"})
    return file, f"Bearer {token}"
