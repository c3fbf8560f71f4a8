"""Students, pruned networks, truncated trees and 8 bits: what they are, and that they come out the same each time."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import onnx
import pyarrow as pa
import pytest

from nightshift.modelling.inputs import model_inputs
from nightshift.optimization.variants import student
from nightshift.optimization.variants.augmentation import resampled
from nightshift.optimization.variants.catalogue import build_all
from nightshift.optimization.variants.from_sklearn import trained_network
from nightshift.optimization.variants.network import Network
from nightshift.scoring.graph import OnnxGraph
from nightshift.scoring.inspection import DOMAINS
from nightshift.spec import VARIANTS, ModelSpec
from nightshift.training.unseen import UNSEEN

ALL = ["truncated_half", "truncated_quarter", "student", "pruned", "int8_dynamic", "int8_static"]
NETWORKS = {"pruned", "int8_dynamic", "int8_static"}


def sigmoid(network: Network, rows: pa.Table) -> np.ndarray:
    return 1 / (1 + np.exp(-network.forward(network.feeds(rows))[-1].ravel()))


@pytest.mark.usefixtures("networks")
@pytest.mark.parametrize(
    ("trainer", "built"),
    [
        ("hist_gradient_boosting", set(ALL)),
        ("neural_network", NETWORKS),
        ("tabular_network", NETWORKS),
        ("logistic_regression", set()),
    ],
)
def test_variants_are_built_where_they_make_sense_twice_alike_and_score_edges(
    fit: Callable, trainer: str, built: set[str]
) -> None:
    made, again = (fit(trainer, optimize={"variants": ALL, "max_metric_loss": 0.1}) for _ in range(2))
    files, refused = build_all(made.inputs)
    assert set(files) == built
    assert all(refused[name] for name in set(ALL) - built)
    assert files == build_all(again.inputs)[0]
    for name, body in files.items():
        scores = OnnxGraph(made.spec, body).score(made.parity_rows.rows)
        assert ((scores >= 0) & (scores <= 1)).all(), name
        assert {node.domain for node in onnx.load_model_from_string(body).graph.node} <= DOMAINS


def test_without_an_allowance_nothing_approximate_is_built(fit: Callable) -> None:
    made = fit(optimize={"variants": list(VARIANTS)})
    files, refused = build_all(made.inputs)
    assert set(files) == {"fp32_optimized", "codes", "codes_mirrored"}
    assert {refused[name] for name in ALL} == {"not built: the spec allows no metric loss"}


@pytest.mark.usefixtures("networks")
def test_a_student_comes_nearer_to_its_teacher_than_the_base_rate_is(fit: Callable) -> None:
    made = fit()
    inputs = made.inputs
    held = made.rows.holdout.table
    taught = OnnxGraph(made.spec, inputs.student.to_onnx("student")).score(held)
    teacher = made.pipeline.predict_proba(model_inputs(made.spec, held))[:, 1]
    assert np.abs(taught - teacher).mean() < np.abs(teacher - teacher.mean()).mean() / 3
    assert inputs.losses["student"][-1] < inputs.losses["student"][0]


@pytest.mark.usefixtures("networks")
def test_beyond_what_training_saw_a_student_is_level(fit: Callable) -> None:
    made = fit()
    graph = OnnxGraph(made.spec, made.inputs.student.to_onnx("student"))
    row = made.rows.holdout.table.select(list(made.spec.features)).slice(0, 1)
    place = row.schema.get_field_index("weight")
    far = [row.set_column(place, "weight", pa.array([value], pa.float64())) for value in (1e3, 1e9)]
    assert graph.score(far[0]) == graph.score(far[1])


def test_the_graph_of_a_network_says_what_its_arrays_say(fit: Callable) -> None:
    made = fit("neural_network")
    for network in (trained_network(made.prepared), student._untaught(made.prepared, made.rows.train)):
        scores = OnnxGraph(made.spec, network.to_onnx("x")).score(made.parity_rows.rows)
        assert scores == pytest.approx(sigmoid(network, made.parity_rows.rows), abs=1e-5)


def test_units_that_do_nothing_are_the_first_to_go(fit: Callable) -> None:
    made = fit("neural_network")
    inputs = made.inputs
    whole = trained_network(made.prepared)
    dead = [np.arange(len(weight)) % 2 == 1 for weight in whole.weights[1:]]
    weights = [whole.weights[0], *(np.where(d[:, None], 0, w) for d, w in zip(dead, whole.weights[1:], strict=True))]
    half = student.prune(replace(whole, weights=tuple(np.float32(w) for w in weights)), inputs.distillation_set)
    assert [len(bias) for bias in half.biases] == [6, 3, 1]
    before = replace(whole, weights=tuple(np.float32(w) for w in weights))
    rows = made.rows.holdout.table
    assert sigmoid(half, rows) == pytest.approx(sigmoid(before, rows), abs=1e-6)


def test_rows_to_learn_from_hold_what_nights_may_hold(spec: ModelSpec, small_rows: Callable[..., pa.Table]) -> None:
    table = small_rows(spec)
    found = resampled(spec, table, 5000, np.random.default_rng(3))
    assert found.num_rows == 5000
    assert found["weight"].null_count == found["items"].null_count == found["site"].null_count == 0
    assert found["amount"].null_count / 5000 > table["amount"].null_count / table.num_rows
    assert set(found["site"].to_pylist()) == {"east", "north", "south", UNSEEN}
    assert set(found["express"].to_pylist()) == {0.0, 1.0}
    assert set(found["items"].to_pylist()) == set(map(float, table["items"].to_pylist()))
    seen, weights = set(np.float32(table["weight"].to_numpy()).tolist()), np.array(found["weight"])
    assert 0.2 < np.mean([value not in seen for value in weights.tolist()]) < 0.6
    assert min(seen) <= weights.min() <= weights.max() <= max(seen)
    assert found.equals(resampled(spec, table, 5000, np.random.default_rng(3)))


def test_fewer_trees_are_a_smaller_file_and_further_away(fit: Callable) -> None:
    made = fit(optimize={"variants": ["codes", "truncated_half", "truncated_quarter"], "max_metric_loss": 1})
    files = build_all(made.inputs)[0]
    assert len(files["codes"]) > len(files["truncated_half"]) > len(files["truncated_quarter"])
    away = [
        made.parity_rows.compare(OnnxGraph(made.spec, body).score(made.parity_rows.rows)).mean_difference
        for body in files.values()
    ]
    assert away == sorted(away)
    assert away[1] > 1e-4
