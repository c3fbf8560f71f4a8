"""Whether a model's skill is lost, by its last labelled nights together and the judged nights it is promoted with.

Skill beside a forecaster that knows no features, rank, and calibration in the large each give an e-value for each run
of nights that ends with this one and begins within the last ``MOST_NIGHTS``. Their sum over the beginnings is an
e-detector: on quiet nights it takes 1 / rate labelled nights or more, on average, to reach 1 / rate, however often
it is looked at (Shin, Ramdas and Rinaldo, New England Journal of Statistics in Data Science 2(2), 2024).
"""

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from nightshift.modelling.arrays import Float64s
from nightshift.modelling.night_skill import NightSkill
from nightshift.monitoring.evidence import SkillComparison

SKILL = "skill"
RANK = "rank"
BIAS = "bias"
MIN_NIGHTS = 7
"""Fewer judged nights say so little of another that no promise is given."""
SHOWN_NIGHTS = 7
MOST_NIGHTS = 14


class PooledSkill(BaseModel):
    """The last labelled nights of one version together, as of the last of them.

    ``evidence`` at or above ``needed`` is lost accuracy; of which ``worst`` says the most. Both are None where
    ``cannot`` says why there is no verdict. ``values`` are means over ``nights``, ``usual`` over the judged nights; a
    bias is the largest of the classes. ``usual_spread`` is the standard deviation of the judged nights' skills.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    nights: tuple[str, ...]
    evidence: float | None = None
    needed: float | None = None
    worst: str | None = None
    values: dict[str, float] = {}
    usual: dict[str, float] = {}
    usual_spread: float | None = None
    cannot: str = ""

    @property
    def lost(self) -> bool | None:
        """Whether accuracy is lost; None where nothing can be promised."""
        if self.evidence is None or self.needed is None:
            return None
        return self.evidence >= self.needed


def pooled_skill(
    reference: Sequence[NightSkill],
    nights: Sequence[str],
    skills: Sequence[NightSkill],
    rate: float,
) -> PooledSkill:
    """The verdict on the last of some labelled nights of one version, oldest first, beside its judged nights."""
    shown = tuple(nights[-SHOWN_NIGHTS:])
    values = _means(skills[-SHOWN_NIGHTS:])
    usual = _means(reference)
    if len(reference) < MIN_NIGHTS:
        cannot = f"{len(reference)} judged nights with a skill say too little of others, {MIN_NIGHTS} are needed"
        return PooledSkill(nights=shown, values=values, usual=usual, cannot=cannot)
    by_measure = evidence_by_measure(reference, skills[-MOST_NIGHTS:])
    total = sum(by_measure.values()) / len(by_measure)
    return PooledSkill(
        nights=shown,
        evidence=total,
        needed=1 / rate,
        worst=max(by_measure, key=lambda measure: by_measure[measure]),
        values=values,
        usual=usual,
        usual_spread=float(np.std([skill.skill for skill in reference], ddof=1)),
    )


def evidence_by_measure(reference: Sequence[NightSkill], skills: Sequence[NightSkill]) -> dict[str, float]:
    """The sum of e-values over all beginnings, of each measure that the reference defines."""
    evidence = {SKILL: _summed(_of_skill(reference), _of_skill(skills))}
    ranked = [skill for skill in reference if skill.rank is not None]
    if len(ranked) >= MIN_NIGHTS:
        evidence[RANK] = _summed(_of_rank(ranked), _of_rank(skills))
    names = sorted(set.intersection(*(set(skill.outcome) for skill in reference)))
    biases = [_summed(_of_bias(reference, name), _of_bias(skills, name), is_two_sided=True) for name in names]
    if biases:
        evidence[BIAS] = float(np.mean(biases))
    return evidence


class _Nights:
    """One measure by night, (n,): values of which more is worse, their noise, and what explains part of them."""

    def __init__(self, values: Sequence[float], noise: Sequence[float], leaning: Sequence[float]) -> None:
        self.values: Float64s = np.array(values, float)
        self.noise: Float64s = np.array(noise, float)
        self.leaning: Float64s = np.array(leaning, float)


def _of_skill(skills: Sequence[NightSkill]) -> _Nights:
    values = [-skill.skill for skill in skills]
    noise = [skill.skill_noise for skill in skills]
    return _Nights(values, noise, np.zeros(len(values)).tolist())


def _of_rank(skills: Sequence[NightSkill]) -> _Nights:
    values = [np.nan if skill.rank is None else -skill.rank for skill in skills]
    noise = [skill.rank_noise for skill in skills]
    return _Nights(values, noise, np.zeros(len(values)).tolist())


def _of_bias(skills: Sequence[NightSkill], name: str) -> _Nights:
    """How far the forecaster was off explains what could not be seen coming."""
    values = [skill.bias.get(name, np.nan) for skill in skills]
    noise = [skill.bias_noise.get(name, 0.0) for skill in skills]
    leaning = [skill.surprise.get(name, 0.0) for skill in skills]
    return _Nights(values, noise, leaning)


def _summed(reference: _Nights, nights: _Nights, *, is_two_sided: bool = False) -> float:
    """Over all beginnings; of nights that say nothing there is none."""
    comparison = SkillComparison(reference.values, reference.leaning, is_two_sided)
    values = _shrunk(comparison, reference, nights)
    known = np.isfinite(values)
    return float(comparison.evidence(values[known], nights.leaning[known]).sum())


def _shrunk(comparison: SkillComparison, reference: _Nights, nights: _Nights) -> Float64s:
    """Nights of fewer rows than the reference's vary more: they are brought nearer to what was expected of them."""
    slope = comparison.slope
    residuals = comparison.residuals
    variance = float(residuals.var(ddof=1))
    scarcity = np.maximum(nights.noise - reference.noise.mean(), 0.0)
    if variance == 0:
        return nights.values
    shrinkage = np.sqrt(variance / (variance + scarcity))
    expected = residuals.mean() + slope * nights.leaning
    return np.asarray(expected + shrinkage * (nights.values - expected))


def _means(skills: Sequence[NightSkill]) -> dict[str, float]:
    """Means over nights; of biases that which is furthest from none."""
    if not skills:
        return {}
    means = {SKILL: float(np.mean([skill.skill for skill in skills]))}
    ranks = [skill.rank for skill in skills if skill.rank is not None]
    if ranks:
        means[RANK] = float(np.mean(ranks))
    biases = [_mean_bias(skills, name) for name in _common(skills)]
    if biases:
        means[BIAS] = max(biases, key=abs)
    return means


def _common(skills: Sequence[NightSkill]) -> list[str]:
    """The outcomes that every night knows."""
    known = [set(skill.outcome) for skill in skills]
    return sorted(set.intersection(*known))


def _mean_bias(skills: Sequence[NightSkill], name: str) -> float:
    biases = [skill.bias[name] for skill in skills]
    return float(np.mean(biases))
