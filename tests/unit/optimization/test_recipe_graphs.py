"""One variant of every fit of a recipe: chosen on some nights, judged on others, alive in what scores."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest

from nightshift.errors import CollapsedRefit
from nightshift.modelling.folds import folds_of
from nightshift.modelling.holdout import LabelledRows, Split, split
from nightshift.modelling.metrics import Difference, row_losses
from nightshift.optimization import payback
from nightshift.optimization import recipe_graphs as module
from nightshift.optimization import search as search_module
from nightshift.optimization.export import to_onnx
from nightshift.optimization.recipe_graphs import FittedFold, recipe_graphs
from nightshift.optimization.variants.report import as_markdown
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import ModelSpec
from nightshift.training.calibration.pipeline import without_calibration
from nightshift.training.recipe import fit, out_of_fold

Change = Callable[..., ModelSpec]


class Recipe(NamedTuple):
    spec: ModelSpec
    rows: Split
    folds: list[FittedFold]
    refit: Any


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """How fast graphs are is no matter here."""
    monkeypatch.setattr(search_module, "FEW_ROUNDS", 1)


@pytest.fixture
def recipe(spec: ModelSpec, small_rows: Callable[..., pa.Table], change: Change) -> Callable[..., Recipe]:
    def make(training: dict[str, Any] | None = None, **optimize: Any) -> Recipe:
        changed = change(spec, optimize=optimize, gates={"slices": []}, training=training or {})
        rows = split(changed, small_rows(changed, nights=16))
        folds = [FittedFold(fold, fit(changed, fold.train)) for fold in folds_of(changed, rows)]
        return Recipe(changed, rows, folds, fit(changed, rows.labelled))

    return make


def test_what_scores_is_the_refit_and_each_fold_has_the_same_variant(recipe: Callable[..., Recipe]) -> None:
    made = recipe(variants=["codes"])
    found = recipe_graphs(made.spec, made.folds, made.refit, made.rows)
    assert found.scoring.name == found.search.chosen.name == "codes"
    assert len(found.folds) == len(made.folds) == 2
    assert len({found.body, *found.folds}) == 3
    assert found.twin == found.search.files["codes"]
    for fold, body, scores in zip(made.folds, found.folds, found.scores, strict=True):
        assert np.array_equal(scores, OnnxGraph(made.spec, body).score(fold.fold.judged.table))


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_what_a_calibrated_recipe_is_watched_by_is_calibrated(recipe: Callable[..., Recipe], method: str) -> None:
    """Profile, reference and evidence are made of these scores: none of them is the estimator's own."""
    made = recipe({"calibration": method}, variants=["codes"])
    found = recipe_graphs(made.spec, made.folds, made.refit, made.rows)
    folds = [fold.fold for fold in made.folds]
    pipelines = [fold.pipeline for fold in made.folds]
    scores = np.concatenate(found.scores)
    assert scores == pytest.approx(out_of_fold(made.spec, folds, pipelines).scores, abs=1e-5)
    raw = out_of_fold(made.spec, folds, [without_calibration(pipeline) for pipeline in pipelines]).scores
    assert np.abs(scores - raw).max() > 0.01


def test_an_approximate_graph_is_chosen_by_no_judged_night_and_judged_alone_on_all(
    recipe: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = recipe(variants=["codes", "truncated_half", "truncated_quarter"], max_metric_loss=10.0, approximate="always")
    judged_on: list[list[int]] = []
    bad = Difference(11.0, 10.5, 11.5)

    def confirm(_: ModelSpec, rows: Any, *scores: Any) -> tuple[Difference, str]:
        judged_on.append(np.unique(rows.nights).tolist())
        return bad, "log_loss may be +11.5000 worse (allowed 10)"

    search = module.search
    monkeypatch.setattr(module, "confirm", confirm)
    monkeypatch.setattr(module, "search", lambda *given: choosing(search(*given), "truncated_half"))
    found = recipe_graphs(made.spec, made.folds, made.refit, made.rows)
    assert judged_on == [np.unique(np.concatenate([fold.fold.judged.nights for fold in made.folds])).tolist()]
    assert found.scoring.exact
    refused = {result.name: result for result in found.search.results}["truncated_half"]
    assert (refused.refusal, refused.loss) == ("log_loss may be +11.5000 worse (allowed 10)", bad)


def choosing(variants: Any, name: str) -> Any:
    chosen = {result.name: result for result in variants.results}[name]
    return replace(variants, chosen=replace(chosen, refusal=""))


def test_an_approximate_graph_that_loses_little_scores_and_its_line_is_of_all_judged_nights(
    recipe: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = recipe(variants=["truncated_half"], max_metric_loss=10.0, approximate="always")
    search = module.search
    monkeypatch.setattr(module, "search", lambda *given: choosing(search(*given), "truncated_half"))
    found = recipe_graphs(made.spec, made.folds, made.refit, made.rows)
    assert found.scoring.name == "truncated_half"
    losses = []
    for fold, body in zip(made.folds, found.folds, strict=True):
        rows = fold.fold.judged
        exact = OnnxGraph(made.spec, to_onnx(made.spec, fold.pipeline)).score(rows.table)
        scores = OnnxGraph(made.spec, body).score(rows.table)
        losses.append(row_losses("log_loss", rows.labels, scores) - row_losses("log_loss", rows.labels, exact))
    assert found.search.chosen.loss.mean == pytest.approx(np.concatenate(losses).mean(), abs=1e-6)


def test_what_a_month_of_nights_cannot_win_back_is_not_built_and_the_run_says_so(
    recipe: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = recipe(variants=["codes", "truncated_half"], max_metric_loss=10.0)
    small = recipe_graphs(made.spec, made.folds, made.refit, made.rows).search
    refused = {result.name: result.refusal for result in small.results}
    assert refused["truncated_half"].startswith("not built: scoring 30 nights takes 0.0")
    assert refused["truncated_half"] in as_markdown(made.spec, small.results, small.chosen)
    assert set(small.files) == {"fp32", "codes"}
    # As nights are that take longer.
    monkeypatch.setattr(payback, "COST_SECONDS", 0.0)
    assert "truncated_half" in recipe_graphs(made.spec, made.folds, made.refit, made.rows).search.files


def test_a_month_is_thirty_nights_of_the_usual_size() -> None:
    nights = np.repeat(np.arange(5), [900, 900, 1_000, 10, 5_000])
    judged = LabelledRows(pa.table({"x": nights}), nights.astype(float), nights)
    assert payback.month_of_scoring(judged, 1e-6) == pytest.approx(30 * 900 * 1e-6)


def test_a_refit_that_says_the_same_of_all_is_refused(recipe: Callable[..., Recipe], change: Change) -> None:
    made = recipe(variants=[])
    flat = change(made.spec, training={"parameters": {"max_iter": 1, "learning_rate": 0.001}})
    with pytest.raises(CollapsedRefit, match="scores otherwise"):
        recipe_graphs(made.spec, made.folds, fit(flat, made.rows.labelled), made.rows)
