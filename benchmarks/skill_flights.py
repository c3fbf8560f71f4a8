"""``accuracy.dead_model_caught_14`` and its like: champions of the flights, four weeks apart, healthy, dead and biased.

Each champion is trained on at most 90 nights, judged by its folds as any training does it, and refitted; then come the
labelled nights after it, at most 28 of them. *Dead* is one that says the base rate of its window, its own scores
permuted within the night, or 0.5 for every flight; *biased* is one whose scores are 0.15 too high. What counts is
whether accuracy is lost by the 14th labelled night. The same nights are judged by the former rule. Bounds are
one-sided, 95 %, over champions: twelve that are all caught say no more than 78 %.

    python -m benchmarks.skill_flights
"""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from benchmarks import refit
from benchmarks.gate_nights import limit
from benchmarks.skill_nights import labelled_night
from benchmarks.skill_rules import SkillRule, Verdicts, former, opened, present
from benchmarks.world import MODEL, PROJECT, World
from nightshift.modelling.arrays import Float64s, Floats
from nightshift.modelling.folds import folds_of, night_of
from nightshift.modelling.forecaster import NightOutcome, forecast
from nightshift.modelling.holdout import LabelledRows, split, together
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.modelling.night_skill import outcome_of
from nightshift.profiles.profile import HoldoutNight
from nightshift.spec import ModelSpec, find_spec
from nightshift.training.recipe import fit

SEED = 20130401
CHAMPIONS = 12
DAYS_APART = 28
FIRST_NIGHT = dt.date(2013, 1, 1)
LAST_NIGHT = dt.date(2013, 12, 31)
LATER = 28
CAUGHT_BY = 14
BIAS = 0.15
RULES: dict[str, SkillRule] = {"present": present, "former": former}
Change: TypeAlias = Callable[[Float64s, float, np.random.Generator], Float64s]
"""From a night's scores and the base rate of the window to what another model says."""
CHANGES: dict[str, Change] = {
    "healthy": lambda scores, _, __: scores,
    "constant": lambda scores, base_rate, _: np.full_like(scores, base_rate),
    "permuted": lambda scores, _, random: random.permutation(scores),
    "half": lambda scores, _, __: np.full_like(scores, 0.5),
    "biased": lambda scores, _, __: np.minimum(scores + BIAS, 1.0),
}
DEAD = ("constant", "permuted", "half")


@dataclass(frozen=True)
class Champion:
    """Rows and scores of the nights that judged it, and of those after it."""

    spec: ModelSpec
    base_rate: float
    judged: LabelledRows
    judged_scores: Float64s
    later: LabelledRows
    later_scores: Float64s
    outcomes: dict[str, NightOutcome]

    def nights(self, change: Change) -> tuple[list[HoldoutNight], list[HoldoutNight]]:
        """Judged nights as they are, and later ones with what another model says."""
        as_it_is = CHANGES["healthy"]
        judged = list(self._nights(self.judged, self.judged_scores, as_it_is))
        later = list(self._nights(self.later, self.later_scores, change))
        return judged, later[:LATER]

    def _nights(self, rows: LabelledRows, scores: Float64s, change: Change) -> Iterator[HoldoutNight]:
        random = np.random.default_rng(SEED)
        for day in np.unique(rows.nights):
            chosen = rows.nights == day
            said = change(scores[chosen], self.base_rate, random)
            expected = forecast(self.spec, night_of(day), self.outcomes)
            yield labelled_night(self.spec, night_of(day), rows.labels[chosen], said, expected)


def figures(world: World) -> dict[str, float]:
    """What both rules catch, and what they call lost of the healthy ones."""
    spec = find_spec(PROJECT / "models", MODEL)
    champions = list(_champions(spec))
    measured: dict[str, float] = {"accuracy.champions": float(len(champions))}
    for name, rule in RULES.items():
        prefix = "accuracy." if name == "present" else f"accuracy.{name}_"
        for figure, value in _of_rule(champions, rule).items():
            measured[f"{prefix}{figure}"] = value
            world.console.print(f"{name}: {figure}: {value:.3f}")
    return measured


def _of_rule(champions: list[Champion], rule: SkillRule) -> dict[str, float]:
    caught = {name: [_is_caught(champion, name, rule) for champion in champions] for name in CHANGES}
    of_dead = np.array([caught[name] for name in DEAD])
    all_caught = of_dead.all(axis=0)
    biased = int(np.sum(caught["biased"]))
    number = len(champions)
    return {
        **_healthy(champions, rule),
        "healthy_lost_14": float(np.mean(caught["healthy"])),
        **{f"{name}_caught_14": float(np.mean(caught[name])) for name in DEAD},
        "dead_model_caught_14": float(of_dead.mean()),
        "dead_model_caught_14_limit": at_least(int(all_caught.sum()), number),
        "bias_caught_14": biased / number,
        "bias_caught_14_limit": at_least(biased, number),
    }


def at_least(times: int, runs: int) -> float:
    """The 95 % lower bound of a probability."""
    return 1 - limit(runs - times, runs)


def _is_caught(champion: Champion, change: str, rule: SkillRule) -> bool:
    verdicts = rule(*champion.nights(CHANGES[change]))
    return any(verdicts[:CAUGHT_BY])


def _healthy(champions: list[Champion], rule: SkillRule) -> dict[str, float]:
    """Episodes and lost nights by labelled night, over all champions; the bound is over champions."""
    shares = []
    lost = []
    for champion in champions:
        judged, later = champion.nights(CHANGES["healthy"])
        verdicts: Verdicts = rule(judged, later)
        shares.append(opened(later, verdicts) / len(later))
        lost.append(sum(bool(verdict) for verdict in verdicts) / len(later))
    error = float(np.std(shares, ddof=1)) / len(shares) ** 0.5
    return {
        "healthy_flights_false_share": float(np.mean(shares)),
        "healthy_flights_false_share_limit": float(np.mean(shares)) + 1.645 * error,
        "healthy_flights_lost_nights": float(np.mean(lost)),
    }


def _champions(spec: ModelSpec) -> Iterator[Champion]:
    nights = list(refit.nights_through(spec, LAST_NIGHT, (LAST_NIGHT - FIRST_NIGHT).days + 1))
    delay = spec.label.delay_days
    last_end = len(nights) - 1 - delay - CAUGHT_BY
    for number in range(CHAMPIONS):
        end = last_end - DAYS_APART * (CHAMPIONS - 1 - number)
        window = nights[max(0, end + 1 - spec.training.window_days) : end + 1]
        after = nights[end + 1 + delay : end + 1 + delay + LATER]
        yield _champion(spec, window, after)


def _champion(spec: ModelSpec, window: list[pa.Table], after: list[pa.Table]) -> Champion:
    rows = split(spec, pa.concat_tables(window))
    later = split(spec, pa.concat_tables(after)).labelled
    folds = folds_of(spec, rows)
    scores = [_scores(spec, fold.train, fold.judged) for fold in folds]
    return Champion(
        spec=spec,
        base_rate=float(rows.labelled.labels.mean()),
        judged=together([fold.judged for fold in folds]),
        judged_scores=np.concatenate(scores),
        later=later,
        later_scores=_scores(spec, rows.labelled, later),
        outcomes=_outcomes(spec, together([rows.labelled, later])),
    )


def _scores(spec: ModelSpec, fitted: LabelledRows, judged: LabelledRows) -> Float64s:
    scores: Floats = label_type(spec).predict(fit(spec, fitted), model_inputs(spec, judged.table))
    return scores.astype(np.float64)


def _outcomes(spec: ModelSpec, rows: LabelledRows) -> dict[str, NightOutcome]:
    return {night_of(day): outcome_of(spec, rows.labels[rows.nights == day]) for day in np.unique(rows.nights)}


if __name__ == "__main__":
    from rich.console import Console

    class Printing:
        """A world that has nothing but a console."""

        console = Console()

    print(figures(Printing()))  # type: ignore[arg-type]
