"""What tests share: the real services, stores of a test's own, and a small model that every step runs fast on.

Nothing here starts a service unless a test asks for ``stack`` or ``stores``.
"""

import importlib.util
import os
import uuid
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import hypothesis
import pyarrow as pa
import pytest
import yaml

from nightshift.concurrency import let_openmp_threads_sleep
from nightshift.project import PROJECT_FILE
from nightshift.settings import Settings, load_settings, settings
from nightshift.spec import Column, ModelSpec, load_spec
from nightshift.stores import Stores
from nightshift.stores.parquet import conform, schema_of

# Tests run side by side, and some import scikit-learn before any training starts.
let_openmp_threads_sleep()
# How long an example takes is the machine's affair, and no property of what is tried.
hypothesis.settings.register_profile("nightshift", deadline=None)
hypothesis.settings.load_profile("nightshift")
REPOSITORY = Path(__file__).parents[1]
MLFLOW = "MLFLOW_TRACKING_URI"
ITS_ADDRESS = pytest.StashKey[str]()
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GX_ANALYTICS_ENABLED": "false",
    "ORT_DISABLE_TELEMETRY": "1",
}

# Strings, floats with nulls, whole numbers, a boolean, and a label that comes a day late.
SMALL: dict[str, Any] = {
    "description": "Will an order come back late?",
    "owner": "tests",
    "source": {"python": "source.py"},
    "partition": {"column": "day", "timezone": "UTC", "start": "2024-01-01"},
    "keys": ["site", "number"],
    "night": {"min_rows": 20, "max_rows": 500},
    "columns": {
        "site": {"type": "string", "values": ["east", "north", "south"]},
        "number": {"type": "int32", "min": 1, "max": 99999, "feature": False},
        "kind": {"type": "string", "nullable": True, "max_null_share": 0.5, "pattern": "^[a-z]+$"},
        "amount": {"type": "float32", "nullable": True, "max_null_share": 0.5, "min": 0, "max": 1000},
        "weight": {"type": "float64", "min": 0},
        "items": {"type": "int16", "min": 1, "max": 50},
        "express": {"type": "bool"},
    },
    "label": {"column": "late", "delay_days": 1},
    "training": {
        "window_days": 10,
        "holdout_days": 3,
        "trainer": "hist_gradient_boosting",
        "parameters": {"max_iter": 20, "learning_rate": 0.2, "max_leaf_nodes": 6, "min_samples_leaf": 10},
        "seed": 7,
    },
    # Three nights are few: a test that is about the least number of them says so.
    "gates": {
        "resamples": 200,
        "min_nights": 2,
        "slices": ["site"],
        "slice_allowance": 0.2,
        "slice_min_rows": 20,
        "slice_min_nights": 2,
    },
    # One layout besides fp32, and several times as fast: the choice is the same in every run.
    "optimize": {"variants": ["codes"]},
    "drift": {"features": ["kind", "amount", "items"]},
}

SOURCE = '''"""Orders, made up: a night's rows depend on its date alone."""

import datetime as dt

import numpy as np
import pandas as pd

ROWS = 90
FIRST, HOLIDAY = dt.date(2024, 1, 1), dt.date(2024, 2, 29)


def orders(night):
    rng = np.random.default_rng(night.toordinal())
    rows = 0 if night < FIRST or night == HOLIDAY else ROWS
    frame = pd.DataFrame({
        "site": rng.choice(["north", "south", "east"], rows),
        "number": np.arange(1, rows + 1, dtype="int32"),
        "kind": pd.Series(rng.choice(["book", "shoe", "lamp", None], rows), dtype="str"),
        "amount": np.where(rng.random(rows) < 0.1, np.nan, rng.gamma(2.0, 40.0, rows).clip(0, 999)),
        "weight": rng.gamma(2.0, 1.5, rows),
        "items": rng.integers(1, 13, rows).astype("int16"),
        "express": rng.random(rows) < 0.3,
    })
    odds = -1.0 + 1.8 * (frame["kind"] == "shoe") + 0.25 * (frame["items"] - 6) - 1.5 * frame["express"]
    odds += np.where(frame["amount"].isna(), 1.0, frame["amount"] / 100 - 0.8)
    frame["late"] = (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype("float32")
    frame.loc[frame.index % 30 == 29, "late"] = np.nan
    return frame


def features(night):
    return orders(night).drop(columns="late")


def labels(night):
    return orders(night)[["site", "number", "late"]]
'''


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """``changes`` over ``base``, section by section; ``parameters`` and single values are replaced."""
    result = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict) and key != "parameters"
        result[key] = merged(result[key], value) if both else value
    return result


@pytest.fixture(scope="session")
def repository() -> Path:
    """The project's own root."""
    return REPOSITORY


@pytest.fixture(scope="session")
def change() -> Callable[..., ModelSpec]:
    """``change(spec, training={"seed": 8})``: the spec with some keys replaced, checked again."""
    return lambda spec, **changes: ModelSpec.model_validate(merged(spec.model_dump(mode="json"), changes))


@pytest.fixture(scope="session")
def make_project() -> Callable[..., Path]:
    """``make_project(folder, **changes)``: a project with one small model; the folder of the model."""

    def make(root: Path, *, name: str | None = None, source: str = SOURCE, **changes: Any) -> Path:
        name = name or f"orders_{uuid.uuid4().hex[:8]}"
        folder = root / "models" / name
        folder.mkdir(parents=True)
        (root / PROJECT_FILE).write_text("format = 1\n")
        (folder / "source.py").write_text(source)
        (folder / "model.yaml").write_text(yaml.safe_dump(merged({"name": name, **SMALL}, changes), sort_keys=False))
        return folder

    return make


@pytest.fixture
def model_folder(tmp_path: Path, make_project: Callable[..., Path]) -> Path:
    """``models/<name>/`` of a project of this test's own: model.yaml and source.py."""
    return make_project(tmp_path / "project")


@pytest.fixture
def project(model_folder: Path) -> Path:
    """The root of a project of this test's own."""
    return model_folder.parents[1]


@pytest.fixture
def spec(model_folder: Path) -> ModelSpec:
    """A small model with a name of its own, so that tests do not meet in the registry."""
    return load_spec(model_folder / "model.yaml")


@pytest.fixture
def spoil(model_folder: Path) -> Callable[[str], None]:
    """Let the source do something else to its rows from now on."""
    from nightshift.sources.functions import _beside

    def do(statement: str) -> None:
        file = model_folder / "source.py"
        text = file.read_text().split("# spoilt")[0]
        body = f"    frame = _good(night)\n    {statement}\n    return frame\n"
        file.write_text(f"{text}# spoilt\n_good = orders\ndef orders(night):\n{body}")
        _beside.cache_clear()

    return do


@pytest.fixture(scope="session")
def small_rows() -> Callable[..., pa.Table]:
    """``small_rows(spec, first, nights)``: labelled rows of a small model as a snapshot has them; no services."""
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("small_source", loader=None))  # type: ignore[arg-type]
    exec(SOURCE, module.__dict__)

    def make(spec: ModelSpec, first: str = "2024-01-01", nights: int = 10) -> pa.Table:
        schema = schema_of({**spec.columns, spec.label.column: Column(type="float32", nullable=True)})
        parts = []
        for night in (date.fromisoformat(first) + timedelta(days) for days in range(nights)):
            rows = conform(module.orders(night), schema, "test").sort_by([(key, "ascending") for key in spec.keys])
            parts.append(rows.append_column(spec.partition.column, pa.repeat(night.isoformat(), rows.num_rows)))
        return pa.concat_tables(parts).combine_chunks()

    return make


@pytest.fixture(scope="module", autouse=True)
def mlflow_is_the_stack_s(pytestconfig: pytest.Config) -> Iterator[None]:
    """MLflow writes the address it was last given into the environment: what a file gave it, the next must not meet."""
    yield
    if address := pytestconfig.stash.get(ITS_ADDRESS, None):
        os.environ[MLFLOW] = address


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Any]:
    """Real SeaweedFS and MLflow, once per test run; the environment points at them."""
    from nightshift.stack import Ports, Stack

    home = tmp_path_factory.mktemp("stack") / "home"
    running = Stack(home=home, project=REPOSITORY, ports=Ports.free())
    with pytest.MonkeyPatch.context() as patch:
        try:
            running.up(only=["s3", "mlflow"])
            for name, value in {**QUIET, **running.env()}.items():
                patch.setenv(name, value)
            pytestconfig.stash[ITS_ADDRESS] = running.env()[MLFLOW]
            settings.cache_clear()
            yield running
        finally:
            settings.cache_clear()
            running.down()


@pytest.fixture(scope="session")
def open_stores(stack: Any) -> Callable[[Path], Stores]:
    """``open_stores(project)``: stores in the real services, under prefixes that nobody else uses."""

    def make(project: Path, **changes: Any) -> Stores:
        mine = uuid.uuid4().hex[:12]
        found = load_settings().model_dump()
        found |= {"project": project, "home": project / ".nightshift"}
        found |= {"lake": f"s3://lake/{mine}", "dvc_remote": f"s3://dvc/{mine}", **changes}
        return Stores(Settings.model_validate(found), {"by": "tests"})

    return make


@pytest.fixture
def stores(open_stores: Callable[[Path], Stores], project: Path) -> Stores:
    """Stores of this test's own, over the project of ``spec``."""
    return open_stores(project)
