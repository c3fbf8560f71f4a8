"""Peers are fed what Nightshift feeds, or the comparison is of different work."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from benchmarks.peer_graph import METADATA, PeerGraph, matrices, needed
from nightshift.scoring.feeds import Matrix

FEEDS = {
    "format": 1,
    "numbers": ["kind", "weight", "items"],
    "codes": ["site", "kind"],
    "categories": {"kind": ["", "lamp", "shoe"], "site": ["north", "south"]},
}
TEXTS = st.one_of(st.none(), st.sampled_from(["", "lamp", "shoe", "north", "south", "never seen"]))
ROWS = st.lists(st.tuples(TEXTS, TEXTS, st.none() | st.floats(width=32), st.none() | st.integers(-(2**31), 2**31 - 1)))


def table(rows: list[tuple[object, ...]]) -> pa.Table:
    kinds = {"kind": pa.string(), "site": pa.string(), "weight": pa.float32(), "items": pa.int32()}
    return pa.table({n: pa.array([row[i] for row in rows], k) for i, (n, k) in enumerate(kinds.items())})


@given(rows=ROWS, codes=st.booleans())
@settings(deadline=None)
def test_a_peer_gets_the_matrices_that_nightshift_makes(rows: list[tuple[object, ...]], codes: bool) -> None:
    feeds = FEEDS if codes else {**FEEDS, "codes": []}
    given = table(rows)
    for form in (given, pa.concat_tables([given, given]), *given.to_batches()):
        ours, theirs = Matrix.model_validate(feeds)(form), matrices(feeds, form)
        assert list(ours) == list(theirs)
        for name, values in ours.items():
            assert values.dtype == theirs[name].dtype
            assert np.array_equal(values, theirs[name], equal_nan=name == "numbers")


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """score = weight + code of kind / 10."""
    nodes = [
        helper.make_node("Cast", ["codes"], ["c"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["c", "tenth"], ["t"]),
        helper.make_node("Add", ["numbers", "t"], ["score"]),
    ]
    given = [
        helper.make_tensor_value_info("numbers", TensorProto.FLOAT, [None, 1]),
        helper.make_tensor_value_info("codes", TensorProto.INT64, [None, 1]),
    ]
    out = [helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 1])]
    tenth = helper.make_tensor("tenth", TensorProto.FLOAT, [1], [0.1])
    model = helper.make_model(
        helper.make_graph(nodes, "g", given, out, [tenth]), opset_imports=[helper.make_opsetid("", 18)], ir_version=9
    )
    feeds = {"format": 1, "numbers": ["weight"], "codes": ["kind"], "categories": FEEDS["categories"]}
    helper.set_model_props(model, {METADATA: json.dumps(feeds)})
    file = tmp_path / "graph.onnx"
    file.write_bytes(model.SerializeToString())
    return file


def test_predictions_keep_keys_and_order_over_many_calls(graph: Path) -> None:
    assert needed(graph, ["site", "weight"]) == ["site", "weight", "kind"]
    rows = table([("shoe", "north", 0.125, 1), ("lamp", "south", 0.25, 2), ("chair", None, 0.75, 3)] * 1000)
    found = pa.table(PeerGraph(graph, ["items", "site"], 0.3).columns(rows))
    assert found.schema == pa.schema([
        ("items", pa.int32()), ("site", pa.string()), ("score", pa.float32()), ("prediction", pa.bool_()),
    ])  # fmt: skip
    assert found.select(["items", "site"]).equals(rows.select(["items", "site"]))
    assert found["score"].to_pylist() == pytest.approx([0.325, 0.35, 0.65] * 1000)
    assert found["prediction"].to_pylist() == [True, True, True] * 1000
    assert not any(PeerGraph(graph, ["items"], 0.66).columns(rows)["prediction"].to_pylist())
