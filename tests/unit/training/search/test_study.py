"""A search: what it may see, what it chooses, that it goes on where it was, and what it believes of the lake."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest

from nightshift.errors import LakeUnavailable, ModelError, SpecError, UnreadableRecord
from nightshift.modelling.folds import Fold, folds_of
from nightshift.modelling.holdout import split
from nightshift.spec import ModelSpec
from nightshift.spec.search import Search, SearchCandidate, with_recipe
from nightshift.stores.searches import TrialRecord
from nightshift.training.search import study as module
from nightshift.training.search import trial as trial_module
from nightshift.training.search.nights import search_folds
from nightshift.training.search.sampler import proposal
from nightshift.training.search.space import USUAL, SearchPoint, space_of
from nightshift.training.search.study import Study, StudyResult, carry_on
from nightshift.training.trainers import TRAINERS, trainer_of

# Two stumps that hardly move: whatever else is tried loses less.
WEAK = {"max_iter": 2, "learning_rate": 0.01, "max_leaf_nodes": 2}
TREES = {
    "trainer": "hist_gradient_boosting",
    "parameters": {"max_leaf_nodes": 6, "min_samples_leaf": 10},
    "ranges": {
        "max_iter": {"low": 4, "high": 20, "log": True},
        "learning_rate": {"low": 0.02, "high": 0.5, "log": True},
    },
}
LINEAR = {"trainer": "logistic_regression", "ranges": {"C": {"choices": [0.1, 1.0]}}}
WINDOW = {"window_days": 30, "holdout_days": 5}


class Made(NamedTuple):
    """A spec with a search, and the folds of its training."""

    spec: ModelSpec
    folds: list[Fold]
    study: Study

    @property
    def search(self) -> Search:
        assert self.spec.search is not None
        return self.spec.search


@pytest.fixture
def made(spec: ModelSpec, change: Callable[..., ModelSpec], small_rows: Callable[..., pa.Table]) -> Callable[..., Made]:
    """``made(parameters, candidates=[...], trials=4)``: a study of the small model over 30 nights."""

    def make(parameters: dict[str, Any], spoil: bool = False, **search: Any) -> Made:
        changed = change(spec, training={**WINDOW, "parameters": parameters}, search=search)
        table = small_rows(changed, nights=30)
        folds = folds_of(changed, split(changed, table))
        if spoil:
            folds = folds_of(changed, split(changed, spoilt(table, folds)))
        searched = search_folds(changed, folds, changed.search.folds if changed.search else 0)
        return Made(changed, folds, Study(space_of(changed), searched, "ab.dir"))

    return make


def spoilt(table: pa.Table, folds: list[Fold]) -> pa.Table:
    """The same rows, with the labels of all judged nights turned round."""
    judged = {night for fold in folds for night in fold.judged_nights}
    labels = table["late"].to_pylist()
    nights = table["day"].to_pylist()
    turned = [
        1 - label if label is not None and night in judged else label
        for night, label in zip(nights, labels, strict=True)
    ]
    return table.set_column(table.schema.get_field_index("late"), "late", pa.array(turned, table["late"].type))


def run(made: Made, stand: list[TrialRecord] | None = None, dies_after: int = 1000) -> StudyResult:
    """The search, of a process that dies after so many trials of its own."""
    kept: list[TrialRecord] = stand if stand is not None else []

    def keep(trial: TrialRecord) -> TrialRecord:
        nonlocal dies_after
        if dies_after == 0:
            raise KeyboardInterrupt
        dies_after -= 1
        # As the lake gives it back.
        kept.append(TrialRecord.from_json(trial.to_json(), "the lake"))
        return kept[-1]

    return carry_on(made.study, made.search, list(kept), keep)


def tried(result: StudyResult) -> list[tuple[Any, ...]]:
    """All that a trial came to, but how long it took."""
    return [(each.candidate, each.values, each.state, each.losses, each.night_losses) for each in result.trials]


def test_a_better_recipe_is_chosen_and_the_reason_says_by_how_much(made: Callable[..., Made]) -> None:
    result = run(made(WEAK, candidates=[TREES, LINEAR], trials=7))
    assert [trial.candidate for trial in result.trials[:3]] == [0, 1, 2], "model.yaml's own, then each candidate once"
    best = result.trials[result.won.number]
    assert best.candidate != 0
    assert best.loss == min(trial.loss for trial in result.trials if trial.loss is not None)
    assert "less than model.yaml's own" in result.won.reason
    assert result.ended == "all 7 trials"


def test_what_is_as_good_changes_nothing(made: Callable[..., Made], spec: ModelSpec) -> None:
    """Equal recipes with other seeds of chance: the least of their losses is the least by chance."""
    own = spec.training.parameters
    like_it = {**TREES, "parameters": own, "ranges": {"l2_regularization": {"low": 0.0, "high": 0.01}}}
    result = run(made(dict(own), candidates=[like_it], trials=6))
    assert result.won.number == 0
    assert "stays" in result.won.reason or "lost least" in result.won.reason


def test_no_judged_night_has_a_part_in_the_choice(made: Callable[..., Made]) -> None:
    """Whatever their labels say, trial for trial the search comes to the same."""
    as_it_is = made(WEAK, candidates=[TREES], trials=4)
    turned = made(WEAK, spoil=True, candidates=[TREES], trials=4)
    assert not np.array_equal(as_it_is.folds[0].judged.labels, turned.folds[0].judged.labels)
    assert tried(run(as_it_is)) == tried(run(turned))
    judged = {night for fold in as_it_is.folds for night in fold.judged_nights}
    assert judged.isdisjoint(as_it_is.study.night_rows)
    assert max(as_it_is.study.night_rows) < min(judged)
    last_seen = max(fold.judged_nights[-1] for fold in as_it_is.study.folds)
    assert last_seen <= as_it_is.folds[0].fitted_through


def test_one_that_died_goes_on_as_if_it_had_not(made: Callable[..., Made]) -> None:
    asked = made(WEAK, candidates=[TREES, LINEAR], trials=12)
    whole = run(asked)
    stand: list[TrialRecord] = []
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            run(asked, stand, dies_after=4)
    assert len(stand) == 8
    assert tried(run(asked, stand)) == tried(whole)
    assert len({str((each.candidate, each.values)) for each in whole.trials}) == len(whole.trials), "nothing twice"


def test_a_longer_search_goes_on_after_a_shorter_one(made: Callable[..., Made]) -> None:
    short = made(WEAK, candidates=[TREES], trials=3)
    long = made(WEAK, candidates=[TREES], trials=5)
    assert short.study.sha256 == long.study.sha256
    stand: list[TrialRecord] = []
    before = run(short, stand)
    assert tried(run(long, stand))[:3] == tried(before)


def test_another_seed_or_range_is_another_search(made: Callable[..., Made], change: Callable[..., ModelSpec]) -> None:
    asked = made(WEAK, candidates=[TREES], trials=3)
    other = made(WEAK, candidates=[LINEAR], trials=3)
    seeded = Study(space_of(change(asked.spec, training={"seed": 8})), asked.study.folds, "ab.dir")
    moved = Study(asked.study.space, asked.study.folds, "cd.dir")
    assert len({each.sha256 for each in (asked.study, other.study, seeded, moved)}) == 4


def test_minutes_are_counted_over_all_processes(made: Callable[..., Made]) -> None:
    asked = made(WEAK, candidates=[TREES], trials=9, minutes=1)
    stand: list[TrialRecord] = []
    with pytest.raises(KeyboardInterrupt):
        run(asked, stand, dies_after=2)
    slow = [trial.model_copy(update={"seconds": 31.0}) for trial in stand]
    result = run(asked, slow)
    assert len(result.trials) == 2
    assert result.ended == "1 minutes"


def test_what_cannot_be_trained_is_a_trial_that_was_refused(made: Callable[..., Made]) -> None:
    bad = {"trainer": "hist_gradient_boosting", "ranges": {"max_iter": {"choices": [-3]}}}
    result = run(made(WEAK, candidates=[bad, TREES], trials=5))
    (refused,) = [trial for trial in result.trials if trial.candidate == 1]
    assert refused.state == "refused"
    assert "max_iter" in refused.why
    assert result.trials[result.won.number].candidate == 2


def test_a_hopeless_one_is_given_up_after_its_first_fold(made: Callable[..., Made]) -> None:
    worse = {
        "trainer": "hist_gradient_boosting",
        "parameters": {"min_samples_leaf": 10**6},
        "ranges": {"max_iter": {"low": 2, "high": 50}},
    }
    result = run(made({"max_iter": 20}, candidates=[TREES, LINEAR, worse], trials=14))
    pruned = [trial for trial in result.trials if trial.state == "pruned"]
    assert pruned
    assert all(len(trial.losses) < 3 for trial in pruned)
    assert result.trials[result.won.number].state == "finished"


def test_few_choices_are_not_tried_again(made: Callable[..., Made]) -> None:
    result = run(made(WEAK, candidates=[LINEAR], trials=30))
    assert [trial.candidate for trial in result.trials] == [0, 1, 1]
    assert result.ended == "nothing new to try"


def test_a_short_window_has_no_search_and_trains_all_the_same(
    spec: ModelSpec, change: Callable[..., ModelSpec], small_rows: Callable[..., pa.Table]
) -> None:
    asked = change(spec, training={"window_days": 6, "holdout_days": 3}, search={})
    folds = folds_of(asked, split(asked, small_rows(asked, nights=6)))
    made = Made(asked, folds, Study(space_of(asked), search_folds(asked, folds, 3), "ab.dir"))
    result = run(made)
    assert (result.trials, result.won.number) == ([], 0)
    assert "no nights" in result.won.reason


@pytest.mark.parametrize(
    "planted",
    [
        {"candidate": 7},
        {"values": {"max_iter": 10**9, "learning_rate": 0.1}},
        {"values": {"max_iter": 8, "learning_rate": 0.1, "n_jobs": 99}},
        {"night_losses": {}},
    ],
)
def test_a_trial_that_the_search_could_not_have_come_to_is_not_believed(
    made: Callable[..., Made], planted: dict[str, Any]
) -> None:
    asked = made(WEAK, candidates=[TREES], trials=3)
    stand: list[TrialRecord] = []
    run(asked, stand)
    stand[1] = stand[1].model_copy(update=planted)
    with pytest.raises(UnreadableRecord, match="could have come to"):
        run(asked, stand)


def test_more_rows_bear_fewer_trials(made: Callable[..., Made], monkeypatch: pytest.MonkeyPatch) -> None:
    study = made(WEAK).study
    numbers = []
    for rows in (100, 50_000, 200_000, 800_000, 10**8):
        monkeypatch.setattr(module, "rows_seen", lambda _, rows=rows: rows)
        numbers.append(study.most_trials(Search()))
    assert numbers == [24, 24, 12, 6, 6]
    assert study.most_trials(Search(trials=100)) == 100


@pytest.mark.parametrize("trainer", sorted(set(USUAL) & set(TRAINERS)))
def test_the_usual_ranges_are_ones_that_the_trainer_takes(trainer: str, of_kind: Callable[..., ModelSpec]) -> None:
    kind = sorted(TRAINERS[trainer].labels)[0]
    spec = of_kind(kind, trainer)
    for parameters in SearchCandidate(trainer=trainer, ranges=USUAL[trainer]).corners():
        recipe = with_recipe(spec, trainer, parameters)
        try:
            trainer_of(recipe).pipeline(recipe)
        except SpecError as error:
            pytest.fail(str(error))


def test_without_candidates_it_is_the_own_trainer_and_a_linear_one(made: Callable[..., Made]) -> None:
    space = made({"max_iter": 9, "class_weight": "balanced"}).study.space
    assert [candidate.trainer for candidate in space.candidates] == ["hist_gradient_boosting", "logistic_regression"]
    assert space.candidates[0].parameters == {"class_weight": "balanced"}
    assert space.nearest(SearchPoint(0, {})) == SearchPoint(1, {})
    assert proposal(space, []) is not None


@pytest.mark.parametrize("own_first", [True, False])
def test_a_candidate_that_is_what_was_tried_ends_no_search(made: Callable[..., Made], own_first: bool) -> None:
    own = {"trainer": "hist_gradient_boosting", "parameters": WEAK}
    candidates = [own, TREES] if own_first else [TREES, own]
    result = run(made(WEAK, candidates=candidates, trials=5))
    assert result.ended == "all 5 trials"
    assert len({str((each.candidate, each.values)) for each in result.trials}) == 5


def test_a_trial_that_killed_its_process_twice_is_not_begun_again(made: Callable[..., Made]) -> None:
    asked = made(WEAK, candidates=[TREES], trials=4)
    begun = [0, 2, 1, 0]
    result = carry_on(asked.study, asked.search, [], lambda trial: trial, lambda number: begun[number])
    assert [trial.state == "refused" for trial in result.trials] == [False, True, False, False]
    assert "its process died" in result.trials[1].why


@pytest.mark.parametrize("error", [RuntimeError, ZeroDivisionError, KeyError, ModelError])
def test_whatever_a_recipe_comes_to_the_search_goes_on(
    made: Callable[..., Made], monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    fit = trial_module.fit

    def fails(spec: ModelSpec, *rows: Any) -> Any:
        if spec.training.parameters == WEAK:
            return fit(spec, *rows)
        raise error("no")

    monkeypatch.setattr(trial_module, "fit", fails)
    result = run(made(WEAK, candidates=[TREES], trials=3))
    assert [trial.state for trial in result.trials] == ["finished", "refused", "refused"]


def test_a_store_that_is_not_there_is_no_refusal(made: Callable[..., Made], monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> Any:
        raise LakeUnavailable("no")

    monkeypatch.setattr(trial_module, "fit", fails)
    with pytest.raises(LakeUnavailable):
        run(made(WEAK, candidates=[TREES], trials=3))
