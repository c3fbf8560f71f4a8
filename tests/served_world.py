"""A published night with two sealed versions in a real lake, and ``nightshift serve`` as processes beside it."""

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
import pyarrow as pa

from nightshift.contracts import Dataset
from nightshift.modelling.folds import folds_of
from nightshift.modelling.holdout import Split, split
from nightshift.monitoring.matters.build import JudgedWindow
from nightshift.monitoring.matters.build import build as build_reference
from nightshift.optimization.export import to_onnx
from nightshift.profiles.profile import Profile
from nightshift.scoring.graph import OnnxGraph
from nightshift.serving.grpc_messages import SERVICE, message
from nightshift.spec import ModelSpec
from nightshift.stack.ports import Ports
from nightshift.steps.optimize import _profile
from nightshift.steps.predict import predict
from nightshift.stores import Stores, layout
from nightshift.training import recipe
from tests.canary_world import put_rows
from tests.champions import register_version, seal_version, set_champion

NIGHT = "2024-01-15"
TRAINED_THROUGH = "2024-01-10"
LEAVES = {"1": 6, "2": 3}
PATIENCE = 60.0
MAIN = "from nightshift.cli.main import main; main()"
ACCESS = """
format = 1
open = ["docs"]

[jwt]
algorithms = ["HS256"]
audience = "nightshift"
secret_env = "TOKEN_SECRET"

[[rights]]
callers = ["portal"]
models = ["MODEL"]

[limits]
requests_per_minute = 4
"""
"""Rules of ``--access``: one caller may score, whoever comes may see the docs, and each may ask four times a minute."""


@dataclass
class ServedWorld:
    """Two versions with graphs of their own, and the published night of version 1; ``scores`` has both's."""

    spec: ModelSpec
    stores: Stores
    rows: list[dict[str, Any]]
    published: pa.Table
    digests: dict[str, str] = field(default_factory=dict)
    scores: dict[str, list[float]] = field(default_factory=dict)


def served_world(spec: ModelSpec, stores: Stores, small_rows: Callable[..., pa.Table]) -> ServedWorld:
    """Train both versions, make version 1 champion, and publish ``NIGHT``."""
    rows = split(spec, small_rows(spec))
    night = small_rows(spec, NIGHT, 1).drop_columns([spec.partition.column, spec.label.column])
    put_rows(spec, stores, Dataset.VALIDATED, NIGHT, night)
    stores.registry.client.create_registered_model(spec.name)
    table = stores.lake.read(stores.lake.require(spec.key(Dataset.VALIDATED, NIGHT)))
    world = ServedWorld(spec, stores, table.select(list(spec.columns)).to_pylist(), pa.table({}))
    for version, leaves in LEAVES.items():
        parameters = {**spec.training.parameters, "max_leaf_nodes": leaves}
        training = spec.training.model_copy(update={"parameters": parameters})
        graph = _register(world, version, recipe.fit(spec.model_copy(update={"training": training}), rows.train), rows)
        world.scores[version] = graph.score(table).tolist()
    set_champion(stores, spec.name, "1")
    predict(spec, NIGHT, stores)
    world.published = stores.lake.read(stores.lake.require(spec.key(Dataset.PREDICTIONS, NIGHT)))
    return world


def _register(world: ServedWorld, version: str, pipeline: Any, rows: Split) -> OnnxGraph:
    """A version that passed its gate, with its graph, its profile and rows of its window in the lake."""
    spec, objects = world.spec, world.stores.lake.objects
    body = to_onnx(spec, pipeline)
    graph = OnnxGraph(spec, body)
    sha256 = hashlib.sha256(body).hexdigest()
    (fold,) = folds_of(spec, rows)[-1:]
    profile = _profile(spec, rows, [fold], [graph])
    profile_sha256 = hashlib.sha256(profile).hexdigest()
    judged = JudgedWindow(fold.judged, graph.score(fold.judged.table), graph, fold.judged)
    reference = build_reference(spec, Profile.from_json(profile, "here"), rows.all_rows, judged, graph)
    objects.put(layout.reference_rows(spec.name, sha256, reference.rows_sha256), reference.rows)
    objects.put(layout.reference(spec.name, sha256, reference.sha256), reference.record)
    objects.put(layout.graph(spec.name, sha256), body)
    objects.put(layout.profile(spec.name, sha256, profile_sha256), profile)
    register_version(world.stores, spec.name)
    seal_version(
        world.stores, spec.name, version, onnx_sha256=sha256, onnx_key=layout.graph(spec.name, sha256),
        profile_sha256=profile_sha256, reference_sha256=reference.sha256, trained_through=TRAINED_THROUGH,
    )  # fmt: skip
    world.digests[version] = sha256
    return graph


class Server:
    """A process of ``nightshift serve``. What it says goes to files: of a pipe that nobody reads it would wait."""

    def __init__(self, world: ServedWorld, *words: str, model: str | None = None) -> None:
        settings = world.stores.settings
        env = {
            **os.environ, "NIGHTSHIFT_PROJECT": str(settings.project), "NIGHTSHIFT_HOME": str(settings.home),
            "NIGHTSHIFT_LAKE": settings.lake, "NIGHTSHIFT_DVC_REMOTE": settings.dvc_remote, "COLUMNS": "300",
        }  # fmt: skip
        command = [sys.executable, "-c", MAIN, "serve", model or world.spec.name, *words]
        folder = Path(tempfile.mkdtemp(dir=settings.project))
        self._said = {name: folder / name for name in ("out", "err")}
        with self._said["out"].open("w") as out, self._said["err"].open("w") as err:
            self.process = subprocess.Popen(command, env=env, stdout=out, stderr=err)

    def ended(self) -> tuple[int, str, str]:
        """Its exit code, output and errors, once it has ended."""
        code = self.process.wait(PATIENCE)
        return code, self._said["out"].read_text(), self._said["err"].read_text()

    def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for what shall come about while it runs."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            assert self.process.poll() is None, self.ended()
            try:
                if is_so():
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        raise AssertionError("it did not come about")


@contextmanager
def serving(world: ServedWorld, *options: str) -> Iterator[tuple[str, Server]]:
    """The address of a server that answers, and the server; it ends with the block."""
    port = Ports.free().s3
    server = Server(world, "--port", str(port), "--interval", "0.2", *options)
    try:
        url = f"http://127.0.0.1:{port}"
        server.until(lambda: httpx.get(f"{url}/v2/health/ready").status_code == 200)
        yield url, server
    finally:
        if server.process.poll() is None:
            server.process.kill()
        server.process.wait()


def answers_by(url: str, version: str) -> bool:
    """Whether a server says that this version answers there."""
    return bool(httpx.get(f"{url}/v2/health/ready").json()["version"] == version)


def float_bits(values: Any) -> list[bytes]:
    """Of each, as a float32."""
    return [np.float32(value).tobytes() for value in values]


def as_sent(row: dict[str, Any], spec: ModelSpec) -> dict[str, Any]:
    """A row of the night with what a caller sends of it."""
    return {name: row[name] for name in (*spec.keys, *spec.features)}


def whole_rows(world: ServedWorld) -> list[int]:
    """Those without a missing value, but for floats: gRPC has NaN and no null."""
    spec = world.spec
    floats = {name for name in spec.features if spec.columns[name].type in {"float32", "float64"}}
    return [
        place
        for place, row in enumerate(world.rows)
        if not any(row[name] is None for name in spec.features if name not in floats)
    ]


def tensors_of(world: ServedWorld, url: str, places: list[int]) -> list[dict[str, Any]]:
    """These rows as the server says that it wants them."""
    declared = httpx.get(f"{url}/v2/models/{world.spec.name}").json()["inputs"]
    return [
        {**tensor, "shape": [len(places)], "data": [world.rows[place][tensor["name"]] for place in places]}
        for tensor in declared
    ]


def inferred_by_grpc(port: int, asked: Any) -> Any:
    """What the server answers to a ``ModelInferRequest``."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        infer = channel.unary_unary(
            f"/{SERVICE}/ModelInfer",
            message("ModelInferRequest").SerializeToString,
            message("ModelInferResponse").FromString,
        )
        return infer(asked, timeout=PATIENCE)
