"""Layouts that must say what the trained model says: on held-out rows, nulls, unseen categories and every split."""

import copy
from collections.abc import Callable

import numpy as np
import onnx
import pytest

from nightshift.errors import ParityFailed, VariantRefused
from nightshift.optimization.variants import offline
from nightshift.optimization.variants.catalogue import build_all
from nightshift.optimization.variants.from_sklearn import trained_network
from nightshift.optimization.variants.onnx_file import build, constant
from nightshift.optimization.variants.trees import forest_of, to_onnx
from nightshift.scoring.feeds import Matrix
from nightshift.scoring.graph import OnnxGraph

EXACT = {"variants": ["fp32_optimized", "codes", "codes_mirrored"]}


@pytest.mark.parametrize(
    ("trainer", "built"),
    [
        ("hist_gradient_boosting", {"fp32_optimized", "codes", "codes_mirrored"}),
        ("logistic_regression", {"fp32_optimized", "codes"}),
        ("neural_network", {"fp32_optimized", "codes"}),
        ("tabular_network", {"codes"}),
    ],
)
def test_every_exact_layout_that_a_trainer_has_shows_parity(fit: Callable, trainer: str, built: set[str]) -> None:
    made = fit(trainer, optimize=EXACT)
    files, refused = build_all(made.inputs)
    assert set(files) == built
    assert set(refused) == {"fp32_optimized", "codes", "codes_mirrored"} - built
    for body in files.values():
        found = made.parity_rows.require(OnnxGraph(made.spec, body).score(made.parity_rows.rows))
        assert found.label_flips == 0
        assert found.max_difference < 2e-6


def test_layouts_with_codes_are_fed_matrices(fit: Callable) -> None:
    for trainer, codes in (("hist_gradient_boosting", ()), ("neural_network", ("site", "kind"))):
        made = fit(trainer, optimize={"variants": ["codes"]})
        feeds = OnnxGraph(made.spec, build_all(made.inputs)[0]["codes"]).feeds
        assert isinstance(feeds, Matrix)
        assert feeds.codes == codes
        assert feeds.categories["kind"] == ("", "book", "lamp", "shoe")


@pytest.mark.parametrize(
    "trainer", ["hist_gradient_boosting", "logistic_regression", "neural_network", "tabular_network"]
)
def test_the_same_model_gives_the_same_bytes(fit: Callable, trainer: str) -> None:
    one, other = (build_all(fit(trainer, optimize=EXACT).inputs)[0] for _ in range(2))
    assert one == other


def test_mirrored_trees_need_not_say_where_nulls_go(fit: Callable) -> None:
    made = fit()
    given = forest_of(made.prepared)
    assert any(nodes["missing_go_to_left"].any() for nodes in given.trees)
    for mirrored in (False, True):
        model = onnx.load_model_from_string(to_onnx(made.prepared, given, mirrored=mirrored))
        (trees,) = (node for node in model.graph.node if node.op_type == "TreeEnsembleRegressor")
        assert ("nodes_missing_value_tracks_true" in {a.name for a in trees.attribute}) is not mirrored


def test_a_layout_that_sent_nulls_the_other_way_would_be_seen(fit: Callable) -> None:
    made = fit()
    wrong = copy.deepcopy(forest_of(made.prepared))
    for nodes in wrong.trees:
        nodes["missing_go_to_left"] = ~nodes["missing_go_to_left"].astype(bool)
    with pytest.raises(ParityFailed):
        made.parity_rows.require(OnnxGraph(made.spec, to_onnx(made.prepared, wrong)).score(made.parity_rows.rows))


def test_a_layout_for_another_activation_is_not_made(fit: Callable) -> None:
    made = fit("neural_network")
    made.pipeline[-1].activation = "tanh"
    with pytest.raises(VariantRefused, match="is for activation relu, not tanh"):
        trained_network(made.prepared)


def test_trees_that_split_on_sets_of_categories_are_not_laid_out(fit: Callable) -> None:
    made = fit()
    made.pipeline[-1]._predictors[0][0].nodes["is_categorical"][0] = 1
    with pytest.raises(VariantRefused, match="sets of categories"):
        forest_of(made.prepared)


def test_what_the_runtime_can_only_run_itself_is_not_kept() -> None:
    dense = onnx.helper.make_node("Gemm", ["numbers", "w"], ["d"])
    rest = [onnx.helper.make_node("Relu", ["d"], ["r"]), onnx.helper.make_node("Sigmoid", ["r"], ["score"])]
    body = build(Matrix(numbers=("a",)), [dense, *rest], [constant("w", np.ones((1, 1)))], "fused")
    with pytest.raises(VariantRefused, match=r"it needs operators of com\.microsoft"):
        offline.optimized(body)
