"""A version whose recipe a search chose is previewed by that recipe, and goes to another project with its search."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from typer.testing import CliRunner

from nightshift.cli.main import app
from nightshift.contracts import Dataset
from nightshift.errors import ModelError
from nightshift.scoring.shards import SCORED_BY
from nightshift.spec import ModelSpec, load_spec
from nightshift.steps._elsewhere import promote_elsewhere
from nightshift.steps._preview_training import ANOTHER, SAME
from nightshift.steps.approve import approve
from nightshift.steps.load import load
from nightshift.steps.predict import predict
from nightshift.steps.preview import preview
from nightshift.steps.promote import promote
from nightshift.steps.reproduce import reproduce
from nightshift.steps.retrain import train_and_gate
from nightshift.steps.snapshot import snapshot
from nightshift.stores import Stores
from nightshift.stores.searches import read_search
from nightshift.stores.versions import VersionRecord
from tests.conftest import merged

pytestmark = pytest.mark.stack

AS_OF = "2024-01-17"
SCORED = "2024-01-19"
# Two stumps that hardly move, so that the network surely loses less.
WEAK = {"max_iter": 2, "learning_rate": 0.01, "max_leaf_nodes": 2}
NETWORK = {
    "trainer": "tabular_network",
    "parameters": {"hidden_layer_sizes": "12-6", "max_iter": 40, "batch_size": 64},
    "ranges": {"learning_rate_init": {"choices": [0.01, 0.02]}},
}
TAUGHT = {"weight": "items", "recency_half_life": 20, "calibration": "platt"}
COSTS = {"false_alarm": 1.0, "miss": 3.0}
RULE = "costs 1 to 3"


class Chosen(NamedTuple):
    """A champion that a search chose, which scored a night, and another lake with its nights."""

    spec: ModelSpec
    stores: Stores
    there: Stores

    @property
    def record(self) -> VersionRecord:
        record = self.stores.versions.record(self.spec.name, "1")
        assert record is not None
        return record


@pytest.fixture(scope="module")
def chosen(
    make_project: Callable[..., Path], open_stores: Callable[..., Stores], tmp_path_factory: pytest.TempPathFactory
) -> Chosen:
    pytest.importorskip("torch", reason="torch, of the extra [networks], is not installed")
    folder = make_project(
        tmp_path_factory.mktemp("searched") / "project",
        training={"window_days": 16, "parameters": WEAK, **TAUGHT},
        search={"candidates": [NETWORK], "trials": 2, "folds": 1},
        gates={"slices": []},
        optimize={"variants": []},
        predict={"costs": COSTS, "learn_threshold": True},
    )
    spec, stores = load_spec(folder / "model.yaml"), open_stores(folder.parents[1])
    load(spec, "2024-01-01", AS_OF, stores)
    verdict = train_and_gate(spec, snapshot(spec, AS_OF, stores), stores)
    promote(spec, verdict, stores)
    load(spec, "2024-01-18", SCORED, stores)
    predict(spec, SCORED, stores)
    place = tmp_path_factory.mktemp("elsewhere") / "project"
    there = open_stores(make_project(place, name=spec.name).parents[1])
    write(spec, there, gates={"approval": "always"})
    load(spec, "2024-01-13", "2024-01-21", there)
    return Chosen(spec, stores, there)


def write(spec: ModelSpec, there: Stores, **changes: object) -> ModelSpec:
    """Let model.yaml there be that of ``spec``, changed."""
    content = merged(spec.model_dump(mode="json", exclude_defaults=True), changes)
    file = there.settings.models / spec.name / "model.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    return load_spec(file)


def test_it_is_previewed_by_what_won_and_by_its_rule(
    chosen: Chosen, change: Callable[..., ModelSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    record = chosen.record
    searched = read_search(chosen.spec.name, record.search_sha256, chosen.stores)
    assert searched.trainer == "tabular_network"
    seen = preview(chosen.spec, chosen.stores)
    assert seen.training.recipe == SAME
    assert seen.changes == []
    assert seen.training.because == []
    assert seen.training.fits == 2 * (3 + 2 * 1)
    assert "the next training searches anew, 2 trials at most" in seen.training.search
    assert "trial" in seen.training.search
    assert seen.scoring is not None
    assert seen.scoring.as_they_are.nights == 1
    assert seen.scoring.scored_again.nights == 0
    manifest = chosen.stores.lake.require(chosen.spec.key(Dataset.PREDICTIONS, SCORED))
    assert SCORED_BY in manifest.provenance
    assert "seconds" in manifest.provenance
    other = change(chosen.spec, search={"candidates": [{**NETWORK, "parameters": {"max_iter": 10}}]})
    changed = preview(other, chosen.stores)
    assert changed.training.recipe == ANOTHER
    assert "training.parameters.max_iter" in changed.training.because
    assert {each.about for each in changed.changes if each.key == "search.candidates"} == {"the next training"}

    def opened(_: str) -> tuple[ModelSpec, Stores]:
        return chosen.spec, chosen.stores

    monkeypatch.setattr("nightshift.cli.preview.open_model", opened)
    text = CliRunner().invoke(app, ["preview", chosen.spec.name], catch_exceptions=False).output
    assert "searches anew" in text


def test_it_goes_elsewhere_with_its_search_and_stays_one_version_after_an_approval(chosen: Chosen) -> None:
    there = chosen.there
    name = chosen.spec.name
    write(chosen.spec, there, search={"candidates": [{"trainer": "logistic_regression"}]})
    with pytest.raises(ModelError, match=r"another training\.trainer"):
        promote_elsewhere(chosen.spec, "1", chosen.stores, there)
    write(chosen.spec, there, predict={"costs": {"false_alarm": 1.0, "miss": 9.0}})
    with pytest.raises(ModelError, match=r"no threshold for predict\.costs 1 to 9"):
        promote_elsewhere(chosen.spec, "1", chosen.stores, there)
    assert there.versions.known(name) == []

    asking = write(chosen.spec, there, gates={"approval": "always"})
    came = promote_elsewhere(chosen.spec, "1", chosen.stores, there)
    assert came.promotion.waits_for
    assert approve(asking, came.promotion.waits_for, there).champion == came.version
    record = there.versions.record(name, came.version)
    assert record is not None
    assert record.gate == "passed"
    assert record.search_sha256 == chosen.record.search_sha256
    assert (record.rule, record.threshold) == (RULE, chosen.record.threshold)
    assert record.origin["came_from"].endswith(f"/versions/{name}/1/")
    assert read_search(name, record.search_sha256, there).trainer == "tabular_network"

    again = promote_elsewhere(chosen.spec, "1", chosen.stores, there)
    assert again.version == came.version
    assert there.versions.known(name) == [came.version]
    assert reproduce(chosen.spec, "1", chosen.stores).searched in preview(asking, there).training.search
    here_rows = chosen.stores.lake.read(chosen.stores.lake.require(asking.key(Dataset.PREDICTIONS, SCORED)))
    predict(asking, SCORED, there)
    there_rows = there.lake.read(there.lake.require(asking.key(Dataset.PREDICTIONS, SCORED)))
    assert here_rows["score"].equals(there_rows["score"])
    assert here_rows["prediction"].equals(there_rows["prediction"])
