"""A wrong pair is refused in one sentence that says what might go there instead, and what that loses."""

import json
from typing import Any

import pytest

from nightshift.errors import UsageError
from nightshift.export.pairs import is_wrong_pair, offer_in, require_known, target_for
from nightshift.export.targets import NETWORKS_ONLY, TARGETS


def table(*variants: dict[str, Any]) -> str:
    nothing = {"loss_mean": None, "loss_low": None, "loss_high": None}
    return json.dumps({"chosen": "codes", "variants": [{**nothing, **variant} for variant in variants]})


STUDENT = {"name": "student", "loss_mean": 0.00123, "loss_low": 0.0004, "loss_high": 0.002}


@pytest.mark.parametrize("target", sorted(NETWORKS_ONLY))
@pytest.mark.parametrize("kind", ["trees", "linear"])
def test_networks_only_means_no_trees(target: str, kind: Any) -> None:
    assert is_wrong_pair(target, kind)
    with pytest.raises(UsageError, match=f"late version 7 .*, and {target} loads networks alone") as error:
        target_for(target, kind, "late version 7", None)
    assert "; its search has measured no distilled network" in error.value.message
    others = [name for name, place in TARGETS.items() if kind in place.takes]
    assert len(others) > 5
    assert f"export it to one of {', '.join(sorted(others))};" in str(error.value.fix)


def test_the_distilled_network_is_offered_with_what_it_lost() -> None:
    offer = offer_in(table({"name": "codes"}, STUDENT), "log_loss")
    with pytest.raises(UsageError) as error:
        target_for("openvino", "trees", "late version 7", offer)
    assert error.value.message == (
        "late version 7 scores by trees, and openvino loads networks alone; its search has a distilled network,"
        " student, which lost +0.00123 log_loss (+0.00040 to +0.00200)"
    )
    assert "optimize.variants of model.yaml be [student]" in str(error.value.fix)


@pytest.mark.parametrize("text", ["", "[]", "{}", table(), table({"name": "student"}), table({"name": "codes"})])
def test_without_a_measured_network_there_is_no_offer(text: str) -> None:
    assert offer_in(text, "log_loss") is None


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_takes_a_network(name: str) -> None:
    assert not is_wrong_pair(name, "network")
    assert target_for(name, "network", "late version 7", None).name == name


@pytest.mark.parametrize("name", sorted(set(TARGETS) - NETWORKS_ONLY))
def test_every_target_of_onnx_runtime_takes_every_graph(name: str) -> None:
    require_known(name)
    assert target_for(name, "trees", "late version 7", None).name == name


def test_an_unknown_target_lists_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="no target is called 'nowhere'") as error:
        require_known("nowhere")
    assert error.value.fix == (
        "--to one of: azureml, browser, coreml, kserve, lambda, litert, mlflow, openvino, ort, sagemaker, tensorrt,"
        " tfserving, torchserve, triton, vertex"
    )


def test_the_command_line_names_the_targets_that_there_are() -> None:
    from nightshift.cli.exports import TARGETS as SAID

    assert SAID.replace(" or ", ", ").split(", ") == sorted(TARGETS)
