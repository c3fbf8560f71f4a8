"""One recipe, fitted to each fold of the search and judged by the nights after it."""

import math
import time
import warnings
from collections.abc import Sequence

import numpy as np

from nightshift.errors import DataError, ModelError, SpecError
from nightshift.modelling.arrays import Float64s
from nightshift.modelling.folds import Fold, night_of
from nightshift.modelling.label_types import label_type
from nightshift.spec import ModelSpec
from nightshift.stores.searches import TrialRecord, TrialState
from nightshift.training.recipe import fit, out_of_fold
from nightshift.training.search.sampler import Proposal

REFUSALS = (
    SpecError,
    DataError,
    ModelError,
    ArithmeticError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What a recipe among others may come to; a search goes on with the next. Never that a store is not there."""
MOST_BEGINNINGS = 2
"""After so many that came to no end, a trial is one that kills its process."""
LONGEST_REASON = 500


def deadly_trial(proposed: Proposal, study: str, number: int) -> TrialRecord:
    """What is kept of one that is not begun again."""
    return TrialRecord(
        study=study,
        number=number,
        candidate=proposed.point.candidate,
        values=dict(proposed.point.values),
        state="refused",
        losses=[],
        night_losses={},
        seconds=0.0,
        why=f"{MOST_BEGINNINGS} times its process died before it ended: it may need more memory than there is",
    )


def run_trial(spec: ModelSpec, proposed: Proposal, folds: Sequence[Fold], study: str, number: int) -> TrialRecord:
    """Fit and judge fold by fold; given up where it is hopeless, and refused where it cannot be trained."""
    began = time.monotonic()
    state: TrialState = "finished"
    why = ""
    judged = _Judged()
    try:
        state = _fold_by_fold(spec, proposed, folds, judged)
    except REFUSALS as error:
        state = "refused"
        why = str(error)[:LONGEST_REASON]
    return TrialRecord(
        study=study,
        number=number,
        candidate=proposed.point.candidate,
        values=dict(proposed.point.values),
        state=state,
        losses=judged.so_far,
        night_losses=judged.by_night,
        seconds=time.monotonic() - began,
        why=why,
    )


class _Judged:
    """The losses of a trial, fold by fold and night by night."""

    def __init__(self) -> None:
        self.so_far: list[float] = []
        self.by_night: dict[str, float] = {}
        self._sum = 0.0
        self._rows = 0

    def add(self, fold: Fold, losses: Float64s) -> float:
        """The mean loss of a row of this fold and those before it. Raises ``DataError`` for one that is no number."""
        self._sum += float(losses.sum())
        self._rows += len(losses)
        mean = self._sum / self._rows
        if not math.isfinite(mean):
            raise DataError(f"its mean loss on the nights after {fold.fitted_through} is {mean}")
        nights = fold.judged.nights
        for day in np.unique(nights):
            of_night = losses[nights == day]
            night = night_of(day)
            self.by_night[night] = float(of_night.mean())
        self.so_far.append(mean)
        return mean


def _fold_by_fold(spec: ModelSpec, proposed: Proposal, folds: Sequence[Fold], judged: _Judged) -> TrialState:
    last = len(folds) - 1
    for step, fold in enumerate(folds):
        losses = _losses(spec, fold)
        mean = judged.add(fold, losses)
        if step == last:
            break
        if proposed.is_hopeless(step, mean):
            return "pruned"
    return "finished"


def _losses(spec: ModelSpec, fold: Fold) -> Float64s:
    with warnings.catch_warnings():
        # A recipe that is tried may converge badly: its losses say so.
        warnings.simplefilter("ignore")
        pipeline = fit(spec, fold.train)
        scored = out_of_fold(spec, [fold], [pipeline])
    labels = scored.rows.labels
    return label_type(spec).row_losses(spec.metric, labels, scored.scores)
