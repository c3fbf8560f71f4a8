"""A forecaster that knows no features: the trailing base rate, the classes' trailing shares, or the last season's mean.

A night that is hard for everybody is hard for it too, so that what a model gains on it says more than a loss.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nightshift.modelling.label_types import label_type
from nightshift.partitions import days_between
from nightshift.spec import ModelSpec

TRAILING_NIGHTS = 28
SEASON_DAYS = 7


@dataclass(frozen=True)
class NightOutcome:
    """How a night turned out: the mean outcome of its rows, or the share of each class."""

    rows: int
    mean: Mapping[str, float]


def forecast(spec: ModelSpec, night: str, known: Mapping[str, NightOutcome]) -> dict[str, float] | None:
    """What is said of every row of a night, from the outcomes that its run could see; None without any.

    Of classes: their shares in the last ``TRAILING_NIGHTS`` nights. Of a number: its mean in the last night of the same
    weekday, as seasonal naive forecasts have it, or in all of these nights.
    """
    last = spec.labelled_night(night)
    could_be_seen = [earlier for earlier in known if earlier <= last and earlier < night]
    trailing = sorted(could_be_seen)[-TRAILING_NIGHTS:]
    if not trailing:
        return None
    if label_type(spec).is_seasonal:
        season = [earlier for earlier in trailing if days_between(earlier, night) % SEASON_DAYS == 0]
        nights = season[-1:] or trailing
        return _mean([known[earlier] for earlier in nights], 0.0)
    return _mean([known[earlier] for earlier in trailing], 1.0)


def _mean(outcomes: Sequence[NightOutcome], doubt: float) -> dict[str, float]:
    """Over rows. ``doubt`` rows of each class are added in equal parts: what was never seen may come."""
    names = dict.fromkeys(name for outcome in outcomes for name in outcome.mean)
    classes = max(2, len(names))
    rows = sum(outcome.rows for outcome in outcomes)
    means = {}
    for name in names:
        total = sum(outcome.rows * outcome.mean.get(name, 0.0) for outcome in outcomes)
        means[name] = (total + doubt / classes) / (rows + doubt)
    return means
