"""Who is compared on which nights: models whose windows are known, on real services."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from nightshift.contracts import Candidate, Verdict
from nightshift.errors import FromTheFuture, ModelError, UnsafeGraph
from nightshift.modelling.folds import night_of
from nightshift.modelling.holdout import read_split
from nightshift.scoring.graph import fetch
from nightshift.spec import ModelSpec, load_spec
from nightshift.steps.evaluate import evaluate
from nightshift.steps.load import load
from nightshift.steps.optimize import optimize
from nightshift.steps.plan import plan
from nightshift.steps.promote import promote
from nightshift.steps.snapshot import snapshot
from nightshift.steps.train import register, train
from nightshift.stores import Stores
from nightshift.stores.versions import VersionRecord
from nightshift.training.evidence import read_evidence
from nightshift.training.recipe import recipe_sha256

pytestmark = pytest.mark.stack

Change = Callable[..., ModelSpec]


class World(NamedTuple):
    """A champion of a weak recipe, trained as of 2024-01-22, and the verdicts on challengers of a better one."""

    spec: ModelSpec
    weak: ModelSpec
    stores: Stores
    champion: Verdict
    much_older: Verdict
    older: Verdict


def candidate(spec: ModelSpec, as_of: str, stores: Stores) -> Candidate:
    trained = train(spec, snapshot(spec, as_of, stores), stores)
    return optimize(spec, register(spec, trained, stores), stores)


@pytest.fixture(scope="module")
def world(
    make_project: Callable[..., Path],
    open_stores: Callable[..., Stores],
    change: Change,
    tmp_path_factory: pytest.TempPathFactory,
) -> World:
    folder = make_project(tmp_path_factory.mktemp("evidence"), optimize={"variants": []})
    spec, stores = load_spec(folder / "model.yaml"), open_stores(folder.parents[1])
    weak = change(spec, training={"parameters": {"max_iter": 2, "learning_rate": 0.05, "min_samples_leaf": 10}})
    load(spec, "2024-01-04", "2024-01-24", stores)
    champion = evaluate(weak, candidate(weak, "2024-01-22", stores), stores)
    promote(weak, champion, stores)
    much_older = evaluate(spec, candidate(spec, "2024-01-14", stores), stores)
    older = evaluate(spec, candidate(spec, "2024-01-20", stores), stores)
    return World(spec, weak, stores, champion, much_older, older)


def record(world: World, verdict: Verdict) -> VersionRecord:
    found = world.stores.versions.record(world.spec.name, verdict.candidate.version)
    assert found
    return found


def test_the_record_says_what_was_fitted_and_what_was_judged(world: World) -> None:
    found = record(world, world.champion)
    assert world.champion.promote, world.champion.reasons
    assert (found.trained_through, found.fitted_through) == ("2024-01-21", "2024-01-21")
    # Its holdout is the 19th to the 21st, and the label of a night comes a day later.
    assert found.twin_fitted_through == "2024-01-17"
    assert found.recipe_sha256 == recipe_sha256(world.weak)
    assert found.twin_sha256 != found.onnx_sha256
    assert fetch(world.spec, found.twin_key, found.twin_sha256, world.stores).features == world.spec.features


def test_the_evidence_is_of_every_judged_row_by_the_fold_that_did_not_see_it(world: World) -> None:
    made = world.champion.candidate
    rows = read_split(world.weak, made.trained.snapshot, world.stores)
    judged, scores = read_evidence(world.weak, made, rows, world.stores)
    assert [night_of(day) for day in np.unique(judged.nights)] == [f"2024-01-{day}" for day in range(17, 22)]
    twin = fetch(world.weak, made.evidence.twin_key, made.evidence.twin_sha256, world.stores)
    of_twin = np.isin(judged.nights, rows.holdout.nights)
    assert np.array_equal(scores[of_twin], twin.score(rows.holdout.table))
    earlier = judged.only(~of_twin)
    assert np.abs(scores[~of_twin] - twin.score(earlier.table)).max() > 0
    assert [(fold.fitted_through, fold.first_judged) for fold in made.trained.folds] == [
        ("2024-01-15", "2024-01-17"),
        ("2024-01-17", "2024-01-19"),
    ]


def test_a_champion_that_saw_all_judged_nights_is_not_compared_on_them(world: World) -> None:
    """It was trained as of a later night: its equals looked worse than it by 0.01 to 0.11."""
    (reason,) = world.much_older.reasons
    assert (world.much_older.promote, world.much_older.inconclusive) == (False, True)
    assert reason.startswith(
        "inconclusive: no night is left to compare on: 5 nights left out, 2024-01-09 to 2024-01-13"
    )
    assert reason.endswith("version 1 was judged by a fit through 2024-01-17, which has seen them")


def test_nights_that_it_saw_are_left_out_and_named_and_the_others_compare(world: World) -> None:
    said = "; ".join(world.older.reasons)
    assert "3 nights left out, 2024-01-15 to 2024-01-17: version 1 was judged by a fit through 2024-01-17" in said
    assert "against version 1" in said
    made = world.older.candidate
    rows = read_split(world.spec, made.trained.snapshot, world.stores)
    judged, scores = read_evidence(world.spec, made, rows, world.stores)
    fair = judged.nights > np.datetime64("2024-01-17", "D").astype(int)
    found = record(world, world.champion)
    twin = fetch(world.spec, found.twin_key, found.twin_sha256, world.stores)
    losses = [
        -np.log(np.where(judged.labels[fair] == 1, p, 1 - p)).mean()
        for p in (scores[fair], twin.score(judged.only(fair).table))
    ]
    assert world.older.metrics["gate_mean"] == pytest.approx(losses[0] - losses[1], abs=1e-5)


def test_a_version_of_before_there_were_twins_stands_for_itself_without_its_window(world: World) -> None:
    found = record(world, world.champion)
    before = found.model_copy(
        update={"twin_sha256": "", "twin_key": "", "twin_fitted_through": "", "recipe_sha256": "", "fitted_through": ""}
    )
    world.stores.versions.write(before)
    try:
        verdict = evaluate(world.spec, world.older.candidate, world.stores)
    finally:
        world.stores.versions.write(found)
    (reason,) = verdict.reasons
    assert verdict.inconclusive
    assert (
        "no night is left to compare on: 5 nights left out, 2024-01-15 to 2024-01-19: version 1 is of before" in reason
    )
    assert "may have been fitted on any night through 2024-01-21" in reason


def test_a_night_that_what_scores_was_fitted_on_is_not_scored(world: World) -> None:
    with pytest.raises(FromTheFuture, match="trained on nights through 2024-01-21 and would score 2024-01-21"):
        plan(world.spec, "2024-01-21", world.stores)
    assert plan(world.spec, "2024-01-22", world.stores).pin.version == "1"


def test_evidence_that_was_replaced_or_is_not_there_is_one_clear_error(world: World) -> None:
    made = world.older.candidate
    with pytest.raises(ModelError, match="has no out-of-fold scores"):
        evaluate(world.spec, replace(made, evidence=None), world.stores)
    with pytest.raises(UnsafeGraph, match="was written"):
        evaluate(world.spec, replace(made, evidence=replace(made.evidence, sha256="ab")), world.stores)
    other = replace(made.evidence, key=world.champion.candidate.evidence.key)
    other = replace(other, sha256=world.champion.candidate.evidence.sha256)
    with pytest.raises(ModelError, match="out-of-fold scores of other rows"):
        evaluate(world.spec, replace(made, evidence=other), world.stores)


def test_a_training_with_other_folds_is_trained_anew(world: World, change: Change) -> None:
    made = world.older.candidate
    fewer = change(world.spec, training={"folds": 1})
    with pytest.raises(ModelError, match=r"model\.yaml asks for a fold through 2024-01-15 judged through 2024-01-19"):
        optimize(fewer, register(fewer, made.trained, world.stores), world.stores)
