"""An exported graph takes columns as they are, and gives the bits of the graph that scores at night."""

from collections.abc import Callable

import numpy as np
import onnx
import pyarrow as pa
import pytest

from nightshift.errors import ModelError
from nightshift.export.columns_graph import with_columns
from nightshift.export.exported import exported
from nightshift.export.golden import NEVER_SEEN, ROWS
from nightshift.export.tensors import bits_of, from_bits, scores_of
from nightshift.modelling.label_types import label_type
from nightshift.scoring.feeds import Matrix
from nightshift.scoring.graph import OnnxGraph
from tests.exports import KINDS, Made

TREES = {"codes", "plain", "multiclass", "regression", "quantile"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_row_has_the_bits_that_it_has_at_night(made: Callable[[str], Made], kind: str) -> None:
    version = made(kind)
    ours = OnnxGraph(version.spec, version.body)
    theirs = OnnxGraph(version.spec, version.export().graph)
    assert np.array_equal(theirs.score(version.rows), ours.score(version.rows))
    assert theirs.unseen(version.rows) == ours.unseen(version.rows)


@pytest.mark.parametrize("kind", KINDS)
def test_the_record_says_what_the_file_has(made: Callable[[str], Made], kind: str) -> None:
    export = made(kind).export()
    facts = export.facts
    graph = onnx.load_model_from_string(export.graph).graph
    assert [given.name for given in facts.inputs] == [value.name for value in graph.input]
    assert facts.output.name in {value.name for value in graph.output}
    assert {given.shape for given in facts.inputs} == {(-1, 1)}
    assert [given.datatype for given in facts.inputs] == [
        "BYTES" if facts.columns[given.columns[0]].type == "string" else "FP32" for given in facts.inputs
    ]
    assert (facts.graph_kind == "trees") == (kind in TREES)
    assert len(facts.golden.scores) == ROWS


def test_a_plain_graph_goes_out_as_it_is(made: Callable[[str], Made]) -> None:
    version = made("plain")
    assert version.export().graph == version.body
    assert version.export().facts.golden.champion_inputs == {}
    assert set(made("codes").export().facts.golden.champion_inputs) == {"numbers"}
    assert set(made("network").export().facts.golden.champion_inputs) == {"numbers", "codes"}


def test_the_same_version_gives_the_same_bytes(made: Callable[[str], Made]) -> None:
    first = made("codes").export()
    again = made("codes").export()
    assert (again.graph, again.facts.to_json()) == (first.graph, first.facts.to_json())


def test_golden_rows_are_nobody_s(made: Callable[[str], Made]) -> None:
    """Every value is of the data, no whole row is."""
    version = made("codes")
    golden = version.export().facts.golden.columns
    features = list(golden)
    rows = {tuple(row.values()) for row in version.rows.select(features).to_pylist()}
    for name, values in golden.items():
        known = {*version.rows[name].to_pylist(), None, NEVER_SEEN}
        assert set(values) <= known
    assert not rows & set(zip(*golden.values(), strict=True))


def test_golden_rows_have_nulls_and_a_text_that_nobody_has_seen(made: Callable[[str], Made]) -> None:
    golden = made("codes").export().facts.golden.columns
    assert golden["kind"][-2:] == (None, NEVER_SEEN)
    assert golden["amount"][-2] is None
    assert None not in golden["weight"]


def test_a_version_without_rows_has_no_golden_ones(made: Callable[[str], Made]) -> None:
    version = made("codes")
    with pytest.raises(ModelError, match="keeps no row to try an export by"):
        exported(version.spec, version.pin, "codes", version.body, version.rows.slice(0, 0))


def test_a_feature_that_model_yaml_has_no_more_is_named(made: Callable[[str], Made]) -> None:
    version = made("codes")
    columns = {name: column for name, column in version.spec.columns.items() if name != "weight"}
    spec = version.spec.model_copy(update={"columns": columns})
    with pytest.raises(ModelError, match=r"was trained on weight, which model\.yaml has no more"):
        exported(spec, version.pin, "codes", version.body, version.rows)


def test_a_graph_that_has_our_names_already_is_refused(made: Callable[[str], Made]) -> None:
    version = made("codes")
    model = onnx.load_model_from_string(version.body)
    model.graph.node[0].output[0] = "f0"
    feeds = OnnxGraph(version.spec, version.body).feeds
    assert isinstance(feeds, Matrix)
    with pytest.raises(ModelError, match="calls values f0"):
        with_columns(model.SerializeToString(), feeds, label_type(version.spec))


def test_a_column_without_a_known_text_is_unknown_throughout(made: Callable[[str], Made]) -> None:
    version = made("codes")
    feeds = OnnxGraph(version.spec, version.body).feeds
    assert isinstance(feeds, Matrix)
    none_known = feeds.model_copy(update={"categories": {**feeds.categories, "kind": ()}})
    graph = OnnxGraph(version.spec, with_columns(version.body, none_known, label_type(version.spec)))
    strange = version.rows.set_column(
        version.rows.column_names.index("kind"), "kind", pa.array([NEVER_SEEN] * version.rows.num_rows)
    )
    assert np.array_equal(graph.score(version.rows), OnnxGraph(version.spec, version.body).score(strange))


def test_floats_survive_as_bits() -> None:
    values = np.array([0.1, -0.0, np.nan, np.inf, 1e-45], np.float32)
    assert bits_of(values)[:2] == ["3dcccccd", "80000000"]
    assert from_bits(bits_of(values)).tobytes() == values.tobytes()
    assert scores_of((("3f000000",), ("3f800000",))).tolist() == [[0.5], [1.0]]
