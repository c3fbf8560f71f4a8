"""What a version's training is said to differ in from one of today."""

from collections.abc import Callable

from nightshift.spec import ModelSpec
from nightshift.steps.reproduce import differences
from nightshift.stores.replays import Replay


def replay(spec: ModelSpec) -> Replay:
    return Replay(model=spec.name, spec=spec.model_dump(mode="json"), libraries={}, cpu="a", code="b", commit="c")


def test_a_key_that_there_was_not_yet_is_no_difference(spec: ModelSpec, change: Callable[..., ModelSpec]) -> None:
    then = replay(spec)
    del then.spec["shadow"]
    del then.spec["search"]
    del then.spec["training"]["calibration"]
    assert differences(then, replay(spec)) == {}
    assert "training" in differences(then, replay(change(spec, training={"seed": 8})))["model_yaml"]


def test_a_spec_that_nobody_reads_any_more_is_compared_as_it_is(spec: ModelSpec) -> None:
    then = replay(spec)
    then.spec["no_such"] = 1
    assert differences(then, replay(spec)) == {"model_yaml": "no_such; replayed as it was"}
