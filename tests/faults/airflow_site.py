"""A whole stack with Airflow over a small project of its own, whose source is corrected now and then."""

import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any, Self
from unittest import mock

import yaml

from nightshift.demo.airflow_api import AirflowApi
from nightshift.project import PROJECT_FILE
from nightshift.settings import Settings, settings
from nightshift.spec import ModelSpec, load_spec
from nightshift.stack import Ports, Stack, airflow_services
from nightshift.steps.load import load
from nightshift.steps.promote import promote
from nightshift.steps.retrain import train_and_gate
from nightshift.steps.snapshot import snapshot
from nightshift.stores import Stores
from tests.conftest import QUIET, SMALL, SOURCE
from tests.scripts import load_script

ROOT = Path(__file__).parents[2]
MODEL = "orders"
HISTORY = ("2024-01-01", "2024-01-11")
AS_OF = "2024-01-12"
# Seconds without a sign of life after which Airflow takes a task for dead; 120 in the embedded stack.
HEARTBEAT = 12
SHORT = {
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": str(HEARTBEAT),
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
    "WORKERS__MIN_HEARTBEAT_INTERVAL": "2",
}
EDITION = """
from pathlib import Path

def edition(night):
    file = Path(__file__).with_name("editions") / night.isoformat()
    return int(file.read_text()) if file.exists() else 0

"""


class AirflowSite:
    """Services, a champion, and nights to be corrected. Everything is gone at the end."""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            root = Path(tempfile.mkdtemp(prefix="nightshift-chaos-"))
            stack.callback(shutil.rmtree, root, ignore_errors=True)
            self.folder = _project(root)
            self.stack = Stack(home=root / "home", project=root, ports=Ports.free())
            self.spec: ModelSpec = load_spec(self.folder / "model.yaml")
            stack.enter_context(mock.patch.dict(os.environ, {**QUIET, **self.stack.env()}))
            stack.callback(settings.cache_clear)
            stack.callback(self.stack.down)
            stack.enter_context(mock.patch.object(airflow_services, "_short_waits", _shorter_waits))
            self._start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self) -> None:
        self.stack.up(only=["s3", "mlflow"])
        settings.cache_clear()
        self.stores = Stores(_settings(self.stack), {"by": "faults"})
        load(self.spec, *HISTORY, self.stores)
        verdict = train_and_gate(self.spec, snapshot(self.spec, AS_OF, self.stores), self.stores)
        assert promote(self.spec, verdict, self.stores).moved
        self.stack.up()
        env = self.stack.env()
        user, password = env["NIGHTSHIFT_AIRFLOW_USER"], env["NIGHTSHIFT_AIRFLOW_PASSWORD"]
        self.api = AirflowApi(env["NIGHTSHIFT_AIRFLOW_URL"], user, password, MODEL)
        self.api.log_in()

    def correct(self, night: str, edition: int) -> None:
        """The source's rows of a night are others from now on."""
        fresh = self.folder / "editions" / f"{night}.new"
        fresh.write_text(str(edition))
        fresh.rename(fresh.with_suffix(""))

    def source(self) -> ModuleType:
        """The source as it is now."""
        return load_script(self.folder / "source.py")


def _project(root: Path) -> Path:
    """A project with one model; an edition of a night has other rows."""
    folder = root / "models" / MODEL
    (folder / "editions").mkdir(parents=True)
    (root / PROJECT_FILE).write_text("format = 1\n")
    (folder / "model.yaml").write_text(yaml.safe_dump({"name": MODEL, **SMALL, "predict": {"shard_rows": 1}}))
    source = SOURCE.replace("default_rng(night.toordinal())", "default_rng([night.toordinal(), edition(night)])")
    (folder / "source.py").write_text(source.replace("ROWS = 90\n", f"ROWS = 400\n{EDITION}"))
    for name in ("dags", "plugins"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def _settings(stack: Stack) -> Settings:
    values: dict[str, Any] = stack.env()
    known = {str(f.alias): values[str(f.alias)] for f in Settings.model_fields.values() if str(f.alias) in values}
    return Settings.model_validate({**known, "project": stack.project, "home": stack.home})


def _shorter_waits(usual: Any = airflow_services._short_waits) -> dict[str, str]:
    waits: dict[str, str] = usual()
    return waits | SHORT
