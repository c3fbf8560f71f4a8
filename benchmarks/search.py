"""``search.*``: the recipe that a search chooses beside the one that ``nightshift new`` drafts, on nights neither saw.

As in production: the draft is from the first four fifths of a set's nights, the search sees those of them that its
training's oldest fold is fitted on, and both recipes are then fitted to all four fifths. A figure is the mean loss of
the chosen one over the draft's on the last fifth, with an interval from whole nights; 1 where the draft stays.
``python -m benchmarks.search`` shows the development sets instead and writes nothing.
"""

import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from rich.console import Console

from benchmarks.drafts import BETTER, LEARNT, RESAMPLES, drafted, figures_of, ratio_of, rows_of
from benchmarks.public_sets import SetsUnavailable, development_sets, named_sets
from benchmarks.set import PublicSet
from benchmarks.world import World
from nightshift.modelling.arrays import Float64s
from nightshift.modelling.folds import EPOCH, folds_of
from nightshift.modelling.holdout import LabelledRows, Split, together
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.settings import Settings
from nightshift.spec import ModelSpec
from nightshift.spec.search import Search
from nightshift.stores import Stores
from nightshift.training.recipe import fit
from nightshift.training.search.nights import search_folds
from nightshift.training.search.space import space_of
from nightshift.training.search.study import Study, StudyResult, carry_on

MINUTES = 2
SEED = 20261126


@dataclass(frozen=True)
class Gain:
    """The chosen recipe's mean loss over the draft's, with its interval; ``what`` was chosen, and why."""

    ratio: float
    low: float
    high: float
    is_draft: bool
    trials: int
    seconds: float
    what: str


def figures(world: World) -> dict[str, float]:
    """The ratio of each named set with its interval, their geometric mean, and on how many another recipe won."""
    try:
        gains = compare(named_sets(), world.console)
    except SetsUnavailable as error:
        world.console.print(f"no search.*: {error}")
        return {}
    trials = {f"search.{name}_trials": float(gain.trials) for name, gain in gains.items()}
    return figures_of("search", gains) | trials | summary(gains)


def summary(gains: dict[str, Gain]) -> dict[str, float]:
    """Of all sets together."""
    changed = [gain for gain in gains.values() if not gain.is_draft]
    ratios = np.array([gain.ratio for gain in gains.values()])
    low, high = _over_sets(ratios)
    return {
        "search.sets": len(gains),
        "search.gain": float(np.exp(np.log(ratios).mean())),
        "search.gain_low": low,
        "search.gain_high": high,
        "search.changed": len(changed),
        "search.better_by_2_percent": sum(gain.ratio < BETTER for gain in changed),
        "search.worst": float(ratios.max()),
        "search.worst_low": max(gain.low for gain in gains.values()),
        "search.trials": float(np.mean([gain.trials for gain in gains.values()])),
        "search.seconds": float(np.mean([gain.seconds for gain in gains.values()])),
    }


def _over_sets(ratios: Float64s) -> tuple[float, float]:
    """The 95 % interval of their geometric mean, had the sets been drawn: a bootstrap of whole sets."""
    random = np.random.default_rng(SEED)
    drawn = random.choice(np.log(ratios), size=(RESAMPLES, len(ratios)))
    low, high = np.exp(np.quantile(drawn.mean(axis=1), [0.025, 0.975]))
    return float(low), float(high)


def compare(sets: Iterable[PublicSet], console: Console) -> dict[str, Gain]:
    """Each set by its name. Raises ``SetsUnavailable``."""
    gains = {}
    for public in sets:
        gain = _of_set(public)
        interval = f"{gain.low:.3f} to {gain.high:.3f}"
        console.print(f"{public.name}: {gain.ratio:.3f} of the draft's loss ({interval}), {gain.what}", soft_wrap=True)
        gains[public.name] = gain
    return gains


def _of_set(public: PublicSet) -> Gain:
    nights = sorted(public.frame[public.night].unique())
    last_fifth = nights[round(LEARNT * len(nights)) :]
    held_out = public.frame[public.night].isin(last_fifth)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(project=Path(folder), home=Path(folder) / "home")
        spec = drafted(public, public.frame[~held_out], settings)
        public.frame.to_parquet(settings.project / "in.parquet")
        stores = Stores(settings)
        of_nights = {night: _labelled(spec, night, stores) for night in nights}
    learnt = together([of_nights[night] for night in nights if night not in last_fifth])
    unseen = [of_nights[night] for night in last_fifth]
    began = time.perf_counter()
    chosen, result = searched(spec, learnt)
    seconds = time.perf_counter() - began
    what = f"trial {result.won.number} of {len(result.trials)} in {seconds:.0f} s: {result.won.reason}"
    if chosen.training == spec.training:
        return Gain(1.0, 1.0, 1.0, True, len(result.trials), seconds, what)
    ratio, low, high = ratio_of(_losses(chosen, learnt, unseen), _losses(spec, learnt, unseen))
    what = f"{chosen.training.trainer} {chosen.training.parameters}, {what}"
    return Gain(ratio, low, high, False, len(result.trials), seconds, what)


def searched(spec: ModelSpec, learnt: LabelledRows) -> tuple[ModelSpec, StudyResult]:
    """The recipe of a search as ``steps/search.py`` makes it; without services, so nothing is kept."""
    search = Search(minutes=MINUTES)
    asked = spec.model_copy(update={"search": search})
    nothing = np.zeros(len(learnt.labels), dtype=bool)
    known = ~np.isnan(learnt.labels)
    split = Split(train=learnt.only(known), holdout=learnt.only(nothing), unlabelled=learnt.only(~known))
    folds = search_folds(asked, folds_of(asked, split), search.folds)
    study = Study(space_of(asked), folds, "")
    result = carry_on(study, search, [], lambda trial: trial)
    if not result.won.number:
        return spec, result
    training = study.recipe(result.trials[result.won.number]).training
    return spec.model_copy(update={"training": training}), result


def _labelled(spec: ModelSpec, night: Any, stores: Stores) -> LabelledRows:
    table, labels = rows_of(spec, night.isoformat(), stores)
    targets = label_type(spec).as_targets(labels)
    day = (night - EPOCH).days
    return LabelledRows(pa.table(table), targets, np.full(len(targets), day))


def _losses(spec: ModelSpec, learnt: LabelledRows, unseen: list[LabelledRows]) -> list[Float64s]:
    known = ~np.isnan(learnt.labels)
    pipeline = fit(spec, learnt.only(known))
    losses = []
    for night in unseen:
        judged = night.only(~np.isnan(night.labels))
        scores = label_type(spec).predict(pipeline, model_inputs(spec, judged.table))
        losses.append(label_type(spec).row_losses(spec.metric, judged.labels, scores))
    return losses


if __name__ == "__main__":
    console = Console()
    console.print(summary(compare(development_sets(), console)))
