"""How far a training came, in the lake: sealed for its place, rarely written, and never worth an error."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from nightshift.errors import LakeUnavailable
from nightshift.settings import Settings
from nightshift.stores.checkpoints import LakeCheckpoints
from tests.unit.steps.governed_lake import MemoryObjects

KEY = "checkpoints/orders/whole-ab.bin"


def stores_with(key: str = "k" * 64) -> Any:
    settings = Settings(project=Path("/p"), home=Path("/h"), seal_key=SecretStr(key))
    return SimpleNamespace(settings=settings, lake=SimpleNamespace(objects=MemoryObjects(settings)))


@pytest.fixture
def stores() -> Any:
    return stores_with()


def test_another_process_reads_what_one_kept_and_nothing_of_another_model(stores: Any) -> None:
    LakeCheckpoints("orders", stores, every=0).write("whole-ab", b"\x00state")
    assert list(stores.lake.objects.bodies) == [KEY]
    assert LakeCheckpoints("orders", stores).read("whole-ab") == b"\x00state"
    assert LakeCheckpoints("orders", stores).read("whole-cd") is None
    assert LakeCheckpoints("others", stores).read("whole-ab") is None


@pytest.mark.parametrize("how", ["another key", "another place", "other bytes", "nothing"])
def test_what_has_no_seal_for_its_place_is_not_read(stores: Any, how: str, caplog: pytest.LogCaptureFixture) -> None:
    """A training goes on from it: who may write to the lake alone could put weights into a model."""
    objects = stores.lake.objects
    LakeCheckpoints("orders", stores, every=0).write("whole-ab", b"state")
    written, tag = objects.bodies[KEY]
    if how == "another key":
        stores = stores_with("x" * 64)
        stores.lake.objects.bodies[KEY] = (written, tag)
    elif how == "another place":
        objects.bodies["checkpoints/orders/whole-cd.bin"] = (written, tag)
    else:
        objects.bodies[KEY] = (written + b"!" if how == "other bytes" else b"", tag)
    name = "whole-cd" if how == "another place" else "whole-ab"
    assert LakeCheckpoints("orders", stores).read(name) is None
    assert "has no seal of this lake" in caplog.text


def test_epochs_that_take_no_time_cost_no_requests(stores: Any) -> None:
    checkpoints = LakeCheckpoints("orders", stores)
    for _ in range(100):
        checkpoints.write("whole-ab", b"state")
    assert stores.lake.objects.bodies == {}


def test_a_store_that_is_down_ends_no_training(
    stores: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def down(*_: Any, **__: Any) -> Any:
        raise LakeUnavailable("the lake does not answer")

    for name in ("get", "put", "keys"):
        monkeypatch.setattr(stores.lake.objects, name, down)
    checkpoints = LakeCheckpoints("orders", stores, every=0)
    checkpoints.write("whole-ab", b"state")
    assert checkpoints.read("whole-ab") is None
    checkpoints.clear()
    assert caplog.text.count("the lake does not answer") == 3


def test_a_training_that_is_done_leaves_nothing_of_itself_or_of_one_before_it(stores: Any) -> None:
    for model, name in (("orders", "whole-ab"), ("orders", "stopping-cd"), ("orders_2", "whole-ab")):
        LakeCheckpoints(model, stores, every=0).write(name, b"state")
    LakeCheckpoints("orders", stores).clear()
    assert list(stores.lake.objects.bodies) == ["checkpoints/orders_2/whole-ab.bin"]
