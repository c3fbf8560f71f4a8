"""A project with alerts, a webhook that it tells, and a lake in moto."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from nightshift.settings import Settings
from nightshift.stores import Stores
from tests import careless
from tests.receivers import Hook, hook

SEAL_KEY = "a key that is longer than thirty-two characters"
ALERTS = 'format = 1\n[channels.oncall]\nkind = "webhook"\n'


@pytest.fixture
def oncall() -> Iterator[Hook]:
    """Who is told."""
    with hook() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def store() -> Iterator[careless.S3]:
    """S3, which a test may let be away; each test has a prefix of its own."""
    with careless.s3() as server:
        yield server


@pytest.fixture(scope="module")
def clients(store: careless.S3, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, dict[str, Any]]:
    """Settings of S3, and what an ``Objects`` keeps of its clients, which take long to make."""
    found = store.settings(tmp_path_factory.mktemp("s3"))
    objects = Stores(found).lake.objects
    return found, {name: getattr(objects, name) for name in ("_client", "_single_try")}


@pytest.fixture
def world(
    tmp_path: Path,
    make_project: Callable[..., Path],
    oncall: Hook,
    store: careless.S3,
    clients: tuple[Settings, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., Stores]]:
    """``world(*models, **changes)``: stores of a project with such models; ``home`` may be another machine's."""
    root = tmp_path / "project"
    found, of_objects = clients
    lake = f"s3://lake/{uuid.uuid4().hex}"
    monkeypatch.setenv("NIGHTSHIFT_ALERT_ONCALL", oncall.url)

    def make(*models: str, home: str = "home", rows_from: dict[str, str] | None = None, **changes: Any) -> Stores:
        for model in models:
            file = make_project(root, name=model, **changes) / "model.yaml"
            if rows_from:
                content = yaml.safe_load(file.read_text())
                file.write_text(yaml.safe_dump({**content, "source": rows_from}, sort_keys=False))
        (root / "alerts.toml").write_text(ALERTS)
        mine = {"project": root, "home": tmp_path / home, "seal_key": SEAL_KEY, "lake": lake}
        stores = Stores(Settings.model_validate({**found.model_dump(), **mine}))
        vars(stores.lake.objects).update(of_objects)
        return stores

    yield make
    store.hand = careless.honest
