"""The hardware that the spec names is what runs, or there is an error; never another in silence."""

from collections.abc import Callable

import onnxruntime as ort
import pyarrow as pa
import pytest
from onnx import TensorProto, helper

from nightshift.errors import ModelError
from nightshift.scoring.graph import OnnxGraph
from nightshift.scoring.providers import PROVIDERS, open_session
from nightshift.spec import ModelSpec

INSTALLED = set(ort.get_available_providers())
MISSING = sorted(name for name, provider in PROVIDERS.items() if provider not in INSTALLED)


def body() -> bytes:
    x = helper.make_tensor_value_info("weight", TensorProto.FLOAT, [None, 1])
    y = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2])
    node = helper.make_node("Concat", ["weight", "weight"], ["probabilities"], axis=1)
    model = helper.make_model(
        helper.make_graph([node], "g", [x], [y]), opset_imports=[helper.make_opsetid("", 18)], ir_version=9
    )
    return bytes(model.SerializeToString())


@pytest.fixture
def lean(spec: ModelSpec, change: Callable[..., ModelSpec]) -> Callable[[str], ModelSpec]:
    hidden = {name: {"feature": False} for name in spec.columns if name != "weight"}
    return lambda provider: change(spec, columns=hidden, drift={"features": []}, optimize={"provider": provider})


def test_the_cpu_is_what_runs_when_the_spec_says_nothing_else(lean: Callable[[str], ModelSpec]) -> None:
    assert OnnxGraph(lean("cpu"), body()).score(pa.table({"weight": [0.25]})).tolist() == [0.25]
    assert open_session(body(), "cpu", "m").get_providers() == ["CPUExecutionProvider"]


@pytest.mark.parametrize("provider", MISSING)
def test_a_provider_that_is_not_installed_is_an_error_that_names_those_that_are(
    lean: Callable[[str], ModelSpec], provider: str
) -> None:
    graph = OnnxGraph(lean(provider), body())
    with pytest.raises(
        ModelError, match=f"optimize.provider is {provider}, but .* only .*CPUExecutionProvider"
    ) as error:
        graph.score(pa.table({"weight": [0.25]}))
    assert "pip install onnxruntime-" in str(error.value.fix)


def test_a_session_on_other_hardware_than_asked_for_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime only warns when it cannot use what was asked for, and takes the CPU."""
    monkeypatch.setitem(PROVIDERS, "openvino", "AzureExecutionProvider")
    if "AzureExecutionProvider" not in INSTALLED:
        pytest.skip("this onnxruntime has the CPU only")
    with pytest.raises(ModelError, match=r"does not take the whole graph|ONNX Runtime chose CPU"):
        open_session(body(), "openvino", "m")
