"""Aliases on a real S3 and a real MLflow: the ledger says who is champion, MLflow shows it."""

from typing import Any

import pytest

from nightshift.errors import ModelError, NoChampion
from nightshift.spec import ModelSpec
from nightshift.steps.maintain import maintain
from nightshift.steps.plan import _champion as scorer
from nightshift.steps.seal import seal
from nightshift.stores import Stores
from nightshift.stores.registry import CHALLENGER, CHAMPION, PASSED
from tests.champions import append_move, register_version, seal_version, set_champion

pytestmark = pytest.mark.stack

NIGHT = "2024-01-12"

FACTS = {
    "gate": PASSED, "onnx_sha256": "aa", "onnx_key": "models/m/aa/model.onnx", "snapshot_md5": "bb.dir",
    "trained_through": "2024-01-11",
}  # fmt: skip


@pytest.fixture
def model(spec: ModelSpec, stores: Stores) -> str:
    """A model with three versions, all of which passed."""
    add_versions(stores, spec.name, 3)
    return spec.name


def add_versions(stores: Stores, model: str, count: int, gate: str = PASSED, **facts: str) -> None:
    client = stores.registry.client
    if not client.search_registered_models(f"name='{model}'"):
        client.create_registered_model(model)
    tags = {f"nightshift.{name}": value for name, value in (FACTS | {"gate": gate}).items()}
    for _ in range(count):
        version = register_version(stores, model, tags)
        if gate != "pending":
            seal_version(stores, model, version, gate, **facts)


def shown(stores: Stores, model: str, alias: str = CHAMPION) -> str | None:
    return stores.registry.alias(model, alias)


def test_without_a_champion_it_says_how_to_get_one(stores: Stores, model: str) -> None:
    with pytest.raises(NoChampion, match=f"{model} has no champion yet") as error:
        stores.aliases.champion(model)
    assert f"{model}.train" in str(error.value.fix)
    assert stores.aliases.version(model, CHAMPION) is None


def test_where_no_move_was_ever_written_mlflow_s_alias_counts_once_a_person_says_so(
    stores: Stores, spec: ModelSpec, model: str
) -> None:
    stores.registry.set_alias(model, CHAMPION, "2")
    with pytest.raises(ModelError, match="the ledger of the lake has no move") as error:
        scorer(spec, None, stores, NIGHT)
    assert f"nightshift seal {model}" in str(error.value.fix)
    assert stores.aliases.version(model, CHAMPION) is None
    assert seal(spec, stores).champion == "2"
    champion = scorer(spec, None, stores, NIGHT)
    assert (champion.pin.version, champion.now, champion.number) == ("2", "2", 1)


def test_an_alias_of_a_version_that_did_not_pass_becomes_no_champion_by_a_seal(
    stores: Stores, spec: ModelSpec, model: str
) -> None:
    add_versions(stores, model, 1, gate="failed")
    stores.registry.set_alias(model, CHAMPION, "4")
    with pytest.raises(ModelError, match="has not passed its gate"):
        seal(spec, stores)
    assert stores.aliases.version(model, CHAMPION) is None


def test_an_alias_counts_by_a_seal_though_the_ledger_has_a_challenger(
    stores: Stores, spec: ModelSpec, model: str
) -> None:
    append_move(stores, model, "3", CHALLENGER)
    stores.registry.set_alias(model, CHAMPION, "2")
    assert seal(spec, stores).champion == "2"


def test_an_alias_that_the_ledger_does_not_explain_stops_scoring(stores: Stores, spec: ModelSpec, model: str) -> None:
    set_champion(stores, model, "1")
    set_champion(stores, model, "2")
    stores.registry.set_alias(model, CHAMPION, "3")
    with pytest.raises(ModelError, match="MLflow has the alias champion on version 3, and the ledger says version 2"):
        scorer(spec, None, stores, NIGHT)
    stores.registry.client.delete_registered_model_alias(model, CHAMPION)
    with pytest.raises(ModelError, match="on no version, and the ledger says version 2") as error:
        scorer(spec, None, stores, NIGHT)
    assert f"nightshift maintain {model}" in str(error.value.fix)
    maintain(spec, stores)
    assert scorer(spec, None, stores, NIGHT).now == "2"


def test_an_alias_that_a_dead_promotion_left_behind_is_put_right_and_scored(
    stores: Stores, spec: ModelSpec, model: str
) -> None:
    set_champion(stores, model, "1")
    append_move(stores, model, "2")
    assert scorer(spec, None, stores, NIGHT).now == "2"
    assert shown(stores, model) == "2"


def test_a_champion_is_a_pin_and_the_number_of_its_move(stores: Stores, model: str) -> None:
    set_champion(stores, model, "1")
    append_move(stores, model, "3", CHALLENGER)
    set_champion(stores, model, "2")
    pin, number = stores.aliases.champion(model)
    assert (pin.version, pin.key, number) == ("2", FACTS["onnx_key"], 3)
    assert stores.aliases.version(model, CHALLENGER) == "3"


def test_a_champion_that_did_not_pass_its_gate_is_refused(stores: Stores, model: str) -> None:
    add_versions(stores, model, 1, gate="failed")
    set_champion(stores, model, "4")
    with pytest.raises(ModelError, match=f"{model} version 4 has not passed its gate and must not score"):
        stores.aliases.champion(model)


def test_the_pages_ask_for_the_champion_without_an_mlflow(stores: Stores) -> None:
    append_move(stores, "m", "7")
    alone = Stores(stores.settings.model_copy(update={"mlflow_uri": None}))
    assert alone.aliases.version("m", CHAMPION) == "7"


def test_an_alias_moved_in_mlflow_s_ui_moves_no_champion_and_is_put_back(
    stores: Stores, spec: ModelSpec, model: str
) -> None:
    set_champion(stores, model, "1")
    append_move(stores, model, "3", CHALLENGER)
    stores.registry.set_alias(model, CHAMPION, "2")
    assert stores.aliases.champion(model)[0].version == "1"
    said: list[str] = []
    assert maintain(spec, stores, dry_run=True, say=said.append).aliases == 2
    assert shown(stores, model) == "2"
    assert maintain(spec, stores, say=said.append).aliases == 2
    assert (shown(stores, model), shown(stores, model, CHALLENGER)) == ("1", "3")
    assert said == [
        f"would set the alias champion of {model} to version 1, which MLflow has on version 2",
        f"would set the alias challenger of {model} to version 3, which MLflow has on no version",
        f"set the alias champion of {model} to version 1, which MLflow has on version 2",
        f"set the alias challenger of {model} to version 3, which MLflow has on no version",
    ]
    assert maintain(spec, stores, say=said.append).aliases == 0


def test_a_version_that_somebody_deleted_in_mlflow_is_left_out(stores: Stores, spec: ModelSpec, model: str) -> None:
    set_champion(stores, model, "1")
    append_move(stores, model, "3", CHALLENGER)
    stores.registry.client.delete_model_version(model, "3")
    assert maintain(spec, stores).aliases == 0


def test_maintenance_of_a_model_without_moves_needs_no_mlflow(stores: Stores, spec: ModelSpec) -> None:
    alone = Stores(stores.settings.model_copy(update={"mlflow_uri": None}))
    assert maintain(spec, alone).aliases == 0


def test_a_late_request_of_an_older_move_does_not_stay(
    stores: Stores, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_champion(stores, model, "1")
    append_move(stores, model, "2")
    set_alias = stores.registry.set_alias

    def paused(*moved: Any) -> None:
        monkeypatch.setattr(stores.registry, "set_alias", set_alias)
        set_champion(Stores(stores.settings), model, "3")
        set_alias(*moved)

    monkeypatch.setattr(stores.registry, "set_alias", paused)
    stores.aliases.project(model)
    assert (stores.aliases.version(model, CHAMPION), shown(stores, model)) == ("3", "3")
