"""Graphs that would run without end, take all memory or say another thing each time: each is one clear error."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import numpy as np
import pyarrow as pa
import pytest
from onnx import TensorProto, helper

from nightshift.concurrency import ordered_map
from nightshift.errors import ModelError, UnsafeGraph
from nightshift.scoring import demand
from nightshift.scoring.feeds import METADATA, Matrix
from nightshift.scoring.graph import LABEL, OnnxGraph
from nightshift.scoring.inspection import inspect
from nightshift.spec import ModelSpec
from tests.unit.hostile import graphs
from tests.unit.hostile.graphs import model, node, numbers
from tests.unit.hostile.memory import limited

SHAPE = numbers("shape", 2**15, 2**15)
FREE = helper.make_tensor_value_info("numbers", TensorProto.FLOAT, [None, None])
SCALAR = helper.make_tensor_value_info("numbers", TensorProto.FLOAT, [])
BRANCH = helper.make_graph([node("Neg")], "branch", [], [graphs.SCORE])
TREES = {
    "n_targets": 2**40,
    "nodes_treeids": [0],
    "nodes_nodeids": [0],
    "nodes_featureids": [0],
    "nodes_values": [0.0],
    "nodes_modes": ["LEAF"],
    "nodes_truenodeids": [0],
    "nodes_falsenodeids": [0],
    "target_treeids": [0],
    "target_nodeids": [0],
    "target_ids": [0],
    "target_weights": [0.5],
    "domain": "ai.onnx.ml",
}
OPERATORS = {
    "endless loop": ("Loop", graphs.loop(2**62)),
    "tensor of a shape": ("ConstantOfShape", model([node("ConstantOfShape", ["shape"])], [SHAPE])),
    "expanded": ("Expand", model([node("Expand", ["numbers", "shape"])], [SHAPE])),
    "tiled": ("Tile", model([node("Tile", ["numbers", "shape"])], [SHAPE])),
    "range": ("Range", model([node("Range", ["shape", "shape", "shape"])], [SHAPE])),
    "padded": ("Pad", model([node("Pad", ["numbers", "shape"])], [SHAPE])),
    "resized": ("Resize", model([node("Resize", ["numbers", "", "", "shape"])], [SHAPE])),
    "one-hot of a depth": ("OneHot", model([node("OneHot", ["numbers", "shape", "shape"])], [SHAPE])),
    "eye": ("EyeLike", model([node("EyeLike")])),
    "random": ("RandomUniformLike", model([node("RandomUniformLike")])),
    "random of a shape": ("RandomNormal", model([node("RandomNormal", [], shape=[2**30])])),
    "drawn": ("Multinomial", model([node("Multinomial", sample_size=2**30)])),
    "dropped by chance": ("Dropout", model([node("Dropout")])),
    "scanned": ("Scan", model([node("Scan", body=BRANCH, num_scan_inputs=1)])),
    "branched": ("If", model([node("If", then_branch=BRANCH, else_branch=BRANCH)])),
    "mapped": ("SequenceMap", model([node("SequenceMap", body=BRANCH)])),
    "by a regular expression": ("RegexFullMatch", model([node("RegexFullMatch", pattern="^(a+)+$")])),
    "another model": ("SVMRegressor", model([node("SVMRegressor", domain="ai.onnx.ml")])),
}
DEMANDS = {
    "doubled": (graphs.doubled(40), "a call of 32 rows would take more than"),
    "squared": (graphs.squared(4), "a call of 32 rows would take more than"),
    "constants doubled": (graphs.constants_doubled(40), "a call of 32 rows would take more than"),
    "multiplied for hours": (graphs.multiplied(5_000), "multiplications, from MatMul"),
    "weights laid out often": (graphs.multiplied(2_000, width=512), "bytes or .* from MatMul"),
    "negative size": (model([node("Neg")], [TensorProto(name="w", dims=[-4], data_type=1)]), "has a negative size"),
    "a trillion targets": (model([node("TreeEnsembleRegressor", **TREES)]), "from TreeEnsembleRegressor"),
    "too many columns": (model([node("Neg")], given=[FREE]), "input 'numbers' has no shape"),
    "no rows": (model([node("Neg")], given=[SCALAR]), "input 'numbers' has no shape"),
    "reshaped by values": (model([node("Cast", output="s", to=7), node("Reshape", ["numbers", "s"])]), "does not fit"),
    "reshaped to more": (model([node("Reshape", ["numbers", "shape"])], [SHAPE]), "does not fit"),
    "axis out of range": (model([node("Concat", axis=7)]), "does not fit"),
    "no input": (model([node("Neg", [])]), "does not fit"),
    "given by nothing": (model([node("Neg", ["nothing"])]), "needs 'nothing', which nothing before it gives"),
    "given twice": (model([node("Neg"), node("Neg")]), "'score' is given twice"),
    "an input with a default": (model([node("Neg")], [numbers("numbers", 1)]), "'numbers' is given twice"),
    "many entries": (graphs.entries(2**20), "more than 200,000 entries"),
    "cut": (model([node("Neg")])[:-3], "not an ONNX file"),
}


@pytest.mark.parametrize("kind", OPERATORS)
def test_an_operator_that_no_export_makes_is_refused_by_its_name(kind: str) -> None:
    operator, body = OPERATORS[kind]
    with pytest.raises(UnsafeGraph, match=rf"^m: operator \S*\.{operator} is not allowed"):
        inspect(body, "m")


@pytest.mark.parametrize("kind", DEMANDS)
def test_what_a_call_would_take_is_known_before_it_runs(kind: str) -> None:
    body, why = DEMANDS[kind]
    with limited(megabytes=100), pytest.raises(UnsafeGraph, match=f"^m: .*{why}"):
        inspect(body, "m")


def test_a_large_graph_is_called_with_fewer_rows() -> None:
    """One of 100,000 categories takes a gigabyte for 2,048 rows, and an eighth of that for 256."""
    wide = model([node("OneHotEncoder", output="x", cats_int64s=list(range(100_000)), domain="ai.onnx.ml")])
    assert inspect(wide, "m").rows_per_call == 256


@pytest.fixture
def lean(spec: ModelSpec, change: Callable[..., ModelSpec]) -> ModelSpec:
    hidden = {name: {"feature": False} for name in spec.columns if name != "weight"}
    return change(spec, columns=hidden, drift={"features": []})


def opened(spec: ModelSpec, body: bytes) -> OnnxGraph:
    import onnx

    made = onnx.load_model_from_string(body)
    helper.set_model_props(made, {METADATA: Matrix(numbers=("weight",)).model_dump_json()})
    return OnnxGraph(spec, made.SerializeToString())


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(model([node("Gather", ["numbers", "far"], axis=1)], [numbers("far", 99)]), id="out of bounds"),
        pytest.param(
            model([node("Neg")], given=[helper.make_tensor_value_info("numbers", TensorProto.FLOAT, [None, 2])]),
            id="other columns",
        ),
        pytest.param(
            model([node("Neg")], given=[helper.make_tensor_value_info("numbers", TensorProto.DOUBLE, [None, 1])]),
            id="other numbers",
        ),
        pytest.param(
            model([node("Neg", ["other"])], given=[helper.make_tensor_value_info("other", TensorProto.FLOAT, [1, 1])]),
            id="another input",
        ),
        pytest.param(model([node("Reshape", ["numbers", "s"])], [numbers("s", 1, -1)]), id="other rows"),
        pytest.param(model([node("Cast", to=TensorProto.STRING)]), id="texts"),
        pytest.param(model([node("Neg", output="other")]), id="no score"),
    ],
)
def test_what_onnx_runtime_says_of_a_run_is_our_error(lean: ModelSpec, body: bytes) -> None:
    with pytest.raises(ModelError, match=f"^{lean.name}: "):
        opened(lean, body).score(pa.table({"weight": [0.5, 0.25]}))


def test_a_graph_that_asks_to_be_fed_as_no_column_can_be_is_our_error(lean: ModelSpec) -> None:
    import onnx

    made = onnx.load_model_from_string(model([node("Neg")]))
    feeds = Matrix(numbers=("weight",), categories={"weight": ("a",)})
    helper.set_model_props(made, {METADATA: feeds.model_dump_json()})
    graph = OnnxGraph(lean, made.SerializeToString())
    with pytest.raises(ModelError, match="cannot be fed as it asks to be"):
        graph.score(pa.table({"weight": [0.5]}))


@pytest.mark.parametrize("label", ["[" * 100_000, '{"classes": 7}', '{"classes": [[]]}', "7", "null", "\0"])
def test_a_label_that_is_none_is_another_label(lean: ModelSpec, label: str) -> None:
    import onnx

    made = onnx.load_model_from_string(model([node("Neg")]))
    helper.set_model_props(made, {LABEL: label})
    with pytest.raises(ModelError, match="the graph was trained for"):
        OnnxGraph(lean, made.SerializeToString())


class TimeIsUp(Exception):
    """What Airflow's time limit raises, by the same signal."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    def end(signum: int, frame: FrameType | None) -> None:
        raise TimeIsUp

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_time_limit_ends_what_runs_in_other_threads(lean: ModelSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demand, "MOST_WORK", 2**60)
    monkeypatch.setattr(demand, "MOST_BYTES", 2**60)
    graph = opened(lean, graphs.squashed(2_000))
    rows = pa.table({"weight": np.full(2048, 0.5, np.float32)})
    graph.score(rows.slice(0, 1))
    began = time.monotonic()
    with pytest.raises(TimeIsUp), time_limit(0.5):
        list(ordered_map(graph.score, [rows, rows], threads=2, depth=2, stop=graph.stop))
    assert time.monotonic() - began < 5
    stages = [thread for thread in threading.enumerate() if thread.name.startswith("stage")]
    assert not stages


def test_the_longest_call_that_is_allowed_ends_in_seconds(lean: ModelSpec) -> None:
    """In the first thread nothing ends a call, so that none may be long: a limit is heard between two."""
    layers = demand.MOST_WORK // (2048 * 1500 * 1500)
    graph = opened(lean, graphs.multiplied(layers - 1))
    assert graph.score(pa.table({"weight": [0.5]})).shape == (1,)
    began = time.monotonic()
    graph.score(pa.table({"weight": np.full(2048, 0.5, np.float32)}))
    assert time.monotonic() - began < 30
