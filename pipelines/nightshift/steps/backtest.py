"""Judge the nights of a range once more, each as of itself: what would have alarmed, and what would have retrained.

The same functions as ``monitor`` and ``govern``, on a lake that hides what later nights wrote and keeps nothing. Labels
and predictions are those that there are now: what was corrected or scored again since is judged as it is.
"""

from collections.abc import Sequence

from nightshift.contracts import Dataset
from nightshift.errors import DataError, UsageError
from nightshift.monitoring.backtest.policy import in_words, judged_by
from nightshift.monitoring.backtest.result import Backtest, FaultTrials, JudgedNight
from nightshift.monitoring.backtest.summary import shares_of, verdicts_of
from nightshift.monitoring.backtest.trials import FaultyNights, WatchedNight, try_faults
from nightshift.monitoring.drift import DriftReference, NightValues
from nightshift.monitoring.episodes import episodes_of
from nightshift.monitoring.history import as_values
from nightshift.partitions import parse_partition, shifted
from nightshift.profiles.profile import load_profile
from nightshift.progress import OnProgress, counted, unheard
from nightshift.spec import ModelSpec
from nightshift.steps._past_nights import PastNights
from nightshift.stores import Stores

# Nights before the range that are judged too, so that its first have a history like any other.
WARM_UP_DAYS = 42


def backtest(
    spec: ModelSpec,
    first: str,
    last: str,
    stores: Stores,
    *,
    once_per_nights: float | None = None,
    retrain_nights: int | None = None,
    faults: bool = True,
    progress: OnProgress = unheard,
) -> Backtest:
    """Judge all scored nights from ``first`` to ``last`` by a policy, the spec's own where nothing else is said.

    A night that cannot be judged says why. Raises ``UsageError`` for a range without a scored night, ``DataError``
    where none of its nights can be judged, ``UnsealedRecord``, ``LakeUnavailable``.
    """
    policy = judged_by(spec, once_per_nights, retrain_nights)
    scored = _scored(spec, first, last, stores)
    past = PastNights(policy, scored, stores)
    nights = []
    for night in counted(scored, "nights", progress):
        judged = past.judge(night)
        if night >= first:
            nights.append(judged)
    _require_judged(spec, nights)
    episodes = episodes_of(verdicts_of(nights))
    return Backtest(
        model=spec.name,
        first=first,
        last=last,
        policy=in_words(policy, spec),
        nights=nights,
        episodes=episodes,
        shares=shares_of(policy.drift.rate, nights, episodes),
        faults=_tried(policy, past, nights, stores) if faults else [],
        notes=past.notes,
    )


def _scored(spec: ModelSpec, first: str, last: str, stores: Stores) -> list[str]:
    """The nights with predictions in the range, and those shortly before it. Raises ``UsageError``."""
    for night in (first, last):
        parse_partition(night)
    if first > last:
        raise UsageError(
            f"the range from {first} to {last} ends before it begins", fix="give the earlier night as --from"
        )
    published = stores.lake.partitions(Dataset.PREDICTIONS, spec.name, spec.partition.column)
    in_range = [night for night in published if first <= night <= last]
    if not in_range:
        raise UsageError(
            f"{spec.name} has no scored night from {first} to {last}; {_which(published)}",
            fix=f"give a range that has scored nights, or: nightshift predict {spec.name} {first}",
        )
    return _before(first, published) + in_range


def _before(first: str, published: Sequence[str]) -> list[str]:
    """The nights shortly before a range."""
    warm_up = shifted(first, -WARM_UP_DAYS)
    return [night for night in published if warm_up <= night < first]


def _which(published: Sequence[str]) -> str:
    if not published:
        return "none was ever scored"
    count = len(published)
    first, *_ = published
    return f"scored are {count} from {first} to {published[-1]}"


def _require_judged(spec: ModelSpec, nights: Sequence[JudgedNight]) -> None:
    for night in nights:
        if not night.why_not:
            return
    count = len(nights)
    first, *_ = nights
    raise DataError(
        f"{spec.name}: none of {count} nights can be judged, the first for this: {first.why_not}",
        fix=f"nightshift explain {spec.name} {first.night}",
    )


def _tried(policy: ModelSpec, past: PastNights, nights: Sequence[JudgedNight], stores: Stores) -> list[FaultTrials]:
    """Faults in nights of the version that scored the last of them."""
    judged = [night for night in nights if not night.why_not]
    version = judged[-1].version
    records = [record for record in past.records.values() if record.version == version]
    profile = load_profile(records[-1].pin, stores.lake)

    reference = DriftReference.of(policy, profile)

    def drifted(night: NightValues, before: Sequence[NightValues]) -> bool:
        return reference.measure(night, before).drifted

    watched = [WatchedNight(as_values(record), is_quiet=record.drift.alarm is False) for record in records]
    features = {feature.name: feature for feature in profile.features}
    series = {feature.feature for feature in records[-1].drift.features if feature.is_by_night}
    return try_faults(FaultyNights(features, frozenset(series), watched, drifted))
