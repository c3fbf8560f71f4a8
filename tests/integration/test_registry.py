"""The registry on a real MLflow server: who scores, and who must not."""

import pytest

from nightshift.errors import ModelError, NoChampion, UsageError
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.registry import CHALLENGER, CHAMPION, PASSED, Registry
from tests.champions import seal_version

pytestmark = pytest.mark.stack

FACTS = {
    "gate": PASSED, "onnx_sha256": "aa", "onnx_key": "models/m/aa/model.onnx", "snapshot_md5": "bb.dir",
    "trained_through": "2024-01-11",
}  # fmt: skip


@pytest.fixture
def registry(stores: Stores) -> Registry:
    return stores.registry


@pytest.fixture
def model(spec: ModelSpec) -> str:
    return spec.name


@pytest.fixture
def source(registry: Registry, model: str) -> tuple[str, str]:
    """A logged model that nobody will ever load, and its run."""
    return logged(registry, model)


def logged(registry: Registry, model: str) -> tuple[str, str]:
    with registry.session(model) as mlflow, mlflow.start_run() as run:
        found = mlflow.initialize_logged_model(name="model", source_run_id=run.info.run_id)
        mlflow.finalize_logged_model(found.model_id, "READY")
        return f"models:/{found.model_id}", run.info.run_id


def test_a_session_is_of_its_own_server_whoever_was_asked_before(
    registry: Registry, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow points to one server for the whole process; an `assert` set it, once a registry and never under -O."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with registry.session(model) as mlflow:
        first = mlflow.get_experiment_by_name(model)
    mlflow.set_tracking_uri("http://127.0.0.1:9")
    with registry.session(model) as mlflow:
        assert mlflow.get_experiment_by_name(model).experiment_id == first.experiment_id
        assert mlflow.get_tracking_uri() == registry.uri


def test_registering_alone_makes_no_champion(
    registry: Registry, stores: Stores, model: str, source: tuple[str, str]
) -> None:
    assert registry.alias(model, CHAMPION) is None
    registry.register(model, "about", *source, FACTS)
    assert registry.alias(model, CHAMPION) is None
    with pytest.raises(NoChampion):
        stores.aliases.champion(model)


def test_a_pin_has_every_fact_that_scoring_needs(
    registry: Registry, stores: Stores, model: str, source: tuple[str, str]
) -> None:
    version = registry.register(model, "about", *source, FACTS)
    record = seal_version(stores, model, version, run_id=source[1])
    pin = stores.versions.pin(model, version)
    assert (pin.model, pin.version, pin.run_id) == (model, "1", source[1])
    assert (pin.sha256, pin.key, pin.snapshot_md5, pin.trained_through) == tuple(FACTS.values())[1:]
    assert stores.versions.record(model, version) == record


def test_tags_alone_let_nothing_score(registry: Registry, stores: Stores, model: str, source: tuple[str, str]) -> None:
    version = registry.register(model, "about", *source, FACTS)
    with pytest.raises(ModelError, match="has no sealed record in the lake") as error:
        stores.versions.pin(model, version)
    assert f"nightshift seal {model}" in str(error.value.fix)


@pytest.mark.parametrize("gate", ["pending", "failed", ""])
def test_a_version_that_did_not_pass_its_gate_cannot_be_pinned(
    registry: Registry, stores: Stores, model: str, source: tuple[str, str], gate: str
) -> None:
    version = registry.register(model, "about", *source, {**FACTS, "gate": gate})
    if gate == "failed":
        seal_version(stores, model, version, gate)
    with pytest.raises(ModelError, match=f"{model} version 1 has not passed its gate and must not score"):
        stores.versions.pin(model, version)


def test_registering_a_run_twice_gives_one_version(registry: Registry, model: str, source: tuple[str, str]) -> None:
    assert registry.register(model, "about", *source, {**FACTS, "gate": "pending"}) == "1"
    assert registry.register(model, "about", *source, FACTS) == "1"
    assert registry.facts(model, "1") == (FACTS, source[1])
    assert registry.register(model, "about", *logged(registry, model), FACTS) == "2"


def test_aliases_move_one_by_one(registry: Registry, model: str, source: tuple[str, str]) -> None:
    for _ in range(2):
        registry.register(model, "about", *logged(registry, model), FACTS)
    registry.set_alias(model, CHAMPION, "1")
    registry.set_alias(model, CHALLENGER, "2")
    assert (registry.alias(model, CHAMPION), registry.alias(model, CHALLENGER)) == ("1", "2")
    registry.set_alias(model, CHAMPION, "2")
    assert (registry.alias(model, CHAMPION), registry.alias(model, CHALLENGER)) == ("2", "2")


@pytest.mark.parametrize("version", ["99", "../1", "", "\u0661", "1\n"])
def test_a_version_that_there_is_not_is_explained(stores: Stores, model: str, version: str) -> None:
    with pytest.raises(ModelError, match="has no version"):
        stores.versions.pin(model, version)


def test_the_link_leads_to_the_run(registry: Registry, model: str, source: tuple[str, str]) -> None:
    experiment = registry.client.get_experiment_by_name(model).experiment_id
    assert (
        registry.run(source[1])[1]
        == f"{registry.url}/#/experiments/{experiment}/runs/{source[1]}?workflowType=machine_learning"
    )


def test_without_a_server_named_it_says_what_to_set(stores: Stores) -> None:
    with pytest.raises(UsageError, match="MLFLOW_TRACKING_URI is not set"):
        Registry(stores.settings.model_copy(update={"mlflow_uri": None}))
