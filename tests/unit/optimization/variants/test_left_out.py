"""What a model was trained without, no faster graph of it has learnt either."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from nightshift.modelling.holdout import LabelledRows
from nightshift.optimization.export import to_onnx
from nightshift.optimization.variants import student
from nightshift.optimization.variants.catalogue import build_all
from nightshift.optimization.variants.inputs import VariantInputs
from nightshift.scoring.graph import OnnxGraph
from nightshift.training import recipe

ALL = ["fp32_optimized", "codes", "codes_mirrored", "truncated_half", "student", "pruned", "int8_static"]


def with_amount(table: pa.Table, values: pa.Array) -> pa.Table:
    place = table.schema.get_field_index("amount")
    field = table.schema.field("amount")
    return table.set_column(place, field, values.cast(field.type))


@pytest.mark.usefixtures("networks")
@pytest.mark.parametrize("trainer", ["hist_gradient_boosting", "neural_network"])
def test_a_sensor_that_comes_back_changes_no_score_of_any_graph(
    fit: Callable, monkeypatch: pytest.MonkeyPatch, trainer: str
) -> None:
    """A student's weights of it were as they had been drawn: the night that it came back scored at random."""
    monkeypatch.setattr(student, "STEPS", 200)
    made = fit(trainer, optimize={"variants": ALL, "max_metric_loss": 1.0})
    table = made.rows.train.table
    dead = with_amount(table, pa.nulls(table.num_rows, pa.float32()))
    rows = LabelledRows(dead, made.rows.train.labels, made.rows.train.nights)
    pipeline = recipe.fit(made.spec, rows)
    files, _ = build_all(VariantInputs(made.spec, pipeline, rows, to_onnx(made.spec, pipeline)))
    assert {"codes", "pruned", "int8_static"} <= set(files)
    night = made.rows.holdout.table
    amounts = np.random.default_rng(0).normal(0, 1e6, night.num_rows)
    alive = with_amount(night, pa.array(amounts))
    dark = with_amount(night, pa.nulls(night.num_rows, pa.float32()))
    for name, body in files.items():
        graph = OnnxGraph(made.spec, body)
        assert graph.score(alive) == pytest.approx(graph.score(dark), abs=1e-6), name


def test_what_cannot_be_quantised_is_a_reason_and_no_traceback(fit: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime asserts that a scale is a number."""

    def asserts(*_: object, **__: object) -> None:
        raise AssertionError("scale issue")

    made = fit("neural_network", optimize={"variants": ["int8_dynamic"], "max_metric_loss": 1.0})
    monkeypatch.setattr("onnxruntime.quantization.quantize_dynamic", asserts)
    files, refusals = build_all(made.inputs)
    assert files == {}
    assert refusals == {"int8_dynamic": "ONNX Runtime cannot quantise it: scale issue"}
