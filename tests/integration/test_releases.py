"""What a change would move is said before anything runs; and a version goes to another project, and is judged there."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from typer.testing import CliRunner

from nightshift.cli.main import app
from nightshift.contracts import Dataset
from nightshift.errors import (
    MissingPartition,
    ModelError,
    NightshiftError,
    ParityFailed,
    UnsealedRecord,
    UsageError,
)
from nightshift.monitoring.matters.reference import load_reference, load_rows
from nightshift.partitions import shifted
from nightshift.releases.nights import NightCount
from nightshift.releases.scored_nights import INPUT, LEARNT, NOT_SAID
from nightshift.scoring.graph import OnnxGraph
from nightshift.settings import settings_of
from nightshift.spec import ModelSpec, load_spec
from nightshift.stack import Ports, Stack
from nightshift.steps._elsewhere import promote_elsewhere
from nightshift.steps._preview_training import ANOTHER, SAME
from nightshift.steps.ingest import ingest
from nightshift.steps.load import load
from nightshift.steps.predict import predict
from nightshift.steps.preview import Preview, preview
from nightshift.steps.promote import promote
from nightshift.steps.retrain import train_and_gate
from nightshift.steps.snapshot import snapshot
from nightshift.steps.validate import validate
from nightshift.steps.withdraw import withdraw
from nightshift.stores import Stores, layout
from nightshift.stores.registry import CHAMPION, FAILED, LOGIN
from tests.champions import seal_version
from tests.conftest import merged

pytestmark = pytest.mark.stack

AS_OF = "2024-01-12"
SCORED = ("2024-01-12", "2024-01-13", "2024-01-14")
LEARNT_FROM = "2024-01-10"
WAITS = "2024-01-15"
ROWS = 90


class World(NamedTuple):
    """A champion, three nights that it scored, one that it has learnt from and scored, and one that waits."""

    spec: ModelSpec
    stores: Stores

    def preview(self, spec: ModelSpec | None = None) -> Preview:
        return preview(spec or self.spec, self.stores)


@pytest.fixture(scope="module")
def world(
    make_project: Callable[..., Path], open_stores: Callable[..., Stores], tmp_path_factory: pytest.TempPathFactory
) -> World:
    folder = make_project(tmp_path_factory.mktemp("preview") / "project", gates={"slices": []})
    spec, stores = load_spec(folder / "model.yaml"), open_stores(folder.parents[1])
    before = preview(spec, stores)
    assert before.champion is None
    assert before.training.window.why_not == "the lake has no validated night"
    load(spec, "2024-01-02", AS_OF, stores)
    promote(spec, train_and_gate(spec, snapshot(spec, AS_OF, stores), stores), stores)
    predict(spec, LEARNT_FROM, stores, allow_future_model=True)
    for night in (*SCORED[1:], WAITS):
        ingest(spec, night, stores)
        validate(spec, night, stores)
    for night in SCORED:
        predict(spec, night, stores)
    return World(spec, stores)


def count(first: str, last: str, nights: int) -> NightCount:
    return NightCount(nights, nights * ROWS, first, last)


def scored_nights() -> NightCount:
    return count(SCORED[0], SCORED[-1], len(SCORED))


def test_nothing_changed_moves_nothing_and_nothing_is_written(world: World) -> None:
    before = {item.key: item.etag for item in world.stores.lake.objects.listing("")}
    seen = world.preview()
    assert seen.scoring is not None
    assert seen.changes == []
    assert seen.columns == {}
    assert seen.training.recipe == SAME
    assert "not worse than version 1 in log_loss" in seen.training.gate
    assert seen.scoring.because == {}
    assert seen.scoring.waiting == count(WAITS, WAITS, 1)
    assert seen.scoring.as_they_are == count(LEARNT_FROM, SCORED[-1], 4)
    assert not seen.needs_training
    assert {item.key: item.etag for item in world.stores.lake.objects.listing("")} == before


def test_what_is_said_of_a_night_is_what_comes_of_scoring_it_again(
    world: World, change: Callable[..., ModelSpec]
) -> None:
    """As it is: the very commit stays. Otherwise: another one."""
    key = world.spec.key(Dataset.PREDICTIONS, SCORED[0])
    stands = world.stores.lake.require(key)
    predict(world.spec, SCORED[0], world.stores)
    assert world.stores.lake.require(key).generation == stands.generation
    other = change(world.spec, predict={"threshold": 0.3})
    seen = world.preview(other)
    assert seen.scoring is not None
    assert seen.scoring.scored_again == scored_nights()
    assert seen.scoring.because == {"model.yaml": scored_nights()}
    assert seen.scoring.kept == {LEARNT: count(LEARNT_FROM, LEARNT_FROM, 1)}
    predict(other, SCORED[0], world.stores)
    assert world.stores.lake.require(key).digest != stands.digest
    after = world.preview(other)
    assert after.scoring is not None
    assert after.scoring.scored_again == count(SCORED[1], SCORED[-1], 2)
    predict(world.spec, SCORED[0], world.stores)


def test_a_changed_recipe_is_told_by_the_keys_that_make_it(world: World, change: Callable[..., ModelSpec]) -> None:
    parameters = {**world.spec.training.parameters, "max_iter": 40}
    seen = world.preview(
        change(
            world.spec,
            training={"parameters": parameters, "schedule": "0 4 * * 1"},
            gates={"at_least": {"roc_auc": 0.6}},
            columns={"weight": {"max": 99}},
        )
    )
    assert seen.training.recipe == ANOTHER
    assert seen.training.because == ["training.parameters.max_iter"]
    assert {each.key: (each.was, each.now, each.about) for each in seen.changes} == {
        "columns.weight.max": (None, 99.0, "checks of nights from now on"),
        "training.parameters.max_iter": (20, 40, "another recipe"),
        "training.schedule": (None, "0 4 * * 1", "when it is trained"),
        "gates.at_least.roc_auc": (None, 0.6, "what a challenger must show"),
    }
    assert "better than version 1" in seen.training.gate
    assert seen.training.starts == "by its schedule, 0 4 * * 1"
    assert seen.needs_training
    assert seen.cannot_score == ""


def test_a_champion_without_a_threshold_of_the_rule_is_compared_with_nobody(
    world: World, change: Callable[..., ModelSpec]
) -> None:
    seen = world.preview(change(world.spec, predict={"threshold": None, "share": 0.2}))
    assert seen.training.gate == ("its floors and the best constant: version 1 has no threshold for predict.share 0.2")


def test_another_feature_stops_scoring_and_every_night_is_brought_again(
    world: World, change: Callable[..., ModelSpec]
) -> None:
    fewer = world.spec.with_features(set(world.spec.features) - {"weight"})
    new = change(fewer, columns={"hour": {"type": "int16", "nullable": True, "optional": True}})
    seen = world.preview(new)
    assert seen.scoring is not None
    assert seen.training.because == ["columns.weight.feature", "columns.hour"]
    assert "knows nothing of hour" in seen.cannot_score
    assert "version 1 needs weight" in seen.training.gate
    window = seen.training.window
    assert window.brought_again == window.learns_from == window.joined_anew
    assert window.learns_from == count("2024-01-05", "2024-01-12", 8)
    assert seen.scoring.scored_again.nights == 0
    assert sum(nights.nights for nights in seen.scoring.kept.values()) == 4


def test_the_training_that_is_told_is_the_one_that_comes(world: World) -> None:
    seen = world.preview().training
    assert seen.window.as_of == WAITS
    frozen = snapshot(world.spec, WAITS, world.stores)
    told = seen.window
    assert (told.learns_from.nights, told.learns_from.rows) == (frozen.nights, frozen.rows)
    assert (told.learns_from.first, told.learns_from.last) == (frozen.first_night, frozen.last_night)
    assert told.not_there == len(frozen.missing)
    # The night that was labelled after the training before.
    assert told.joined_anew == count(AS_OF, AS_OF, 1)
    assert world.preview().training.window.joined_anew.nights == 0


@pytest.fixture
def restored(world: World) -> Iterator[World]:
    """The same; what a test has made of its scored nights is put back."""
    lake = world.stores.lake
    stood = [lake.require(world.spec.key(Dataset.PREDICTIONS, night)) for night in SCORED]
    yield world
    for manifest in stood:
        lake.objects.put_record(layout.manifest(manifest.key), manifest)


def test_other_rows_other_code_and_nights_of_before_are_told_apart(
    world: World, restored: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = restored.stores.lake
    said: dict[str, dict[str, object]] = {SCORED[1]: {"scored_by": None}, SCORED[2]: {"input": "0" * 64}}
    for night, changed in said.items():
        manifest = lake.require(world.spec.key(Dataset.PREDICTIONS, night))
        provenance = {**manifest.provenance, **changed}
        lake.objects.put_record(layout.manifest(manifest.key), manifest.model_copy(update={"provenance": provenance}))
    seen = world.preview()
    assert seen.scoring is not None
    assert seen.scoring.because == {
        NOT_SAID: count(SCORED[1], SCORED[1], 1),
        INPUT: count(SCORED[2], SCORED[2], 1),
    }
    monkeypatch.setattr("nightshift.scoring.shards.code_digest", lambda *_: "other code")
    monkeypatch.setattr("nightshift.steps._replay.code_digest", lambda *_: "other code")
    seen = world.preview()
    assert seen.scoring is not None
    assert seen.scoring.because["code"].nights == 2
    assert seen.training.computed_by["code"].startswith("commit ")
    assert seen.training.recipe == SAME


def test_the_verb_says_it_in_a_screen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(_: str) -> tuple[ModelSpec, Stores]:
        return world

    monkeypatch.setattr("nightshift.cli.preview.open_model", opened)
    text = CliRunner().invoke(app, ["preview", world.spec.name], catch_exceptions=False).output
    assert "against" in text
    assert "version 1, trained through 2024-01-11" in text
    assert f"1 night of {ROWS} rows, {WAITS}" in text
    assert text.splitlines()[-1].startswith("next: ")
    machine = CliRunner().invoke(app, ["preview", world.spec.name, "--json"], catch_exceptions=False).output
    assert '"recipe": "that of the champion"' in machine


class There(NamedTuple):
    """Another project, with a stack of its own."""

    project: Path
    stores: Stores

    def with_spec(self, spec: ModelSpec, **changes: Any) -> None:
        """Let model.yaml there be that of ``spec``, changed."""
        content = merged(spec.model_dump(mode="json", exclude_defaults=True), changes)
        file = self.project / "models" / spec.name / "model.yaml"
        file.write_text(yaml.safe_dump(content, sort_keys=False))


@pytest.fixture(scope="module")
def there(world: World, make_project: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    folder = make_project(tmp_path_factory.mktemp("there") / "project", name=world.spec.name, gates={"slices": []})
    project = folder.parents[1]
    other = Stack(home=project / ".nightshift", project=project, ports=Ports.free())
    with pytest.MonkeyPatch.context() as patch:
        for name in LOGIN:
            patch.setenv(name, os.environ[name])
        try:
            other.up(only=["s3", "mlflow"])
            yield There(project, Stores(settings_of(project), {"by": "tests"}))
        finally:
            other.down()


@pytest.fixture
def nothing_there(there: There) -> Iterator[There]:
    """The same before any version came, whatever came since."""
    objects = there.stores.lake.objects
    kept = {key: objects.get(key) for key in list(objects.keys(""))}
    for key in kept:
        objects.delete(key)
    yield There(there.project, Stores(there.stores.settings, {"by": "tests"}))
    for key in list(objects.keys("")):
        objects.delete(key)
    for key, stored in kept.items():
        assert stored
        objects.put(key, stored[0])


def entry_of(version: str, world: World) -> str:
    return layout.ledger_entry(layout.versions(world.spec.name, version), 1)


def not_judged(_: World, __: There) -> str:
    return "9"


def not_passed(world: World, _: There) -> str:
    seal_version(world.stores, world.spec.name, "8", gate=FAILED)
    return "8"


def not_sealed_for_it(world: World, _: There) -> str:
    """Another version's record, copied."""
    stored = world.stores.lake.objects.get(entry_of("1", world))
    assert stored
    world.stores.lake.objects.put(entry_of("7", world), stored[0])
    return "7"


def withdrawn(world: World, _: There) -> str:
    seal_version(world.stores, world.spec.name, "6")
    withdraw(world.spec, "6", world.stores, why="a test")
    return "6"


def of_before(world: World, _: There) -> str:
    seal_version(world.stores, world.spec.name, "5")
    return "5"


def damaged(world: World, _: There) -> str:
    record = world.stores.versions.record(world.spec.name, "1")
    assert record
    changed = record.model_copy(update={"version": "4", "replay_sha256": "0" * 64})
    world.stores.versions.write(changed)
    return "4"


def of_another_recipe(world: World, there: There) -> str:
    there.with_spec(world.spec, training={"parameters": {**world.spec.training.parameters, "max_iter": 30}})
    return "1"


def without_nights(_: World, __: There) -> str:
    return "1"


@pytest.mark.parametrize(
    ("spoil", "kind", "reason"),
    [
        (not_judged, ModelError, "has not passed its gate|has no version 9"),
        (not_passed, ModelError, "has not passed its gate"),
        (not_sealed_for_it, UnsealedRecord, "seal"),
        (withdrawn, ModelError, "is withdrawn"),
        (of_before, ModelError, "of an earlier version of Nightshift"),
        (damaged, MissingPartition, "is not there"),
        (of_another_recipe, ModelError, "another training.parameters.max_iter"),
        (without_nights, MissingPartition, "no labelled night"),
    ],
)
def test_what_is_unsealed_ungated_or_of_another_spec_goes_nowhere(
    world: World, nothing_there: There, spoil: Callable[[World, There], str], kind: type[NightshiftError], reason: str
) -> None:
    nothing_there.with_spec(world.spec)
    version = spoil(world, nothing_there)
    with pytest.raises(kind, match=reason):
        promote_elsewhere(world.spec, version, world.stores, nothing_there.stores)
    assert nothing_there.stores.versions.known(world.spec.name) == []
    assert nothing_there.stores.aliases.version(world.spec.name, CHAMPION) is None


def test_a_project_is_not_another_than_itself(world: World) -> None:
    with pytest.raises(UsageError, match="has the lake of this project"):
        promote_elsewhere(world.spec, "1", world.stores, world.stores)
    here = world.stores.settings
    other_spelling = here.model_copy(update={"lake": f"{here.lake}/", "endpoint": f"{here.endpoint}/"})
    with pytest.raises(UsageError, match="has the lake of this project"):
        promote_elsewhere(world.spec, "1", world.stores, Stores(other_spelling))


def worker_lost(*_: Any) -> None:
    raise InterruptedError


def numbers_and_runs(there: There, name: str) -> tuple[int, int]:
    """How many versions MLflow there has, and how many runs."""
    client = there.stores.registry.client
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        return 0, 0
    versions = client.search_model_versions(f"name='{name}'")
    runs = client.search_runs([experiment.experiment_id])
    return len(versions), len(runs)


def test_a_version_is_held_to_parity_and_floors_there_and_then_scores_there(
    world: World, nothing_there: There, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = nothing_there
    name = world.spec.name
    there.with_spec(world.spec)
    versions, runs = numbers_and_runs(there, name)
    load(load_spec(there.project / "models" / name / "model.yaml"), "2024-01-02", SCORED[-1], there.stores)
    score = OnnxGraph.score
    with monkeypatch.context() as patch:
        patch.setattr(OnnxGraph, "score", lambda graph, rows: score(graph, rows) * 0.99)
        with pytest.raises(ParityFailed):
            promote_elsewhere(world.spec, "1", world.stores, there.stores)

    there.with_spec(world.spec, gates={"min_nights": 9})
    with pytest.raises(ModelError, match="nothing there judges version 1"):
        promote_elsewhere(world.spec, "1", world.stores, there.stores)
    assert there.stores.versions.known(name) == []

    there.with_spec(world.spec, gates={"at_least": {"roc_auc": 0.999}, "min_nights": 4})
    with monkeypatch.context() as patch:
        patch.setattr("nightshift.steps._elsewhere.evaluate", worker_lost)
        with pytest.raises(InterruptedError):
            promote_elsewhere(world.spec, "1", world.stores, there.stores)
    refused = promote_elsewhere(world.spec, "1", world.stores, there.stores)
    assert not refused.promotion.moved
    assert numbers_and_runs(there, name) == (versions + 1, runs + 1)
    assert "misses its floor 0.999" in refused.promotion.reason
    assert "up to 2024-01-11 too, by which it was chosen there: 3 came after" in refused.promotion.reason
    assert there.stores.aliases.version(name, CHAMPION) is None

    there.with_spec(world.spec)
    came = promote_elsewhere(world.spec, "1", world.stores, there.stores)
    assert came.promotion.moved
    assert came.version == refused.version
    assert "by which it was chosen" not in came.promotion.reason
    move = there.stores.aliases.ledger(name).entries()[-1]
    assert move.alias == CHAMPION
    assert move.night == shifted(SCORED[-1], world.spec.label.delay_days)
    assert came.rows_compared > 3 * ROWS
    assert_is_the_same(world, there, came.version)

    there_spec = load_spec(there.project / "models" / name / "model.yaml")
    published = predict(there_spec, SCORED[-1], there.stores)
    key = world.spec.key(Dataset.PREDICTIONS, published.partition)
    here_rows, there_rows = (lake.read(lake.require(key)) for lake in (world.stores.lake, there.stores.lake))
    assert here_rows["score"].equals(there_rows["score"])
    assert preview(there_spec, there.stores).training.recipe == SAME


def assert_is_the_same(world: World, there: There, version: str) -> None:
    """Digest for digest, under the seal there; MLflow there has its run, and shows it."""
    name = world.spec.name
    here, record = world.stores.versions.record(name, "1"), there.stores.versions.record(name, version)
    assert here
    assert record
    digests = {field for field in type(record).model_fields if field.endswith(("sha256", "md5", "key"))}
    differing = {field for field in digests if getattr(here, field) != getattr(record, field)}
    assert differing == {"verdict_sha256"}
    assert (here.trained_through, here.twin_fitted_through) == (record.trained_through, record.twin_fitted_through)
    assert record.origin["came_from"] == f"{world.stores.lake.objects.uri}/versions/{name}/1/"
    lake = there.stores.lake
    reference = load_reference(record.pin, lake)
    assert reference
    assert load_rows(record.pin, reference, lake).num_rows > 0
    fresh = Stores(there.stores.settings)
    assert fresh.registry.alias(name, CHAMPION) == version
    artifacts = {file.path for file in fresh.registry.client.list_artifacts(record.run_id)}
    assert {"gate.json", "model_card.md", "plots", "onnx"} <= artifacts


def test_done_again_it_is_the_same_version_there(world: World, there: There, monkeypatch: pytest.MonkeyPatch) -> None:
    there.with_spec(world.spec)
    load(load_spec(there.project / "models" / world.spec.name / "model.yaml"), "2024-01-02", SCORED[-1], there.stores)
    first = promote_elsewhere(world.spec, "1", world.stores, there.stores)
    monkeypatch.setattr("nightshift.cli.versions.open_model", lambda _: world)
    arguments = ["promote", f"{world.spec.name}@1", "--to", str(there.project)]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "its graph is that of the champion" in done.output
    assert there.stores.versions.known(world.spec.name) == [first.version]
