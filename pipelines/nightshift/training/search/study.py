"""Trial after trial, until the budget is spent. What was finished before, also by a process that died, stands."""

import hashlib
import json
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from nightshift.code_digest import code_digest
from nightshift.errors import UnreadableRecord
from nightshift.modelling.folds import Fold, night_of
from nightshift.spec import ModelSpec
from nightshift.spec.search import Search
from nightshift.stores.searches import TrialRecord
from nightshift.training.machine import library_versions
from nightshift.training.recipe import recipe_sha256
from nightshift.training.search.nights import night_rows, rows_seen
from nightshift.training.search.sampler import Proposal, proposal
from nightshift.training.search.space import SearchPoint, Space
from nightshift.training.search.trial import MOST_BEGINNINGS, deadly_trial, run_trial
from nightshift.training.search.winner import Winner, winner

log = logging.getLogger("nightshift")
USUAL_TRIALS = 24
LEAST_TRIALS = 6
USUAL_ROWS = 50_000
"""Up to so many there are the usual trials; of four times as many, half of them."""
SECONDS = 60
CODE = (
    "nightshift.training.recipe",
    "nightshift.training.trainers",
    "nightshift.training.networks",
    "nightshift.training.search",
)
Keep: TypeAlias = Callable[[TrialRecord], TrialRecord]
"""Puts a trial where it stays, and says which one stands there."""
Begin: TypeAlias = Callable[[int], int]
"""Keeps that the trial of a number is begun, and says how often it was before."""


@dataclass(frozen=True)
class Study:
    """All that the trials of a search share."""

    space: Space
    folds: list[Fold]
    snapshot_md5: str

    @property
    def sha256(self) -> str:
        """By which finished trials are found again. How many there shall be is no part of it: a longer one goes on."""
        spec = self.space.spec
        nights = [[fold.fitted_through, *fold.judged_nights] for fold in self.folds]
        shared = {
            "snapshot": self.snapshot_md5,
            "recipe": recipe_sha256(spec),
            "metric": spec.metric,
            "candidates": self.space.as_json(),
            "folds": nights,
            "code": code_digest(*CODE),
            "libraries": library_versions(),
        }
        canonical = json.dumps(shared, sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def night_rows(self) -> dict[str, int]:
        """How many rows each night has that judges its trials."""
        by_day = night_rows(self.folds)
        rows = {}
        for day, number in by_day.items():
            night = night_of(day)
            rows[night] = number
        return rows

    def most_trials(self, search: Search) -> int:
        """As the spec says, or by the rows that a trial reads."""
        if search.trials is not None:
            return search.trials
        seen = rows_seen(self.folds)
        rows = max(USUAL_ROWS, seen)
        share = math.sqrt(USUAL_ROWS / rows)
        usual = round(USUAL_TRIALS * share)
        return max(LEAST_TRIALS, usual)

    def recipe(self, trial: TrialRecord) -> ModelSpec:
        """The spec in which a trial's recipe is what is trained."""
        point = _point(trial)
        return self.space.recipe(point)


@dataclass(frozen=True)
class StudyResult:
    """All trials, the winner among them, and what ended the search."""

    trials: list[TrialRecord]
    won: Winner
    ended: str


def never_begun(_number: int) -> int:
    """Of a search whose beginnings nobody keeps."""
    return 0


def carry_on(
    study: Study,
    search: Search,
    trials: list[TrialRecord],
    keep: Keep,
    begin: Begin = never_begun,
) -> StudyResult:
    """Go on after the trials that stand, each of which the space must hold. Raises ``UnreadableRecord``."""
    _require_own(study, trials)
    most = study.most_trials(search)
    sha256 = study.sha256
    ended = f"all {most} trials"
    while study.folds and len(trials) < most:
        if trials and _seconds(trials) >= search.minutes * SECONDS:
            ended = f"{search.minutes} minutes"
            break
        proposed = proposal(study.space, trials)
        if proposed is None:
            ended = "nothing new to try"
            break
        trial = _tried(study, proposed, sha256, len(trials), begin)
        trials = [*trials, keep(trial)]
        _require_own(study, trials[-1:])
    counted = trials[:most]
    return StudyResult(counted, winner(counted, study.night_rows), ended)


def _tried(study: Study, proposed: Proposal, sha256: str, number: int, begin: Begin) -> TrialRecord:
    """A trial to its end; one that killed its process time and again must not do so for ever."""
    recipe = study.space.recipe(proposed.point)
    training = recipe.training
    if begin(number) >= MOST_BEGINNINGS:
        return deadly_trial(proposed, sha256, number)
    log.info("%s: trial %d: %s %s", recipe.name, number, training.trainer, training.parameters)
    return run_trial(recipe, proposed, study.folds, sha256, number)


def _seconds(trials: Sequence[TrialRecord]) -> float:
    total = 0.0
    for trial in trials:
        total += trial.seconds
    return total


def _point(trial: TrialRecord) -> SearchPoint:
    return SearchPoint(trial.candidate, dict(trial.values))  # type: ignore[arg-type]


def _is_whole(study: Study, trial: TrialRecord) -> bool:
    """Whether a finished one says what each night said."""
    if trial.state != "finished":
        return True
    nights = set(study.night_rows)
    return set(trial.night_losses) == nights


def _require_own(study: Study, trials: Sequence[TrialRecord]) -> None:
    """What lies in the lake may be anybody's: it never says a recipe that the spec does not allow."""
    for trial in trials:
        point = _point(trial)
        if not (_is_whole(study, trial) and study.space.holds(point)):
            raise UnreadableRecord(
                f"{study.space.spec.name}: trial {trial.number} of the search {trial.study} is none that search of"
                " model.yaml could have come to",
                fix="find out who wrote to models/ in the lake, then delete it: the search tries it again",
            )
