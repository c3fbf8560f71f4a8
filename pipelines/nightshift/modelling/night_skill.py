"""What a model was worth on one night, beside a forecaster that knows no features."""

from collections.abc import Mapping

import numpy as np
from pydantic import BaseModel, ConfigDict

from nightshift.modelling.arrays import Float64s, Floats
from nightshift.modelling.forecaster import NightOutcome
from nightshift.modelling.label_types import label_type
from nightshift.modelling.metrics import never_for_unknown
from nightshift.spec import ModelSpec


class NightSkill(BaseModel):
    """One labelled night of ``rows`` rows.

    ``skill`` is the mean loss of the forecaster less the model's; ``rank`` how well the scores order the rows, None
    where it is not defined. ``forecast``, ``outcome`` and ``score`` are means by class, or of the label. A ``noise`` is
    the variance that a value has from so few rows. ``uncovered`` is, of each quantile, its level less the share of
    outcomes that were at or below it; of other labels there is none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int
    skill: float
    skill_noise: float
    rank: float | None
    rank_noise: float
    forecast: dict[str, float]
    outcome: dict[str, float]
    score: dict[str, float]
    bias_noise: dict[str, float]
    uncovered: dict[str, float] = {}

    @property
    def bias(self) -> dict[str, float]:
        """How far the mean score is above the mean outcome; of quantiles what they say of shares, not of numbers."""
        if self.uncovered:
            return self.uncovered
        return {name: self.score[name] - self.outcome[name] for name in self.outcome}

    @property
    def surprise(self) -> dict[str, float]:
        """How far the forecast was above the mean outcome: of a night that nobody saw coming it is far."""
        return {name: self.forecast.get(name, 0.0) - self.outcome[name] for name in self.outcome}


def outcome_of(spec: ModelSpec, targets: Floats) -> NightOutcome:
    """How labelled rows (n,), n > 0, turned out."""
    label = label_type(spec)
    return NightOutcome(len(targets), _named(label.outcome_names, label.outcome(targets)))


def night_skill(
    spec: ModelSpec,
    loss: str,
    targets: Floats,
    scores: Floats,
    forecast: Mapping[str, float] | None,
) -> NightSkill | None:
    """The skill of scores, (n,) or (n, k), on labelled rows (n,); None without rows or forecast."""
    rows = len(targets)
    if rows == 0 or forecast is None:
        return None
    label = label_type(spec)
    names = label.outcome_names
    by_name = scores.reshape(rows, -1)
    by_name = never_for_unknown(by_name).astype(np.float64)
    same_for_all = np.broadcast_to([forecast.get(name, 0.0) for name in names], by_name.shape)
    of_forecaster = label.row_losses(loss, targets, same_for_all.reshape(scores.shape))
    gained = of_forecaster - label.row_losses(loss, targets, scores)
    rank = label.rank(targets, by_name.reshape(scores.shape))
    bias = label.biases(targets, by_name)
    value, noise = (rank.value, rank.noise) if rank else (None, 0.0)
    return NightSkill(
        rows=rows,
        skill=float(gained.mean()),
        skill_noise=float(gained.var()) / rows,
        rank=value,
        rank_noise=noise,
        forecast=dict(forecast),
        outcome=_named(names, label.outcome(targets)),
        score=_named(names, by_name.mean(axis=0)),
        bias_noise=_named(names, bias.var(axis=0) / rows),
        uncovered=_named(names, bias.mean(axis=0)) if label.is_ordered else {},
    )


def _named(names: tuple[str, ...], values: Float64s) -> dict[str, float]:
    return dict(zip(names, values.tolist(), strict=True))
