"""What graphs are fed: the same values whatever form the rows come in."""

import datetime as dt
import math
from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from nightshift.errors import ModelError, UnsafeGraph
from nightshift.modelling.inputs import as_float32
from nightshift.scoring import codes as codes_module
from nightshift.scoring.codes import codes, count_unknown
from nightshift.scoring.feeds import METADATA, Columns, Matrix
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import ModelSpec

TEXTS = st.one_of(st.none(), st.sampled_from(["", "a", "b", "ß", "never seen", " a"]))


@pytest.fixture
def lean(spec: ModelSpec, change: Callable[..., ModelSpec]) -> ModelSpec:
    """A spec whose features are weight and kind."""
    hidden = {name: {"feature": False} for name in spec.columns if name not in {"weight", "kind"}}
    return change(spec, columns=hidden, drift={"features": []})


def summing(feeds: str, inputs: tuple[str, ...] = ("numbers", "codes")) -> bytes:
    """A graph of the matrix layout: score = weight + code of kind / 10."""
    known = {"numbers": (TensorProto.FLOAT, 1), "codes": (TensorProto.INT64, 1)}
    nodes = [
        helper.make_node("Cast", ["codes"], ["c"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["c", "tenth"], ["t"]),
        helper.make_node("Add", ["numbers", "t"], ["score"]),
    ]
    given = [helper.make_tensor_value_info(n, known[n][0], [None, known[n][1]]) for n in inputs]
    out = [helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 1])]
    graph = helper.make_graph(nodes, "g", given, out, [helper.make_tensor("tenth", TensorProto.FLOAT, [1], [0.1])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    helper.set_model_props(model, {METADATA: feeds})
    return bytes(model.SerializeToString())


@given(values=st.lists(TEXTS), known=st.lists(st.sampled_from(["", "a", "b", "ß"]), unique=True), cut=st.integers(0, 9))
@settings(deadline=None)
def test_a_code_is_the_index_of_the_value_however_strings_are_held(
    values: list[str | None], known: list[str], cut: int
) -> None:
    expected = [known.index(v or "") if (v or "") in known else -1 for v in values]
    plain, among = pa.array(values, pa.string()), pa.array(known, pa.string())
    assert codes(plain, among).tolist() == expected
    assert codes(plain.dictionary_encode(), among).tolist() == expected
    assert codes(plain.dictionary_encode()[cut:], among).tolist() == expected[cut:]


def test_a_matrix_has_numbers_with_nan_and_codes(lean: ModelSpec) -> None:
    feeds = Matrix(numbers=("kind", "weight"), codes=("kind",), categories={"kind": ("", "lamp", "shoe")})
    rows = pa.table({"weight": [0.5, None, 2.0], "kind": ["shoe", None, "chair"]})
    found = feeds(rows)
    assert {n: (v.dtype, v.shape) for n, v in found.items()} == {
        "numbers": (np.float32, (3, 2)), "codes": (np.int64, (3, 1)),
    }  # fmt: skip
    assert found["codes"].ravel().tolist() == [2, 0, -1]
    assert found["numbers"][:, 0].tolist() == [2.0, 0.0, -1.0]
    assert [None if math.isnan(v) else v for v in found["numbers"][:, 1]] == [0.5, None, 2.0]


def test_a_graph_that_asks_for_matrices_gets_them(lean: ModelSpec) -> None:
    feeds = Matrix(numbers=("weight",), codes=("kind",), categories={"kind": ("lamp", "shoe")})
    graph = OnnxGraph(lean, summing(feeds.model_dump_json()))
    rows = pa.table({"kind": ["shoe", "lamp", "chair"] * 1000, "weight": [0.5, 0.25, 0.75] * 1000})
    assert graph.score(rows) == pytest.approx([0.6, 0.25, 0.65] * 1000)


def test_a_graph_whose_matrices_name_other_features_says_which(lean: ModelSpec) -> None:
    feeds = Matrix(numbers=("weight",), codes=("sort",), categories={"sort": ("lamp",)})
    with pytest.raises(ModelError, match=r"was trained on sort, weight; the features of model.yaml are now kind, w"):
        OnnxGraph(lean, summing(feeds.model_dump_json())).score(pa.table({"kind": ["shoe"], "weight": [0.5]}))


@pytest.mark.parametrize("feeds", ["{", '{"format": 2, "numbers": []}', '{"format": 1, "numbers": [], "run": "x"}'])
def test_feeds_of_another_format_are_refused(lean: ModelSpec, feeds: str) -> None:
    with pytest.raises(UnsafeGraph, match=r"nightshift\.feeds is not of format 1"):
        OnnxGraph(lean, summing(feeds))


def test_nulls_are_fed_as_nan_and_the_empty_text(spec: ModelSpec, small_rows: Callable[..., pa.Table]) -> None:
    table = small_rows(spec, nights=1)
    found = Columns(spec)(table)
    assert list(found) == list(spec.features)
    assert {values.shape for values in found.values()} == {(table.num_rows, 1)}
    assert {name: values.dtype.kind for name, values in found.items()} == {
        "site": "O", "kind": "O", "amount": "f", "weight": "f", "items": "f", "express": "f",
    }  # fmt: skip
    assert all(values.dtype == np.float32 for values in found.values() if values.dtype.kind == "f")
    assert np.isnan(found["amount"]).sum() == table["amount"].null_count > 0
    assert (found["kind"] == "").sum() == table["kind"].null_count > 0
    assert set(found["express"].ravel()) == {0.0, 1.0}


def test_batches_are_fed_like_tables(spec: ModelSpec, small_rows: Callable[..., pa.Table]) -> None:
    table = small_rows(spec, nights=1)
    batch = table.to_batches()[0]
    for name, values in Columns(spec)(table).items():
        assert np.array_equal(values, Columns(spec)(batch)[name], equal_nan=values.dtype.kind == "f")


def test_whole_numbers_beyond_float32_are_rounded_not_refused() -> None:
    rows = pa.table({"weight": pa.array([16_777_217, None, 2**40], pa.int64())})
    found = Matrix(numbers=("weight",))(rows)["numbers"].ravel()
    assert (found[0], found[2]) == (16_777_216.0, float(2**40))
    assert np.isnan(found[1])


@given(
    values=st.lists(st.none() | st.floats(), min_size=1, max_size=30),
    kind=st.sampled_from([pa.float32(), pa.float64()]),
    cut=st.integers(0, 9),
)
@settings(deadline=None, max_examples=40)
def test_a_line_of_the_matrix_is_what_training_saw(values: list[float | None], kind: pa.DataType, cut: int) -> None:
    column = pa.array(values, pa.float64()).cast(kind, safe=False)[cut:]
    found = Matrix(numbers=("x",))(pa.record_batch({"x": column}))["numbers"]
    expected = as_float32(column).to_numpy(zero_copy_only=False)
    assert np.array_equal(found[:, 0], expected, equal_nan=True)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([True, None, False]),
        pa.array([dt.date(1970, 1, 2), None, dt.date(1969, 12, 31)]),
        pa.array([Decimal("1.50"), None, Decimal("-2.25")]),
        pa.array([2**31 - 1, None, -(2**31)], pa.int32()),
        pa.array([2**63 - 1, None, 1], pa.int64()),
        pa.array([255, None, 0], pa.uint8()),
    ],
    ids=lambda column: str(column.type),
)
def test_every_type_of_number_is_fed_as_training_saw_it(column: pa.Array) -> None:
    for part in (column, column[1:], column.drop_null()):
        found = Matrix(numbers=("x",))(pa.record_batch({"x": part}))["numbers"]
        expected = as_float32(part).to_numpy(zero_copy_only=False)
        assert np.array_equal(found[:, 0], expected, equal_nan=True)


@given(values=st.lists(TEXTS), known=st.lists(st.sampled_from(["", "a", "b", "ß"]), unique=True), cut=st.integers(0, 9))
@settings(deadline=None, max_examples=40)
def test_what_training_has_not_seen_is_counted_however_strings_are_held(
    values: list[str | None], known: list[str], cut: int
) -> None:
    expected = [(v or "") not in known for v in values]
    plain, among = pa.array(values, pa.string()), pa.array(known, pa.string())
    assert count_unknown(plain, among) == sum(expected)
    assert count_unknown(plain.dictionary_encode(), among) == sum(expected)
    # The dictionary of a part has texts that none of its rows has.
    assert count_unknown(plain.dictionary_encode()[cut:], among) == sum(expected[cut:])


def test_numbers_that_a_hostile_graph_asks_for_as_codes_are_no_crash() -> None:
    feeds = Matrix(numbers=("x",), codes=("x",))
    with np.errstate(invalid="ignore"):
        found = feeds(pa.record_batch({"x": pa.array([1.0, None])}))
    assert found["codes"].dtype == np.int64
    assert found["codes"][0, 0] == 1


def test_a_dictionary_is_looked_up_once_for_the_batches_that_share_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking up cost a unit as much as its rows."""
    looked_up = []
    places = codes_module._places

    def counting(values: pa.Array, known: pa.Array) -> pa.Array:
        looked_up.append(len(values))
        return places(values, known)

    monkeypatch.setattr(codes_module, "_places", counting)
    values = pa.array(["shared", "b", "shared", None] * 8).dictionary_encode()
    known = pa.array(["b", "shared"])
    assert [code for start in range(0, 32, 4) for code in codes(values[start : start + 4], known)] == [1, 0, 1, -1] * 8
    # The two texts, and null.
    assert looked_up == [2, 1]
