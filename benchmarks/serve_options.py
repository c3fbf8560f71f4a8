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
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from benchmarks.serve import CONNECTIONS, MAIN, ROUNDS, Asked, Target, lines, sent, started
from benchmarks.world import AS_OF, MODEL, World
from nightshift.contracts import Dataset
from nightshift.stack import Ports

ROWS = 200
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
class Options:
    """The same server four times: without any option, and with those of each name."""

    off: Target
    access: Target
    cache: Target
    batching: Target


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
    alone = [(options.off.asked(1), options.access.asked(1), options.batching.asked(1)) for _ in range(ROUNDS)]
    many = [_asked(options) for _ in range(ROUNDS)]
    return {
        "serve.p50_with_everything_ms": median(access.p50 for _, access, _ in alone),
        "serve.p50_everything_vs_off": median(access.p50 / off.p50 for off, access, _ in alone),
        "serve.batching_alone_p50_ms": median(batching.p50 for _, _, batching in alone),
        "serve.everything_vs_off": _ratio(many, "access"),
        "serve.cache_vs_off": _ratio(many, "cache"),
        "serve.batching_vs_off": _ratio(many, "batching"),
    }


def _asked(options: Options) -> dict[str, Asked]:
    return {name: target.asked(CONNECTIONS) for name, target in vars(options).items()}


def _ratio(rounds: list[dict[str, Asked]], name: str) -> float:
    """Requests a second beside those without any option."""
    return median(seen[name].per_second / seen["off"].per_second for seen in rounds)


def _options(world: World, folder: Path, running: ExitStack) -> Options:
    pin = world.pin
    world.console.print(f"four servers of version {pin.version} ...")
    night = world.stores.lake.require(world.spec.key(Dataset.VALIDATED, AS_OF))
    rows = world.stores.lake.read(night).slice(0, ROWS)
    bodies = lines(folder / "rows", [{"rows": [row]} for row in sent(world, rows)])
    access, authorization = put_access(folder)
    ports = Ports.free()

    def target(port: int, *words: str) -> Target:
        serve = [sys.executable, "-c", MAIN, "serve", MODEL, "--port", str(port), *words]
        running.enter_context(started(serve, port, "/v2/health/ready"))
        return Target(f"http://127.0.0.1:{port}/score", bodies)

    guarded = target(ports.mlflow, "--access", str(access))
    return Options(
        off=target(ports.s3),
        access=replace(guarded, authorization=authorization),
        cache=target(ports.airflow, "--cache-bytes", CACHE_BYTES),
        batching=target(Ports.free().s3, "--batch-rows", BATCH_ROWS),
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
