"""What a night looks after: retrains of before, and how they ended."""

import pytest

from nightshift.contracts import Candidate, GraphRef, SnapshotRef, Trained, Verdict
from nightshift.errors import Superseded
from nightshift.monitoring.retrains import started_retrains
from nightshift.partitions import following, last_nights, shifted
from nightshift.spec import ModelSpec
from nightshift.spec.night import Partition
from nightshift.steps.conclude import conclude, conclude_ended
from nightshift.steps.govern import govern
from nightshift.steps.promote import promote
from nightshift.stores.aliases import Aliases
from nightshift.stores.registry import CHAMPION
from tests.conftest import SMALL
from tests.unit.steps.governed_lake import MemoryWorld

NIGHTS = following("2024-03-01", 2)
RETRAIN = {"nights": 2, "of": 3, "cooldown_days": 0, "min_new_nights": 2}
SPEC = ModelSpec.model_validate({"name": "orders", **SMALL, "retrain": RETRAIN})


@pytest.fixture
def world(monkeypatch):
    monkeypatch.setattr("nightshift.s3.trust.require", lambda _: None)
    monkeypatch.setattr(Partition, "nights_before", lambda _, night, count: last_nights(count, shifted(night, -1)))
    world = MemoryWorld(SPEC)
    world.label(*last_nights(30, "2024-02-29"))
    return world


@pytest.fixture
def run_id(world):
    """The run of a retrain that two drifted nights started."""
    for night in NIGHTS:
        world.score(night, "1")
        decision = govern(SPEC, world.monitor(night, drifted=True), world.stores)
    assert decision.retrain
    return decision.run_id


def outcome(world, run_id):
    return started_retrains(SPEC.name, world.stores).head().run(run_id).outcome


def test_a_retrain_that_ended_is_heard_of_after_its_cooldown(world, run_id):
    (end,) = conclude_ended(SPEC, shifted(NIGHTS[1], 27), {run_id: "failed"}.get, world.stores)
    assert end.outcome == outcome(world, run_id) == "failed"


def test_a_retrain_of_an_earlier_version_of_nightshift_is_heard_of(world, run_id):
    ledger = started_retrains(SPEC.name, world.stores)
    before = {"causes": (), "run_id": "retrain__orders__2024-03-02"}
    record = ledger.entry(1).model_copy(update=before)
    assert ledger.append(ledger.head(), record)
    conclude_ended(SPEC, NIGHTS[1], {record.run_id: "success"}.get, world.stores)
    assert outcome(world, record.run_id) == "failed"
    assert not outcome(world, run_id)


def test_a_promotion_that_airflow_forgot_is_concluded_and_not_trained_again(world, run_id):
    world.aliases.move(CHAMPION, "2", run_id)
    world.aliases.champion = "2"
    report = world.monitor(NIGHTS[1], drifted=True)
    decision = govern(SPEC, report, world.stores, {}.get)
    assert not decision.retrain
    assert outcome(world, run_id) == "promoted"


def test_a_candidate_that_was_superseded_is_not_promoted_and_no_failure(world, run_id):
    snapshot = SnapshotRef("orders", "bb.dir", "2024-03-02", "2024-02-01", "2024-03-01", 30, 900, [])
    trained = Trained("orders", "run", "models:/m", snapshot, {})
    graph = GraphRef("aa", "models/orders/aa/model.onnx", 1, 0.0, 0, 90, "fp32")
    verdict = Verdict(Candidate("orders", "2", trained, graph), True, ["better"], champion="1")
    world.stores.origin = {"airflow_run": run_id}
    world.stores.aliases = Aliases(world.stores)
    with pytest.raises(Superseded):
        promote(SPEC, verdict, world.stores)
    end = conclude(SPEC, run_id, world.stores)
    assert (end.outcome, end.version) == ("not_promoted", "2")
    assert "the champion is now version None" in end.why
