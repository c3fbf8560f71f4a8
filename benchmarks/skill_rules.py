"""Rules of lost accuracy as the simulator takes them: which later nights are lost, by the judged ones of a version."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from nightshift.monitoring.accuracy_record import is_lost
from nightshift.monitoring.episodes import NightVerdict, episodes_of
from nightshift.monitoring.limit import loss_limit
from nightshift.monitoring.skill import MOST_NIGHTS, pooled_skill
from nightshift.profiles.profile import HoldoutNight

RATE = 0.01
Verdicts: TypeAlias = list[bool | None]
SkillRule: TypeAlias = Callable[[Sequence[HoldoutNight], Sequence[HoldoutNight]], Verdicts]
"""From judged and later nights, both oldest first, to a verdict on each of the later ones, as of that night."""


def present(judged: Sequence[HoldoutNight], later: Sequence[HoldoutNight]) -> Verdicts:
    """Lost skill, over the last labelled nights together."""
    reference = [night.skill for night in judged if night.skill]
    skills = [night.skill for night in later if night.skill]
    names = [night.night for night in later if night.skill]
    verdicts = []
    for last in range(1, len(skills) + 1):
        first = max(0, last - MOST_NIGHTS)
        pooled = pooled_skill(reference, names[first:last], skills[first:last], RATE)
        verdicts.append(pooled.lost)
    return verdicts


def former(judged: Sequence[HoldoutNight], later: Sequence[HoldoutNight]) -> Verdicts:
    """The rule until now: a night's loss above the normal prediction limit of the last fortnight that was judged."""
    holdout = judged[-14:]
    return [is_lost(night.loss, loss_limit(holdout, night.rows, RATE)) for night in later]


def opened(nights: Sequence[HoldoutNight], verdicts: Verdicts) -> int:
    """How many episodes such verdicts open."""
    alarms = [
        NightVerdict(night.night, "1", "accuracy", verdict) for night, verdict in zip(nights, verdicts, strict=True)
    ]
    return len(episodes_of(alarms))
