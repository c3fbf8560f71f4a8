"""``serve.failed_requests``: what callers notice of moves, of a server that is ended, and of one that is killed.

Two servers on a real lake behind nginx, by the file that Compose has. Steady senders, a row a request by POST. In the
ledger the champion moves 20 times between two versions; meanwhile one server is ended by SIGTERM and started anew, and
then the other by SIGKILL. A request failed if it had no answer, another status than 200, or a score that has not the
bits of the version whose digest it names.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import requests

from benchmarks.senders import Send, sending
from benchmarks.serve import MAIN, PATIENCE, rows_of_a_night
from benchmarks.serve_proxy import is_installed, proxied
from benchmarks.world import MODEL, World
from nightshift.contracts import Candidate
from nightshift.scoring.graph import OnnxGraph
from nightshift.stack import Ports
from nightshift.steps.optimize import optimize
from nightshift.steps.train import register, train
from nightshift.stores.aliases import AliasMove
from nightshift.stores.registry import CHAMPION, PASSED

MOVES = 20
ENDED_AT, KILLED_AT = 7, 14
"""The moves before which a server goes."""
HOSTS = ("127.0.0.1", "127.0.0.2")
OTHER_LEAVES = 7
SECONDS_BESIDE = 0.3
"""For how long both versions' champion stays, at least."""
GONE = 1.0
"""For how long a killed server stays away."""
OPTIONS = ("--interval", "0.2", "--drain", "2")


@dataclass
class Sent:
    """What senders saw: how many requests, by which digests, and what went wrong."""

    expected: dict[str, list[bytes]]
    score: str
    count: int = 0
    digests: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def saw(self, place: int, answer: requests.Response) -> None:
        """Hold an answer against the bits of the version that it names."""
        self.count += 1
        if answer.status_code != requests.codes.ok:
            self.faults.append(f"{answer.status_code}: {answer.text}")
            return
        body = answer.json()
        sha256 = body["sha256"]
        self.digests.add(sha256)
        (prediction,) = body["predictions"]
        given = np.float32(prediction[self.score]).tobytes()
        if answer.headers["nightshift-sha256"] != sha256 or given != self.expected[sha256][place]:
            self.faults.append(f"{body} is not the score of its digest")


def figures(world: World) -> dict[str, float]:
    """How many requests failed, of how many."""
    if not is_installed():
        world.absent["serve.failed_requests"] = "nginx is not installed"
        return {}
    versions = _versions(world)
    rows = rows_of_a_night(world)
    expected = {sha256: _bits(world, key, rows) for sha256, key in versions.values()}
    sent = Sent(expected, world.spec.predict.score)
    bodies = [json.dumps({"rows": [row]}) for row in rows.select(list(world.spec.features)).to_pylist()]
    with tempfile.TemporaryDirectory(prefix="nightshift-moves-") as folder, ExitStack() as running:
        ports = Ports.free()
        servers = [running.enter_context(_serving(host, ports.s3)) for host in HOSTS]
        url = running.enter_context(proxied(ports.airflow, ports.s3, HOSTS, Path(folder)))
        with sending(len(bodies), _asking(url, bodies, sent), sent.faults):
            _move(world, list(versions), servers)
    for fault in sent.faults[:5]:
        world.console.print(f"failed: {fault}")
    if len(sent.digests) != len(versions):
        raise RuntimeError(f"only {sent.digests} answered")
    return {"serve.failed_requests": float(len(sent.faults)), "serve.requests_over_moves": float(sent.count)}


def _versions(world: World) -> dict[str, tuple[str, str]]:
    """Digest and key of the champion's graph, and of another version's, which passed by a benchmark's word alone."""
    champion = world.pin
    parameters = {**world.spec.training.parameters, "max_leaf_nodes": OTHER_LEAVES}
    training = world.spec.training.model_copy(update={"parameters": parameters})
    spec = world.spec.model_copy(update={"training": training})
    trained = train(spec, world.snapshot, world.stores)
    other = optimize(spec, register(spec, trained, world.stores), world.stores)
    _vouch(world, other)
    graph = other.graph
    return {champion.version: (champion.sha256, champion.key), other.version: (graph.sha256, graph.key)}


def _vouch(world: World, other: Candidate) -> None:
    record = world.stores.versions.record(MODEL, world.pin.version)
    assert record is not None
    graph = other.graph
    own = {
        "version": other.version,
        "onnx_sha256": graph.sha256,
        "onnx_key": graph.key,
        "variant": graph.variant,
        "profile_sha256": graph.profile_sha256,
        "reference_sha256": graph.reference_sha256,
        "gate": PASSED,
        "reason": "a benchmark",
    }
    world.stores.versions.write(record.model_copy(update=own))


def _bits(world: World, key: str, rows: Any) -> list[bytes]:
    """The scores that a night would give, as bits."""
    stored = world.stores.lake.objects.get(key)
    assert stored is not None
    graph, _ = stored
    scores = OnnxGraph(world.spec, graph).score(rows)
    return [np.float32(score).tobytes() for score in scores.reshape(-1)]


def _asking(url: str, bodies: list[str], sent: Sent) -> Send:
    def send(session: requests.Session, place: int) -> None:
        sent.saw(place, session.post(f"{url}/score", bodies[place], timeout=PATIENCE))

    return send


def _move(world: World, versions: list[str], servers: "list[_Server]") -> None:
    """The champion to and fro; between two moves servers go and come."""
    for move in range(MOVES):
        if move == ENDED_AT:
            servers[0].end(signal.SIGTERM)
            servers[0].start()
        if move == KILLED_AT:
            servers[1].end(signal.SIGKILL)
            time.sleep(GONE)
            servers[1].start()
        version = versions[(move + 1) % 2]
        _append(world, version)
        for server in servers:
            server.until(lambda ready, version=version: ready.json()["version"] == version)
        time.sleep(SECONDS_BESIDE)


def _append(world: World, version: str) -> None:
    ledger = world.stores.aliases.ledger(MODEL)
    head = ledger.head()
    move = AliasMove(
        model=MODEL, alias=CHAMPION, before=head.version(CHAMPION), after=version, reason="a benchmark",
        origin={"by": "benchmarks"},
    )  # fmt: skip
    if not ledger.append(head, move):
        raise RuntimeError("somebody else moved the champion")


class _Server:
    """A process of ``nightshift serve`` at an address, which may end and be started again."""

    def __init__(self, host: str, port: int) -> None:
        self._ready = f"http://{host}:{port}/v2/health/ready"
        self._command = [sys.executable, "-c", MAIN, "serve", MODEL, "--host", host, "--port", str(port), *OPTIONS]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Until it is ready."""
        self._process = subprocess.Popen(
            self._command, env=dict(os.environ), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.until(lambda ready: ready.ok)

    def end(self, number: signal.Signals) -> None:
        """By this signal. Raises ``RuntimeError`` where a clean end was no clean one."""
        if self._process is None:
            return
        self._process.send_signal(number)
        code = self._process.wait(PATIENCE)
        self._process = None
        if number == signal.SIGTERM and code != 0:
            raise RuntimeError(f"it ended with {code}")

    def until(self, is_so: Callable[[requests.Response], bool]) -> None:
        """Wait for what its readiness says. Raises ``RuntimeError``."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                if is_so(requests.get(self._ready, timeout=5)):
                    return
            except requests.ConnectionError:
                pass
            time.sleep(0.05)
        raise RuntimeError(f"{self._ready} does not come about")


@contextmanager
def _serving(host: str, port: int) -> Iterator[_Server]:
    server = _Server(host, port)
    try:
        server.start()
        yield server
    finally:
        server.end(signal.SIGKILL)
