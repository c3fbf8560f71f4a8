"""What is tried next, by Optuna's tree-structured Parzen estimator, and when a trial is given up, by its median rule.

A proposal follows from what was tried before, the seed and its number alone. So a search that was killed goes on as if
it had not been: Optuna is told the trials that were read back, and its draws begin anew with each.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from nightshift.spec.learning import Training
from nightshift.spec.parameters import Parameter
from nightshift.spec.search import Range
from nightshift.stores.searches import TrialRecord
from nightshift.training.search.space import AS_IT_STANDS, SearchPoint, Space, place_of

RANDOM_TRIALS = 8
"""Before it learns from what was tried."""
JUDGED_TRIALS = 4
"""Before one is given up for being worse than half of them."""
DRAWS = 20
"""After so many that were all tried before, there is nothing new."""
DRAWS_OF_ONE = 5
"""When each candidate has its turn: one that is what was tried must not end the search."""
DIGITS = 4
CANDIDATE = "candidate"


@dataclass(frozen=True)
class Proposal:
    """A point that is tried next; ``trial`` is Optuna's word for it."""

    point: SearchPoint
    trial: Any

    def is_hopeless(self, step: int, loss: float) -> bool:
        """Whether half of the trials before had lost less after so many folds."""
        trial = self.trial
        trial.report(loss, step)
        answer: bool = trial.should_prune()
        return answer


def proposal(space: Space, tried: Sequence[TrialRecord]) -> Proposal | None:
    """The next one: first what model.yaml has, then each candidate once; None when nothing new is drawn."""
    _be_quiet()
    number = len(tried)
    if number == AS_IT_STANDS:
        study = _study(space, tried, attempt=0)
        return Proposal(SearchPoint(AS_IT_STANDS, {}), study.ask())
    left = _not_exhausted(space, tried)
    if not left:
        return None
    before = _trainings(space, tried)
    for attempt in range(DRAWS):
        study = _study(space, tried, attempt)
        if number <= len(space.candidates) and attempt < DRAWS_OF_ONE:
            study.enqueue_trial({CANDIDATE: number})
        elif attempt:
            # What was drawn is known: another candidate's turn, since few choices are soon at an end.
            study.enqueue_trial({CANDIDATE: left[attempt % len(left)]})
        trial = study.ask()
        point = _drawn(space, trial)
        if space.recipe(point).training not in before:
            return Proposal(point, trial)
    return None


def _trainings(space: Space, tried: Sequence[TrialRecord]) -> list[Training]:
    trainings = []
    for trial in tried:
        values = _values(trial)
        point = SearchPoint(trial.candidate, values)
        recipe = space.recipe(point)
        trainings.append(recipe.training)
    return trainings


def _not_exhausted(space: Space, tried: Sequence[TrialRecord]) -> list[int]:
    """The candidates of which not everything was tried."""
    times = Counter(trial.candidate for trial in tried)
    left = []
    for number in space.numbers:
        size = space.size(number)
        if times[number] < size:
            left.append(number)
    return left


def _be_quiet() -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)


def _values(trial: TrialRecord) -> dict[str, Parameter]:
    return cast("dict[str, Parameter]", trial.values)


def _study(space: Space, tried: Sequence[TrialRecord], attempt: int) -> Any:
    """Optuna's study with all that was tried."""
    import optuna

    seed = _seed(space.spec.training.seed, len(tried), attempt)
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=RANDOM_TRIALS),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=JUDGED_TRIALS, n_warmup_steps=0),
    )
    for each in tried:
        study.add_trial(_as_optuna_has_it(space, each))
    return study


def _seed(seed: int, number: int, attempt: int) -> int:
    text = f"{seed} {number} {attempt}"
    body = text.encode()
    digest = hashlib.sha256(body).digest()
    first = digest[:4]
    return int.from_bytes(first)


def _drawn(space: Space, trial: Any) -> SearchPoint:
    candidate = trial.suggest_categorical(CANDIDATE, space.numbers)
    ranges = space.ranges(candidate)
    values = {}
    for name, allowed in ranges.items():
        full_name = _name(candidate, name)
        values[name] = _suggested(trial, full_name, allowed)
    return SearchPoint(candidate, values)


def _name(candidate: int, parameter: str) -> str:
    return f"{candidate}.{parameter}"


def _suggested(trial: Any, name: str, allowed: Range) -> Parameter:
    if allowed.choices:
        places = list(range(len(allowed.choices)))
        place: int = trial.suggest_categorical(name, places)
        return allowed.choices[place]
    if allowed.is_whole:
        return int(trial.suggest_int(name, allowed.low, allowed.high, log=allowed.log))
    number: float = trial.suggest_float(name, allowed.low, allowed.high, log=allowed.log)
    return _short(number, allowed)


def _short(number: float, allowed: Range) -> float:
    """With as many digits as somebody would write, within the range."""
    text = f"{number:.{DIGITS}g}"
    lowest = float(allowed.low or 0)
    highest = float(allowed.high or 0)
    at_least = max(float(text), lowest)
    return min(at_least, highest)


def _as_optuna_has_it(space: Space, trial: TrialRecord) -> Any:
    import optuna

    states = {
        "finished": optuna.trial.TrialState.COMPLETE,
        "pruned": optuna.trial.TrialState.PRUNED,
        "refused": optuna.trial.TrialState.FAIL,
    }
    parameters: dict[str, Any] = {}
    distributions: dict[str, Any] = {}
    point = space.nearest(SearchPoint(trial.candidate, _values(trial)))
    if point.candidate != AS_IT_STANDS:
        parameters[CANDIDATE] = point.candidate
        distributions[CANDIDATE] = optuna.distributions.CategoricalDistribution(space.numbers)
    ranges = space.ranges(point.candidate)
    for name, value in point.values.items():
        full_name = _name(point.candidate, name)
        allowed = ranges[name]
        distributions[full_name] = _distribution(allowed)
        parameters[full_name] = place_of(allowed, value) if allowed.choices else value
    return optuna.trial.create_trial(
        state=states[trial.state],
        value=trial.loss,
        params=parameters,
        distributions=distributions,
        intermediate_values=dict(enumerate(trial.losses)),
    )


def _distribution(allowed: Range) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if allowed.choices:
        return CategoricalDistribution(list(range(len(allowed.choices))))
    kind = FloatDistribution
    if allowed.is_whole:
        kind = IntDistribution
    return kind(
        allowed.low,
        allowed.high,
        log=allowed.log,
    )
