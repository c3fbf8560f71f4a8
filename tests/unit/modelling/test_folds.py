"""Folds of nights: what judges a fit was never seen by it, the last fold is the twin, and the refit sees all."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.modelling.folds import FoldNights, folds_of, plan_folds
from nightshift.modelling.holdout import split
from nightshift.spec import ModelSpec
from nightshift.training.recipe import fit, out_of_fold, recipe_sha256

Change = Callable[..., ModelSpec]
WINDOW = np.arange(19_000, 19_090)


@st.composite
def windows(draw: st.DrawFn) -> tuple[np.ndarray, dict[str, int]]:
    """Nights with gaps of any length, and what a spec may ask of them."""
    steps = draw(st.lists(st.integers(1, 9), min_size=2, max_size=120))
    nights = 19_000 + np.cumsum(steps)
    holdout = draw(st.integers(1, len(nights) - 1))
    asked = {"holdout": holdout, "folds": draw(st.integers(1, 6)), "delay": draw(st.integers(0, 40))}
    return nights, asked


def all_judged(folds: list[FoldNights]) -> np.ndarray:
    return np.concatenate([fold.judged for fold in folds])


@given(windows())
def test_no_night_judges_a_fit_that_saw_it_or_a_later_one(window: tuple[np.ndarray, dict[str, int]]) -> None:
    nights, asked = window
    folds = plan_folds(nights, **asked)
    for fold in folds:
        assert len(fold.fitted) > 0
        assert fold.fitted.max() < fold.judged.min()
    judged = all_judged(folds)
    assert len(np.unique(judged)) == len(judged), "each night judges one fold"
    assert np.array_equal(judged, nights[-len(judged) :]), "all nights after the first fold's"
    assert np.array_equal(folds[-1].judged, nights[-asked["holdout"] :]), "the last fold is the twin"
    assert len(folds) <= asked["folds"]
    assert len(judged) == asked["holdout"] or 2 * len(judged) <= len(nights)


@given(windows())
def test_labels_that_would_not_be_there_yet_are_not_learnt_from(window: tuple[np.ndarray, dict[str, int]]) -> None:
    """But where that would leave less than half of the nights before."""
    nights, asked = window
    for fold in plan_folds(nights, **asked):
        before = nights[nights < fold.judged[0]]
        days_between = int(fold.judged[0] - fold.fitted.max()) - 1
        assert days_between >= asked["delay"] or len(fold.fitted) == (len(before) + 1) // 2


@given(windows())
def test_a_later_fold_is_fitted_on_all_that_an_earlier_one_is(window: tuple[np.ndarray, dict[str, int]]) -> None:
    nights, asked = window
    folds = plan_folds(nights, **asked)
    for before, after in itertools.pairwise(folds):
        assert set(before.fitted) <= set(after.fitted)


@pytest.mark.parametrize(
    ("holdout", "folds", "judged"),
    [(14, 2, [14, 14]), (7, 2, [21, 7]), (14, 3, [14, 14, 14]), (7, 4, [7, 7, 7, 7]), (14, 1, [14]), (60, 2, [60])],
)
def test_of_ninety_nights_four_weeks_are_judged(holdout: int, folds: int, judged: list[int]) -> None:
    planned = plan_folds(WINDOW, holdout=holdout, folds=folds, delay=2)
    assert [len(fold.judged) for fold in planned] == judged
    assert [fold.judged[0] - fold.fitted[-1] for fold in planned] == [3] * len(planned)


def test_few_nights_have_fewer_folds_down_to_the_holdout(spec: ModelSpec) -> None:
    few = WINDOW[:4]
    assert [len(fold.judged) for fold in plan_folds(few, holdout=1, folds=4, delay=0)] == [1, 1]
    assert [len(fold.judged) for fold in plan_folds(few[:3], holdout=2, folds=4, delay=0)] == [2]


def test_a_fold_that_lacks_a_class_is_left_out_and_the_twin_never(
    of_kind: Callable[..., ModelSpec], small_rows: Callable[..., pa.Table]
) -> None:
    spec = of_kind("multiclass")
    table = small_rows(spec)
    days = table["day"].to_pylist()
    classes = [("on time", "Late", "late")[place % 3] for place in range(table.num_rows)]
    young = ["Late" if day < "2024-01-06" and name == "late" else name for day, name in zip(days, classes, strict=True)]
    place = table.schema.get_field_index("late")
    whole = split(spec, table.set_column(place, "late", pa.array(classes)))
    lacking = split(spec, table.set_column(place, "late", pa.array(young)))
    assert len(folds_of(spec, whole)) == 2
    (twin,) = folds_of(spec, lacking)
    assert twin.judged_nights == ["2024-01-08", "2024-01-09", "2024-01-10"]


def test_scores_are_those_of_the_fit_that_did_not_see_the_night(spec: ModelSpec, small_rows: Any) -> None:
    """What a fit was not given cannot have told it anything: other labels on judged nights change no score there."""
    table = small_rows(spec)
    rows = split(spec, table)
    folds = folds_of(spec, rows)
    judged = out_of_fold(spec, folds, [fit(spec, fold.train) for fold in folds])
    first = folds[0].judged.nights.min()
    flipped = pa.array([
        None if late is None else (1.0 - late if night >= first else late)
        for late, night in zip(table["late"].to_pylist(), _ordinals(table), strict=True)
    ]).cast(table.schema.field("late").type)
    changed = split(spec, table.set_column(table.schema.get_field_index("late"), "late", flipped))
    other = folds_of(spec, changed)
    again = out_of_fold(spec, other[:1], [fit(spec, other[0].train)])
    of_first = len(again.scores)
    assert np.array_equal(judged.scores[:of_first], again.scores)
    assert np.array_equal(judged.rows.nights[:of_first], folds[0].judged.nights)


def _ordinals(table: pa.Table) -> list[int]:
    return np.array(table["day"].to_pylist(), "datetime64[D]").astype(int).tolist()


def test_the_refit_sees_the_newest_nights_and_all_others(spec: ModelSpec, small_rows: Any) -> None:
    rows = split(spec, small_rows(spec))
    labelled = rows.labelled
    known = rows.all_rows.nights[~np.isnan(rows.all_rows.labels)]
    assert np.array_equal(np.sort(labelled.nights), np.sort(known))
    assert labelled.nights.max() == rows.holdout.nights.max()


def test_a_recipe_is_what_is_fitted_not_when(spec: ModelSpec, change: Change) -> None:
    same = change(spec, training={"window_days": 30, "folds": 3}, gates={"confidence": 0.9})
    assert recipe_sha256(same) == recipe_sha256(spec)
    others = [
        change(spec, training={"seed": 8}),
        change(spec, training={"parameters": {"max_iter": 7}}),
        change(spec, columns={"items": {"rounded": True}}),
        spec.with_features(spec.features[1:]),
    ]
    assert len({recipe_sha256(other) for other in [spec, *others]}) == 5
