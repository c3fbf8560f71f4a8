"""A model whose features are named like what is ours, with a column that says nothing yet and a category of tonight."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from nightshift.contracts import Dataset, NightReport
from nightshift.spec import ModelSpec, load_spec
from nightshift.steps.evaluate import evaluate
from nightshift.steps.explain import explain
from nightshift.steps.load import load
from nightshift.steps.monitor import monitor
from nightshift.steps.optimize import optimize
from nightshift.steps.predict import predict
from nightshift.steps.promote import promote
from nightshift.steps.snapshot import snapshot
from nightshift.steps.train import register, train
from nightshift.stores import Stores

pytestmark = pytest.mark.stack

LAST, NIGHT = "2024-01-12", "2024-01-13"
RENAMED = {"kind": "label", "amount": "statistic", "weight": "probabilities", "items": "threshold", "express": "ratio"}
SOURCE = """
_orders = orders


def orders(night):
    frame = _orders(night).rename(columns={renamed})
    # A column that was added last night, and is empty before; a town that opened tonight.
    frame["gap"] = np.where(night < dt.date(2024, 1, 13), np.nan, 1e6)
    if night == dt.date(2024, 1, 13):
        frame.loc[:6, "label"] = "a new town"
    return frame
"""


class World(NamedTuple):
    spec: ModelSpec
    stores: Stores
    report: NightReport
    promoted: bool


@pytest.fixture(scope="module")
def world(
    make_project: Callable[..., Path], open_stores: Callable[..., Stores], tmp_path_factory: pytest.TempPathFactory
) -> World:
    from tests.conftest import SMALL
    from tests.conftest import SOURCE as ORDERS

    columns = {RENAMED.get(name, name): rules for name, rules in SMALL["columns"].items()}
    columns["label"] = {"type": "string", "nullable": True, "values": ["book", "lamp", "shoe"], "closed": False}
    columns["gap"] = {"type": "float32", "nullable": True}
    folder = make_project(
        tmp_path_factory.mktemp("names"),
        source=ORDERS + SOURCE.format(renamed=RENAMED),
        drift={"features": ["statistic", "threshold", "ratio", "label"]},
        optimize={"variants": ["fp32_optimized"]},
    )
    path = folder / "model.yaml"
    spec = _with_columns(path, columns)
    stores = open_stores(folder.parents[1])
    load(spec, "2024-01-01", LAST, stores)
    trained = train(spec, snapshot(spec, LAST, stores), stores)
    verdict = evaluate(spec, optimize(spec, register(spec, trained, stores), stores), stores)
    promote(spec, verdict, stores)
    load(spec, NIGHT, NIGHT, stores)
    predict(spec, NIGHT, stores)
    return World(spec, stores, monitor(spec, NIGHT, stores), verdict.promote)


def _with_columns(path: Path, columns: dict[str, Any]) -> ModelSpec:
    import yaml

    content = yaml.safe_load(path.read_text())
    content["columns"] = columns
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return load_spec(path)


def test_it_is_trained_and_scores(world: World) -> None:
    assert world.promoted
    night = world.stores.lake.require(world.spec.key(Dataset.PREDICTIONS, NIGHT))
    assert night.rows == 90
    assert night.rows_quarantined == 0


def test_a_category_of_tonight_is_scored_and_counted(world: World) -> None:
    facts = explain(world.spec, NIGHT, world.stores)["predictions"]
    assert facts["unseen"] == {"label": 7}


def test_a_night_says_what_decided(world: World) -> None:
    facts = explain(world.spec, NIGHT, world.stores)["predictions"]
    file = world.stores.settings.models / world.spec.name / "model.yaml"
    assert facts["threshold"] == 0.5
    assert facts["model_yaml_sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()


def test_the_figures_of_a_night_are_its_own_in_mlflow(world: World) -> None:
    client = world.stores.registry.client
    experiment = client.get_experiment_by_name(f"{world.spec.name}.monitoring").experiment_id
    (run,) = client.search_runs([experiment])
    metrics = run.data.metrics
    assert metrics["drift.statistic"] == pytest.approx(world.report.statistic)
    assert metrics["drift.threshold"] == pytest.approx(world.report.threshold)
    assert {"drift.feature.statistic", "drift.feature.threshold", "drift.feature.ratio"} <= set(metrics)
