"""The graphs of a network for tables: of any columns, alone or with a calibration, they say what it says."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from nightshift.modelling.label_types import label_type
from nightshift.optimization.export import to_onnx
from nightshift.optimization.parity import parity_rows
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import ModelSpec
from nightshift.training import recipe

TEXTS = ["site", "kind"]
NUMBERS = ["amount", "weight", "items", "express"]


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("left", [TEXTS, NUMBERS, ["kind"], ["weight"]])
def test_a_graph_is_of_texts_alone_or_of_numbers_alone_as_well(
    of_kind: Callable[..., ModelSpec], labelled: Callable[..., Any], kind: str, left: list[str]
) -> None:
    whole = of_kind(kind, "tabular_network")
    rows = labelled(whole)
    spec = whole.with_features(tuple(name for name in whole.features if name in left))
    pipeline = recipe.fit(spec, rows.train)
    held = parity_rows(spec, pipeline, rows.holdout.table)
    parity = held.require(OnnxGraph(spec, to_onnx(spec, pipeline)).score(held.rows))
    assert parity.label_flips == 0


def test_a_graph_knows_the_categories_that_training_has_seen(fitted: Callable[..., Any]) -> None:
    made = fitted("binary", "tabular_network")
    graph = OnnxGraph(made.spec, to_onnx(made.spec, made.pipeline))
    table = made.rows.holdout.table
    strange = table.set_column(table.schema.get_field_index("kind"), "kind", pa.array(["hat"] * table.num_rows))
    assert graph.unseen(strange) == {"kind": table.num_rows}
    assert len(np.unique(graph.score(strange))) > 1


@pytest.mark.parametrize("number", [3.4e38, -3.4e38, 1e-38])
def test_far_beyond_what_training_saw_graph_and_network_are_level(fitted: Callable[..., Any], number: float) -> None:
    made = fitted("regression", "tabular_network")
    table = made.rows.holdout.table
    far = table.set_column(table.schema.get_field_index("weight"), "weight", pa.array([number] * table.num_rows))
    scores = OnnxGraph(made.spec, to_onnx(made.spec, made.pipeline)).score(far)
    expected = label_type(made.spec).predict(made.pipeline, recipe.model_inputs(made.spec, far))
    assert np.isfinite(scores).all()
    assert scores == pytest.approx(expected, rel=1e-6)
