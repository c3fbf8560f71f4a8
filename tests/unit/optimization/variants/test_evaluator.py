"""Which graphs may score, which of those is taken, and how the table shows it."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from onnx import helper

from nightshift.errors import ModelError
from nightshift.modelling.metrics import Difference
from nightshift.optimization import search as search_module
from nightshift.optimization.parity import Parity
from nightshift.optimization.variants import measure
from nightshift.optimization.variants.evaluator import ChoosingRows, VariantEvaluator, VariantResult, choose, confirm
from nightshift.optimization.variants.onnx_file import build, constant
from nightshift.optimization.variants.report import as_json, as_markdown, pareto
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import ModelSpec

SAME = Parity(400, 1e-7, 1e-8, 0)
NONE = Difference(0.0, 0.0, 0.0)


def evaluator(made: Any) -> VariantEvaluator:
    fp32 = OnnxGraph(made.spec, made.inputs.fp32)
    train = made.rows.train.table
    choosing = ChoosingRows(train, fp32.score(train))
    return VariantEvaluator(made.spec, made.parity_rows, made.rows.holdout, exact(made), choosing)


def exact(made: Any) -> np.ndarray:
    return OnnxGraph(made.spec, made.inputs.fp32).score(made.rows.holdout.table)


def judged(made: Any, graph: OnnxGraph) -> tuple[Difference, str]:
    return confirm(made.spec, made.rows.holdout, graph.score(made.rows.holdout.table), exact(made))


def constant_graph(made: Any, score: float) -> OnnxGraph:
    """A graph that says the same of every row."""
    nodes = [
        helper.make_node("Gather", ["numbers", "columns"], ["one"], axis=1),
        helper.make_node("IsNaN", ["one"], ["null"]),
        helper.make_node("Where", ["null", "score_", "score_"], ["score"]),
    ]
    constants = [constant("columns", np.array([0])), constant("score_", np.array(score, np.float32))]
    return OnnxGraph(made.spec, build(made.prepared.one_matrix(), nodes, constants, "constant"))


def result(name: str, speed: float, *, exact: bool = False, refusal: str = "") -> VariantResult:
    return VariantResult(name, exact, refusal, SAME, NONE, speed, 1.0, 1000, "ab")


def test_a_worse_student_is_refused_with_the_interval(fit: Callable) -> None:
    made = fit(optimize={"variants": [], "max_metric_loss": 0.01})
    loss, refusal = judged(made, constant_graph(made, 0.9))
    assert refusal.startswith("log_loss may be +")
    assert refusal.endswith("worse (allowed 0.01)")
    assert loss.high > 0.01


def test_one_as_good_as_the_exact_graph_may_score(fit: Callable) -> None:
    made = fit(optimize={"variants": [], "max_metric_loss": 0.01})
    same = OnnxGraph(made.spec, made.inputs.fp32)
    found = evaluator(made).evaluate("student", False, same)
    assert (found.refusal, found.loss) == ("", NONE)
    assert judged(made, same) == (NONE, "")


def test_one_far_from_the_exact_graph_is_not_chosen_whatever_the_outcomes(fit: Callable) -> None:
    """Its distance is looked at, on training nights: no outcome of any night chooses."""
    made = fit(optimize={"variants": [], "max_metric_loss": 0.01})
    found = evaluator(made).evaluate("student", False, constant_graph(made, 0.9))
    assert found.refusal.startswith("by its distance from fp32 log_loss is +")
    other = made._replace(rows=replace(made.rows, holdout=with_other_outcomes(made.rows.holdout)))
    assert evaluator(other).evaluate("student", False, constant_graph(made, 0.9)).refusal == found.refusal


def with_other_outcomes(rows: Any) -> Any:
    return replace(rows, labels=1 - rows.labels)


def test_a_slice_or_a_floor_can_refuse_what_the_mean_allows(fit: Callable) -> None:
    made = fit(
        optimize={"variants": [], "max_metric_loss": 10.0},
        gates={"slice_allowance": 0.0, "slice_min_rows": 1, "at_least": {"roc_auc": 0.55}},
    )
    _, refusal = judged(made, constant_graph(made, 0.9))
    assert "roc_auc 0.5000 misses its floor 0.55" in refusal
    assert "site north: log_loss +" in refusal


def test_an_exact_graph_without_parity_is_out_whatever_its_metric(fit: Callable) -> None:
    made = fit(optimize={"variants": [], "max_metric_loss": 10.0}, gates={"slices": []})
    assert "the ONNX graph is up to" in evaluator(made).evaluate("codes", True, constant_graph(made, 0.5)).refusal


def test_scores_outside_zero_to_one_are_a_refusal_not_a_crash(fit: Callable) -> None:
    made = fit()
    found = evaluator(made).evaluate("student", False, constant_graph(made, 1.5))
    assert "scores outside [0, 1]" in found.refusal
    assert found.parity is None


def test_a_score_that_depends_on_the_rows_beside_it_is_refused(fit: Callable) -> None:
    """As with int8_dynamic, which scales what flows between layers by the largest value of the call."""
    made = fit(optimize={"variants": [], "max_metric_loss": 10.0}, gates={"slices": []})
    nodes = [
        helper.make_node("Gather", ["numbers", "items"], ["column"], axis=1),
        helper.make_node("IsNaN", ["column"], ["null"]),
        helper.make_node("Where", ["null", "zero", "column"], ["known"]),
        helper.make_node("Gather", ["known", "top"], ["first"], axis=0),
        helper.make_node("Sub", ["known", "first"], ["beyond"]),
        helper.make_node("Sigmoid", ["beyond"], ["score"]),
    ]
    column = made.prepared.one_matrix().columns.index("items")
    constants = [constant("items", np.array([column])), constant("zero", np.array(0, np.float32))]
    constants += [constant("top", np.array([0]))]
    comparing = OnnxGraph(made.spec, build(made.prepared.one_matrix(), nodes, constants, "comparing"))
    found = evaluator(made).evaluate("int8_dynamic", False, comparing)
    assert "with the rows beside it" in found.refusal


def test_the_fastest_that_may_score_is_taken() -> None:
    results = [result("fp32", 10, exact=True), result("codes", 20, exact=True), result("student", 90, refusal="worse")]
    assert choose(results).name == "codes"
    assert choose([*results, result("pruned", 40)]).name == "pruned"


def test_within_five_per_cent_an_exact_one_is_taken_then_the_first() -> None:
    fast, near, far = result("student", 100), result("codes", 96, exact=True), result("codes", 94, exact=True)
    assert choose([fast, near]).name == "codes"
    assert choose([far, fast]).name == "student"
    assert choose([result("student", 98), result("pruned", 100)]).name == "student"
    assert choose([result("codes", 98, exact=True), result("codes_mirrored", 100, exact=True)]).name == "codes"


def test_with_nothing_else_within_tolerance_fp32_stays() -> None:
    results = [result("fp32", 10, exact=True), result("codes", 20, exact=True, refusal="up to 0.1 away")]
    assert choose(results).name == "fp32"
    with pytest.raises(ModelError, match=r"no graph may score: fp32: down; codes: up to 0\.1 away"):
        choose([replace(results[0], refusal="down"), results[1]])


def test_the_table_says_what_was_taken_and_why_the_others_were_not(fit: Callable) -> None:
    made = fit(optimize={"max_metric_loss": 0.01})
    refused = VariantResult("student", False, "log_loss may be worse\n  -> fix")
    results = [result("fp32", 12_345, exact=True), result("codes", 20_000, exact=True), refused]
    said = as_markdown(made.spec, results, results[1])
    assert f"# {made.spec.name}: codes scores" in said
    lines = {line.split(" | ")[0].removeprefix("| "): line for line in said.splitlines() if line.startswith("| ")}
    assert "12,345" in lines["fp32"]
    assert lines["fp32"].endswith("within tolerance |")
    assert lines["codes"].endswith("**chosen** |")
    assert lines["student"].endswith("log_loss may be worse |")
    assert {line.count("|") for line in lines.values()} == {12}
    found = json.loads(as_json(results, results[1]))
    assert found["chosen"] == "codes"
    assert found["variants"][0]["rows_per_second"] == 12_345
    assert found["variants"][0]["loss_high"] == 0.0
    assert found["variants"][2]["max_difference"] is None


def test_the_plot_names_every_graph_that_ran(fit: Callable) -> None:
    made = fit(optimize={"max_metric_loss": 0.01})
    results = [
        result("fp32", 1e5, exact=True),
        result("codes", 2e5, exact=True),
        VariantResult("student", False, "not built"),
    ]
    (axes,) = pareto(made.spec, results, results[1]).axes
    assert {text.get_text() for text in axes.texts} == {"fp32", "codes"}


def test_graphs_are_measured_in_turns_on_the_same_rows(fit: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    made = fit()
    order: list[str] = []
    run = measure._seconds_to_score
    graphs: dict[int, str] = {}

    def noted(graph: OnnxGraph, units: list[pa.RecordBatch]) -> float:
        order.append(graphs.setdefault(id(graph), f"graph {len(graphs)}"))
        assert sum(unit.num_rows for unit in units) == rows
        return run(graph, units)

    rows = measure.cores() * measure.UNITS_PER_CORE * measure.UNIT_ROWS
    monkeypatch.setattr(measure, "_seconds_to_score", noted)
    found = measure.measure(
        made.spec, {"a": made.inputs.fp32, "b": made.inputs.fp32}, made.rows.holdout.table, rounds=2
    )
    assert order == ["graph 0", "graph 1"] * 3
    assert all(speed.rows_per_second > 1000 and speed.load_ms > 0 for speed in found.values())


def test_small_nights_are_measured_on_half_the_rows(fit: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    made = fit()
    asked: list[tuple[int, int]] = []

    def noted(spec: ModelSpec, bodies: dict[str, bytes], table: pa.Table, rounds: int, units_per_core: int) -> dict:
        asked.append((rounds, units_per_core))
        return {}

    monkeypatch.setattr(search_module, "measure", noted)
    held = search_module.held_graphs(made.spec, made.pipeline, made.rows)
    for month_seconds in (1.0, 1_000.0):
        search_module._measured(made.spec, replace(held, month_seconds=month_seconds), made.rows.holdout.table)
    assert asked == [(3, 1), (7, 2)]


def by_size_graph(made: Any) -> OnnxGraph:
    """A score that goes by how many rows the call has: their softmax, across the rows."""
    nodes = [
        helper.make_node("Gather", ["numbers", "columns"], ["one"], axis=1),
        helper.make_node("IsNaN", ["one"], ["null"]),
        helper.make_node("Where", ["null", "step", "step"], ["same"]),
        helper.make_node("Softmax", ["same"], ["score"], axis=0),
    ]
    constants = [constant("columns", np.array([0])), constant("step", np.array(1e-6, np.float32))]
    return OnnxGraph(made.spec, build(made.prepared.one_matrix(), nodes, constants, "by_size"))


def test_a_graph_whose_bits_go_by_the_size_of_a_call_is_named_and_not_servable(fit: Callable) -> None:
    made = fit(optimize={"variants": [], "max_metric_loss": 9.0})
    uneven = by_size_graph(made)
    found = evaluator(made).evaluate("student", False, uneven)
    assert (found.refusal == "" or "servable" not in found.refusal, found.flat()["is_servable"]) == (True, False)
    assert found.flat()["bits_other_at"][:3] == [1, 2, 3]
    asked = fit(optimize={"variants": [], "max_metric_loss": 9.0, "servable": True})
    judge = replace(evaluator(asked), choosing=None)
    refused = judge.evaluate("student", False, by_size_graph(asked))
    assert "optimize.servable: a row by day would not have the bits of the night" in refused.refusal


def test_a_graph_that_scores_at_night_as_by_day_says_at_which_sizes_that_was_tried(fit: Callable) -> None:
    made = fit(optimize={"variants": [], "servable": True})
    found = evaluator(made).evaluate("fp32", True, OnnxGraph(made.spec, made.inputs.fp32))
    assert (found.refusal, found.flat()["is_servable"], found.flat()["bits_other_at"]) == ("", True, [])
    assert found.flat()["bits_same_at"] == list(range(1, 65))
    assert '"is_servable": true' in as_json([found], found)
    assert VariantResult("x", True, "it did not run").flat()["is_servable"] is None
