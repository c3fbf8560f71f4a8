"""``predict.share``: a training says from which score on, its version keeps it, and the night is published by it."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from nightshift.contracts import Dataset, NightReport, Verdict
from nightshift.errors import ModelError
from nightshift.spec import ModelSpec, load_spec
from nightshift.steps.check import unlike_champion
from nightshift.steps.evaluate import evaluate
from nightshift.steps.explain import explain
from nightshift.steps.load import load
from nightshift.steps.monitor import monitor
from nightshift.steps.optimize import optimize
from nightshift.steps.plan import plan
from nightshift.steps.predict import predict
from nightshift.steps.promote import promote
from nightshift.steps.snapshot import snapshot
from nightshift.steps.train import register, train
from nightshift.stores import Stores

pytestmark = pytest.mark.stack

LAST, NIGHT = "2024-01-12", "2024-01-13"
SHARE = 0.1


class World(NamedTuple):
    spec: ModelSpec
    stores: Stores
    before: Verdict
    verdict: Verdict
    warning: str
    refusal: str
    report: NightReport


def trained(spec: ModelSpec, stores: Stores) -> Verdict:
    model = train(spec, snapshot(spec, LAST, stores), stores)
    verdict = evaluate(spec, optimize(spec, register(spec, model, stores), stores), stores)
    promote(spec, verdict, stores)
    return verdict


@pytest.fixture(scope="module")
def world(
    make_project: Callable[..., Path], open_stores: Callable[..., Stores], tmp_path_factory: pytest.TempPathFactory
) -> World:
    folder = make_project(tmp_path_factory.mktemp("share"), optimize={"variants": ["fp32_optimized"]})
    stores = open_stores(folder.parents[1])
    spec = load_spec(folder / "model.yaml")
    load(spec, "2024-01-01", NIGHT, stores)
    before = trained(spec, stores)
    content = yaml.safe_load((folder / "model.yaml").read_text())
    content["predict"] = {"share": SHARE}
    (folder / "model.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    spec = load_spec(folder / "model.yaml")
    warning = unlike_champion(spec, stores)
    with pytest.raises(ModelError) as refusal:
        plan(spec, NIGHT, stores)
    verdict = trained(spec, stores)
    predict(spec, NIGHT, stores)
    return World(spec, stores, before, verdict, warning, str(refusal.value), monitor(spec, NIGHT, stores))


def test_a_champion_of_before_has_no_threshold_and_that_is_said(world: World) -> None:
    assert world.before.promote
    reason = f"has no threshold for predict.share {SHARE}: it was trained without one"
    assert reason in world.refusal
    assert f"{reason}: nothing scores until a training" in world.warning


def test_the_same_graph_is_promoted_for_its_threshold(world: World) -> None:
    assert world.verdict.promote
    assert world.verdict.candidate.graph.sha256 == world.before.candidate.graph.sha256
    [reason] = world.verdict.reasons
    assert reason.startswith(f"the first for predict.share {SHARE}, for which version")
    assert unlike_champion(world.spec, world.stores) == ""


def test_the_night_is_published_by_the_threshold_of_the_version(world: World) -> None:
    night = world.stores.lake.require(world.spec.key(Dataset.PREDICTIONS, NIGHT))
    table = world.stores.lake.read(night)
    threshold = world.verdict.candidate.trained.threshold
    facts = explain(world.spec, NIGHT, world.stores)["predictions"]
    assert (facts["threshold"], threshold is not None) == (threshold, True)
    flagged = [score >= threshold for score in table[world.spec.predict.score].to_pylist()]
    assert table[world.spec.predict.prediction].to_pylist() == flagged
    assert 0 < sum(flagged) < 0.4 * len(flagged)


def test_the_night_s_figures_are_of_that_threshold(world: World) -> None:
    report = world.stores.lake.objects.get(world.report.report_key)
    assert report is not None
    threshold = world.verdict.candidate.trained.threshold
    assert f"decides at {threshold}" in report[0].decode()
    run = world.stores.registry.client.get_run(world.verdict.candidate.trained.run_id)
    assert run.data.params["threshold"] == str(threshold)
    assert run.data.params["share"] == str(SHARE)
