"""A version is trained again to the same bytes, whatever MLflow says of it; and what differs is said."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

from nightshift.contracts import Verdict
from nightshift.errors import MissingPartition, ModelError, NotReproduced, UnreadableRecord
from nightshift.spec import ModelSpec, load_spec
from nightshift.steps import reproduce as step
from nightshift.steps.explain import explain
from nightshift.steps.ingest import ingest
from nightshift.steps.load import load
from nightshift.steps.monitor import monitor
from nightshift.steps.predict import predict
from nightshift.steps.promote import promote
from nightshift.steps.reproduce import reproduce
from nightshift.steps.retrain import train_and_gate
from nightshift.steps.snapshot import snapshot
from nightshift.steps.validate import validate
from nightshift.stores import Stores, layout
from nightshift.stores.objects import JSON
from nightshift.stores.versions import VersionRecord
from tests.conftest import SOURCE

pytestmark = pytest.mark.stack

AS_OF = "2024-01-12"
COMES_BACK = "2024-01-15"
# A sensor that was dead on all nights of the window, and lives again later.
DEAD_SENSOR = (
    "\n_alive = orders\ndef orders(night):\n    frame = _alive(night)\n    if night < dt.date(2024, 1, 15):\n"
    '        frame["amount"] = np.nan\n    return frame\n'
)


class Trained(NamedTuple):
    """A version that a gate has judged, and its record."""

    spec: ModelSpec
    stores: Stores
    verdict: Verdict
    record: VersionRecord


@pytest.fixture(scope="module")
def trained(
    make_project: Callable[..., Path], open_stores: Callable[..., Stores], tmp_path_factory: pytest.TempPathFactory
) -> Trained:
    project = tmp_path_factory.mktemp("again") / "project"
    amount = {"max_null_share": None}
    folder = make_project(project, source=SOURCE + DEAD_SENSOR, gates={"slices": []}, columns={"amount": amount})
    spec, stores = load_spec(folder / "model.yaml"), open_stores(folder.parents[1])
    load(spec, "2024-01-02", AS_OF, stores)
    verdict = train_and_gate(spec, snapshot(spec, AS_OF, stores), stores)
    promote(spec, verdict, stores)
    record = stores.versions.record(spec.name, verdict.candidate.version)
    assert record is not None
    return Trained(spec, stores, verdict, record)


def test_a_version_is_trained_again_to_the_same_bytes_on_a_machine_that_has_nothing(
    trained: Trained, open_stores: Callable[..., Stores], tmp_path: Path, change: Callable[..., ModelSpec]
) -> None:
    """Its variant is another graph; model.yaml has changed; MLflow's copy of it is not even asked."""
    elsewhere = trained.stores.settings.model_copy(update={"home": tmp_path / "home", "mlflow_uri": None})
    before = sorted(trained.stores.lake.objects.keys(""))
    now = change(trained.spec, training={"parameters": {"max_iter": 3}, "seed": 9})
    reproduced = reproduce(now, trained.record.version, Stores(elsewhere))
    assert reproduced.exact_sha256 == trained.record.exact_sha256 != trained.record.onnx_sha256
    assert reproduced.differs == {"model_yaml": "training; replayed as it was"}
    assert sorted(trained.stores.lake.objects.keys("")) == before


def test_a_dead_sensor_stops_no_training_and_scores_when_it_comes_back(trained: Trained) -> None:
    spec, stores = trained.spec, trained.stores
    run = stores.registry.client.get_run(trained.record.run_id)
    reason = "amount: null in every training row"
    assert run.data.tags["nightshift.trained_without"] == reason
    with stores.registry.session(spec.name) as mlflow:
        card = mlflow.artifacts.load_text(f"runs:/{trained.record.run_id}/model_card.md")
    assert "Trained without `amount` (null in every training row)" in card
    ingest(spec, COMES_BACK, stores)
    validate(spec, COMES_BACK, stores)
    predict(spec, COMES_BACK, stores)
    facts = explain(spec, COMES_BACK, stores)
    assert facts["training"]["trained_without"] == reason
    assert facts["predictions"]["rows"] > 0
    # The drift of a column that was always null is seen, and is no error.
    assert monitor(spec, COMES_BACK, stores).worst == "amount"


def test_other_libraries_are_said_and_matter_where_the_bytes_differ(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay = step.describe(trained.spec, trained.stores)
    libraries = {**replay.libraries, "scikit-learn": "0.1"}
    other = replay.model_copy(update={"libraries": libraries, "cpu": "linux riscv64"})
    monkeypatch.setattr(step, "describe", lambda *_: other)
    reproduced = reproduce(trained.spec, trained.record.version, trained.stores)
    assert reproduced.differs["libraries"] == f"scikit-learn 0.1, was {replay.libraries['scikit-learn']}"
    assert reproduced.differs["cpu"] == f"linux riscv64, was {replay.cpu}"
    monkeypatch.setattr(step, "to_onnx", lambda *_: b"another graph")
    with pytest.raises(NotReproduced, match=r"has sha256 \w+, recorded is \w+; .*libraries: scikit-learn 0.1") as error:
        reproduce(trained.spec, trained.record.version, trained.stores)
    assert "model_yaml" not in error.value.message


def test_other_parameters_than_were_sealed_are_not_replayed(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may write to the lake without its key may change the file, but not the digest that the record has."""
    stores, record = trained.stores, trained.record
    key = layout.replay(trained.spec.name, record.replay_sha256)
    body, _ = stores.lake.objects.get(key) or (b"", "")
    stores.lake.objects.put(key, body.replace(b'"max_iter": 20', b'"max_iter": 21'), JSON)
    with pytest.raises(UnreadableRecord, match="is not as it was written"):
        reproduce(trained.spec, record.version, stores)
    stores.lake.objects.put(key, body, JSON)
    again = step.fit
    fewer = {"parameters": {"max_iter": 3}}

    def other(spec: ModelSpec, rows: Any) -> Any:
        training = spec.training.model_copy(update=fewer)
        return again(spec.model_copy(update={"training": training}), rows)

    monkeypatch.setattr(step, "fit", other)
    with pytest.raises(NotReproduced, match="nothing else that is recorded differs"):
        reproduce(trained.spec, record.version, stores)


def test_a_version_that_does_not_say_how_it_was_trained_is_one_clear_error(trained: Trained) -> None:
    spec, stores = trained.spec, trained.stores
    with pytest.raises(ModelError, match="has no sealed record"):
        reproduce(spec, "99", stores)
    of_before = trained.record.model_copy(update={"version": "98", "replay_sha256": "", "exact_sha256": ""})
    stores.versions.write(of_before)
    with pytest.raises(ModelError, match="of an earlier version of Nightshift"):
        reproduce(spec, "98", stores)
    stores.versions.write(of_before.model_copy(update={"replay_sha256": "0" * 64, "exact_sha256": "1" * 64}))
    with pytest.raises(MissingPartition, match=r"replays/0+\.json is not there"):
        reproduce(spec, "98", stores)


def test_the_verb_says_equal_and_ends_with_1_where_it_is_not(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    from nightshift.cli import main, versions

    monkeypatch.setattr(versions, "open_model", lambda _: (trained.spec, trained.stores))
    result = CliRunner().invoke(main.app, ["reproduce", trained.spec.name, trained.record.version])
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1].startswith("equal: ")
    assert trained.record.exact_sha256 in result.output
    monkeypatch.setattr(step, "to_onnx", lambda *_: b"another graph")
    result = CliRunner().invoke(main.app, ["reproduce", trained.spec.name, trained.record.version])
    assert isinstance(result.exception, NotReproduced)
