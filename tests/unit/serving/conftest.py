"""Versions with real graphs, who stands among them, and a client of the application."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pytest
from starlette.testclient import TestClient

from nightshift.contracts import Pin
from nightshift.errors import NightshiftError
from nightshift.modelling.label_types import label_type
from nightshift.optimization.export import to_onnx
from nightshift.scoring.bits import bits_agree
from nightshift.scoring.graph import OnnxGraph
from nightshift.scoring.values import ValueFeeds
from nightshift.serving.access.rules import AccessRules
from nightshift.serving.options import ServeOptions
from nightshift.serving.routes import application
from nightshift.serving.stand import Stand
from nightshift.serving.version import ServedVersion
from nightshift.spec import ModelSpec

OPENED: dict[tuple[str, str, str], tuple[ServedVersion, pa.Table]] = {}
"""Nothing of them changes, and each takes half a second to fit."""


@dataclass
class KnownChampions:
    """Champions of a test: ``versions`` by their number, of whom ``champion`` is one, or an error."""

    versions: dict[str, ServedVersion | NightshiftError]
    champion: str | NightshiftError = "1"
    withdrawn: set[str] = field(default_factory=set)

    def resolve(self) -> Pin:
        if isinstance(self.champion, NightshiftError):
            raise self.champion
        version = self.versions[self.champion]
        if isinstance(version, ServedVersion):
            return version.pin
        return Pin("m", self.champion, "run", "ab", "key", "md5", "2024-01-01")

    def open(self, pin: Pin) -> ServedVersion:
        version = self.versions[pin.version]
        if isinstance(version, NightshiftError):
            raise version
        return version

    def is_withdrawn(self, version: str) -> bool:
        return version in self.withdrawn


@dataclass
class Site:
    """A server's application, a client of it, and the rows that a night would have."""

    spec: ModelSpec
    stand: Stand
    champions: KnownChampions
    client: TestClient
    table: pa.Table

    def rows(self, count: int, first: int = 0) -> list[dict[str, Any]]:
        """Rows as a caller sends them."""
        return self.table.select(list(self.spec.features)).slice(first, count).to_pylist()

    def tensors(self, count: int) -> list[dict[str, Any]]:
        """The same rows as the protocol has them."""
        declared = self.client.get(f"/v2/models/{self.spec.name}").json()["inputs"]
        columns = self.table.slice(0, count)
        return [
            {"name": each["name"], "datatype": each["datatype"], "shape": [count],
             "data": columns[each["name"]].to_pylist()}
            for each in declared
        ]  # fmt: skip

    def published(self, version: str = "1") -> dict[str, list[Any]]:
        """What a night would publish of all rows, in one call."""
        served = self.champions.versions[version]
        assert isinstance(served, ServedVersion)
        label = label_type(served.spec)
        scores = served.graph.score(self.table)
        columns = zip(label.published_fields(), label.published_columns(scores), strict=True)
        return {column.name: values.to_pylist() for column, values in columns}


@pytest.fixture
def served(fitted: Callable[..., Any]) -> Callable[..., tuple[ServedVersion, pa.Table]]:
    """``served("binary", number="2")``: a version, opened, and the rows of its holdout."""

    def make(kind: str, trainer: str = "hist_gradient_boosting", number: str = "1") -> tuple[ServedVersion, pa.Table]:
        if (kind, trainer, number) not in OPENED:
            OPENED[kind, trainer, number] = opened(kind, trainer, number)
        return OPENED[kind, trainer, number]

    def opened(kind: str, trainer: str, number: str) -> tuple[ServedVersion, pa.Table]:
        made = fitted(kind, trainer)
        body = to_onnx(made.spec, made.pipeline)
        graph = OnnxGraph(made.spec, body)
        sha256 = hashlib.sha256(body).hexdigest()
        pin = Pin(made.spec.name, number, f"run-{number}", sha256, "key", "5f.dir", "2024-01-10")
        rows = made.rows.holdout.table
        version = ServedVersion(
            made.spec,
            pin,
            graph,
            ValueFeeds(made.spec, graph.feeds),
            label_type(made.spec),
            bits_agree(graph, rows, sizes=(1, 2, 3)),
        )
        return version, rows

    return make


@pytest.fixture
def site(served: Callable[..., Any]) -> Callable[..., Site]:
    """``site("binary", max_rows=10)``: an application that answers by version 1."""

    def make(kind: str = "binary", trainer: str = "hist_gradient_boosting", **options: Any) -> Site:
        version, rows = served(kind, trainer)
        champions = KnownChampions({"1": version})
        stand = Stand(version.spec.name, champions)
        stand.begin()
        client = TestClient(application(stand, ServeOptions(**options)), raise_server_exceptions=True)
        return Site(version.spec, stand, champions, client, rows)

    return make


def limited(trusted: tuple[str, ...] = (), **limits: Any) -> AccessRules:
    """Rules for callers without tokens."""
    return AccessRules.model_validate({"format": 1, "limits": limits, "trusted_proxies": trusted})
