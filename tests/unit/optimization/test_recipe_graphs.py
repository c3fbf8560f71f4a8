"""One variant of every fit of a recipe: chosen on some nights, judged on others, alive in what scores."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest

from nightshift.errors import CollapsedRefit
from nightshift.modelling.folds import folds_of
from nightshift.modelling.holdout import Split, split
from nightshift.modelling.recipe import fit
from nightshift.optimization import recipe_graphs as module
from nightshift.optimization.recipe_graphs import FittedFold, recipe_graphs
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import ModelSpec

Change = Callable[..., ModelSpec]


class Recipe(NamedTuple):
    spec: ModelSpec
    rows: Split
    folds: list[FittedFold]
    refit: Any


@pytest.fixture
def recipe(spec: ModelSpec, small_rows: Callable[..., pa.Table], change: Change) -> Callable[..., Recipe]:
    def make(**optimize: Any) -> Recipe:
        changed = change(spec, optimize=optimize, gates={"slices": []})
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


def test_an_approximate_graph_is_judged_on_nights_that_did_not_choose_it(
    recipe: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = recipe(variants=["codes", "truncated_half"], max_metric_loss=10.0)
    judged_on: list[set[int]] = []

    def confirm(_: ModelSpec, rows: Any, *scores: Any) -> str:
        judged_on.append(set(rows.nights.tolist()))
        return "on nights that did not choose it it is bad"

    search = module.search
    monkeypatch.setattr(module, "confirm", confirm)
    monkeypatch.setattr(module, "search", lambda *given: choosing(search(*given), "truncated_half"))
    found = recipe_graphs(made.spec, made.folds, made.refit, made.rows)
    choosing_nights = set(made.rows.holdout.nights.tolist())
    assert judged_on == [set(made.folds[0].fold.judged.nights.tolist())]
    assert not judged_on[0] & choosing_nights
    assert found.scoring.exact
    refused = {result.name: result.refusal for result in found.search.results}
    assert refused["truncated_half"] == "on nights that did not choose it it is bad"


def choosing(variants: Any, name: str) -> Any:
    chosen = {result.name: result for result in variants.results}[name]
    return replace(variants, chosen=replace(chosen, refusal=""))


def test_with_one_fold_the_number_tried_is_accounted_for(recipe: Callable[..., Recipe], change: Change) -> None:
    made = recipe(variants=["truncated_half", "truncated_quarter"], max_metric_loss=10.0)
    alone = module.search(made.spec, made.folds[-1].pipeline, made.folds[-1].rows(made.rows.unlabelled))
    less = change(made.spec, optimize={"variants": ["truncated_half"]})
    single = module.search(less, made.folds[-1].pipeline, made.folds[-1].rows(made.rows.unlabelled))
    of_two, of_one = ({r.name: r for r in found.results}["truncated_half"].loss for found in (alone, single))
    assert of_two.mean == of_one.mean
    assert of_two.high > of_one.high


def test_a_refit_that_says_the_same_of_all_is_refused(recipe: Callable[..., Recipe], change: Change) -> None:
    made = recipe(variants=[])
    flat = change(made.spec, training={"parameters": {"max_iter": 1, "learning_rate": 0.001}})
    with pytest.raises(CollapsedRefit, match="scores otherwise"):
        recipe_graphs(made.spec, made.folds, fit(flat, made.rows.labelled), made.rows)
