"""What a person is shown, and says yes to, is what is sealed: on a real S3 and a real MLflow."""

import hashlib
from typing import Any

import pytest
from typer.testing import CliRunner

from nightshift.cli.main import app
from nightshift.errors import Superseded, UnsealedRecord
from nightshift.spec import ModelSpec
from nightshift.steps.govern import Causes, DecisionRecord, started_retrains
from nightshift.steps.seal import plan_seal, seal, to_seal
from nightshift.steps.withdraw import withdraw
from nightshift.stores import Stores, layout
from nightshift.stores.aliases import AliasMove
from nightshift.stores.ledger import Ledger
from nightshift.stores.registry import CHAMPION, PASSED
from tests.champions import register_version, seal_version

pytestmark = pytest.mark.stack

NIGHT = "2024-01-12"


@pytest.fixture
def model(spec: ModelSpec, stores: Stores) -> str:
    """Two versions as an earlier version of Nightshift left them: tags in MLflow, and moves without a seal."""
    stores.registry.client.create_registered_model(spec.name)
    for body in (b"one", b"two"):
        register_version(stores, spec.name, tags_of(stores, spec.name, body))
    put_move(stores, spec.name, 1, None, "1")
    return spec.name


def tags_of(stores: Stores, model: str, body: bytes) -> dict[str, str]:
    sha256 = hashlib.sha256(body).hexdigest()
    stores.lake.objects.put(layout.graph(model, sha256), body)
    stores.lake.objects.put(layout.profile(model, sha256), b"{}")
    facts = {
        "gate": PASSED, "onnx_sha256": sha256, "onnx_key": layout.graph(model, sha256), "snapshot_md5": "bb.dir",
        "trained_through": "2024-01-11",
    }  # fmt: skip
    return {f"nightshift.{name}": value for name, value in facts.items()}


def put_move(stores: Stores, model: str, number: int, before: str | None, after: str) -> None:
    move = AliasMove(model=model, alias=CHAMPION, before=before, after=after, reason="before seals", origin={})
    stores.lake.objects.put(layout.ledger_entry(layout.ledger(model), number), move.model_dump_json().encode())


def put_decision(stores: Stores, model: str, night: str, reason: str = "drifted") -> None:
    evidence = Causes(night, "1", {}, {}, [], "2024-01-11", 9)
    record = DecisionRecord(
        model=model, partition=night, retrain=True, reason=reason, run_id="r", evidence=evidence, policy={}
    )  # fmt: skip
    stores.lake.objects.put_record(layout.decision(model, night), record)


def test_what_was_shown_is_sealed_and_nothing_is_left_then(stores: Stores, spec: ModelSpec, model: str) -> None:
    put_decision(stores, model, NIGHT)
    shown = plan_seal(spec, stores)
    assert list(shown.things) == [
        "the moves of its aliases, by which version 1 is champion",
        "version 1, which was champion, as MLflow's tags describe it",
        f"that {NIGHT} started a retrain, as its record says",
    ]
    done = seal(spec, stores, shown)
    assert (done.champion, done.versions, done.retrains) == ("1", ["1"], [NIGHT])
    assert stores.aliases.champion(model)[0].version == "1"
    assert list(started_retrains(model, stores).head().nights) == [NIGHT]
    assert to_seal(spec, stores) == []


def a_move(stores: Stores, model: str) -> None:
    put_move(stores, model, 2, "1", "2")


def other_tags(stores: Stores, model: str) -> None:
    for name, value in tags_of(stores, model, b"foreign").items():
        stores.registry.client.set_model_version_tag(model, "1", name, value)


def a_decision(stores: Stores, model: str) -> None:
    put_decision(stores, model, "2024-01-13")


def another_decision(stores: Stores, model: str) -> None:
    put_decision(stores, model, NIGHT, "another reason")


@pytest.mark.parametrize("change", [a_move, other_tags, a_decision, another_decision])
def test_what_changed_since_it_was_shown_is_not_sealed(
    stores: Stores, spec: ModelSpec, model: str, change: Any
) -> None:
    put_decision(stores, model, NIGHT)
    shown = plan_seal(spec, stores)
    change(stores, model)
    with pytest.raises(Superseded, match="not what it was when it was shown") as error:
        seal(spec, stores, shown)
    assert f"nightshift seal {model}" in str(error.value.fix)
    with pytest.raises(UnsealedRecord):
        stores.aliases.ledger(model).head()
    assert not stores.lake.objects.first_key(layout.versions(model))
    assert not stores.lake.objects.first_key(layout.retrains(model))


def test_what_comes_between_the_last_look_and_the_write_is_not_sealed(
    stores: Stores, spec: ModelSpec, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = plan_seal(spec, stores)
    vouch = Ledger.vouch

    def late(log: Ledger[Any, Any], head: Any) -> None:
        monkeypatch.setattr(Ledger, "vouch", vouch)
        a_move(stores, model)
        vouch(log, head)

    monkeypatch.setattr(Ledger, "vouch", late)
    with pytest.raises(Superseded, match="not what it was when it was shown"):
        seal(spec, stores, shown)
    with pytest.raises(UnsealedRecord):
        stores.aliases.ledger(model).head()


def test_tags_that_change_between_the_last_look_and_the_write_are_not_read_again(
    stores: Stores, spec: ModelSpec, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = plan_seal(spec, stores)
    vouch = Ledger.vouch

    def late(log: Ledger[Any, Any], head: Any) -> None:
        other_tags(stores, model)
        vouch(log, head)

    monkeypatch.setattr(Ledger, "vouch", late)
    seal(spec, stores, shown)
    assert stores.aliases.champion(model)[0].sha256 == hashlib.sha256(b"one").hexdigest()


def test_an_alias_that_moves_while_a_person_thinks_is_not_sealed(stores: Stores, spec: ModelSpec) -> None:
    stores.registry.client.create_registered_model(spec.name)
    for _ in range(2):
        seal_version(stores, spec.name, register_version(stores, spec.name))
    stores.registry.set_alias(spec.name, CHAMPION, "1")
    shown = plan_seal(spec, stores)
    assert list(shown.things) == ["version 1 as champion, as MLflow's alias says"]
    stores.registry.set_alias(spec.name, CHAMPION, "2")
    with pytest.raises(Superseded):
        seal(spec, stores, shown)
    assert stores.aliases.version(spec.name, CHAMPION) is None


def test_an_alias_on_a_withdrawn_version_is_nothing_to_seal(stores: Stores, spec: ModelSpec) -> None:
    stores.registry.client.create_registered_model(spec.name)
    seal_version(stores, spec.name, register_version(stores, spec.name))
    stores.registry.set_alias(spec.name, CHAMPION, "1")
    withdraw(spec, "1", stores, why="it saw the label")
    assert to_seal(spec, stores) == []
    assert stores.aliases.version(spec.name, CHAMPION) is None


@pytest.fixture
def asked(spec: ModelSpec, stores: Stores, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """``nightshift seal`` of this model; while the person reads, the champion changes."""
    monkeypatch.setattr("nightshift.cli.model.open_model", lambda _: (spec, stores))
    questions: list[str] = []

    def confirm(question: str, **_: Any) -> bool:
        questions.append(question)
        a_move(stores, spec.name)
        return True

    monkeypatch.setattr("typer.confirm", confirm)
    return questions


def test_the_verb_seals_what_it_showed_and_nothing_else(stores: Stores, model: str, asked: list[str]) -> None:
    done = CliRunner().invoke(app, ["seal", model])
    assert asked
    assert isinstance(done.exception, Superseded)
    assert "by which version 1 is champion" in done.output
    with pytest.raises(UnsealedRecord):
        stores.aliases.ledger(model).head()
