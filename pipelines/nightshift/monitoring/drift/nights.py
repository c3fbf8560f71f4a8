"""A feature's reference nights as arrays: what differs by night, which depend on which, which weekdays differ."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from nightshift.errors import UsageError
from nightshift.modelling.arrays import Array, Float64s, Int64s, Places
from nightshift.partitions import parse_partition
from nightshift.profiles.moments import Moments
from nightshift.profiles.profile import Feature, Profile

# So much of what its values differ by must be between nights for a feature to be a matter of nights, as weather is.
BY_NIGHT_SHARE = 0.5
# How far out the outermost bins of a reference lie, in the normal scores of its rows.
OUTERMOST = 0.001
# Trailing windows of a week are common, so no night is held against one nearer than this.
LEAST_BLOCK = 7
# A block is never so wide that less than two thirds of the nights are left to hold a night against.
LARGEST_BLOCK_SHARE = 6
# Nights depend on one another until the correlation has fallen to this.
FORGOTTEN = 0.1
# Of nights that are more alike than this nobody could tell how much.
MOST_CORRELATED = 0.97
TINY = 1e-12
WEEK = 7
# Eight weeks: of fewer a night would be held against a handful.
NIGHTS_FOR_WEEKDAYS = 56
SHUFFLES = 399
# Weekdays differ where less than this share of shuffled calendars differ as much.
WEEKDAY_LEVEL = 0.004
SEED = 20240229
NO_WEEKDAYS = np.zeros(0, np.int64)


@dataclass(frozen=True)
class ReferenceNights:
    """The reference nights that have rows: their places in the profile, and rows per bin (nights, bins).

    ``is_by_night`` tells features that differ between nights more than within one, as weather does; ``ends`` are the
    lowest and highest value of each night. ``weekdays`` is 0 to 6 for each, or empty where keys are no dates or
    weekdays do not differ.
    """

    feature: Feature
    places: tuple[int, ...]
    counts: Int64s
    means: Float64s
    ends: Float64s
    is_by_night: bool
    weekdays: Int64s

    @property
    def number(self) -> int:
        """How many nights."""
        return len(self.places)


def reference_nights(profile: Profile, feature: Feature, calendars: Array) -> ReferenceNights:
    """Those of one feature; ``calendars`` are those of ``shuffled_calendars``."""
    all_counts = np.asarray(feature.night_counts, np.int64)
    rows = all_counts.sum(axis=1)
    places = np.flatnonzero(rows)
    counts = all_counts[places]
    is_number = feature.bins.kind == "numeric"
    partitions = [profile.nights[place] for place in places]
    return ReferenceNights(
        feature=feature,
        places=tuple(places.tolist()),
        counts=counts,
        means=_means(feature, places),
        ends=_ends(feature, places),
        is_by_night=between_share(is_number, counts) >= BY_NIGHT_SHARE,
        weekdays=_differing_weekdays(partitions, counts, calendars),
    )


def _differing_weekdays(partitions: list[str], counts: Int64s, calendars: Array) -> Int64s:
    weekdays = weekdays_of(partitions)
    nights = calendars.shape[-1]
    if len(weekdays) != nights or nights == 0:
        return NO_WEEKDAYS
    if _weekdays_differ(counts, calendars):
        return weekdays
    return NO_WEEKDAYS


def weekday_of(partition: str) -> int | None:
    """0 to 6, or None for a key that is no date."""
    try:
        return parse_partition(partition).weekday()
    except (ValueError, UsageError):
        return None


def weekdays_of(partitions: list[str]) -> Int64s:
    """Of each night, or empty where a key is no date or the nights are too few."""
    if len(partitions) < NIGHTS_FOR_WEEKDAYS:
        return NO_WEEKDAYS
    weekdays = []
    for partition in partitions:
        weekday = weekday_of(partition)
        if weekday is None:
            return NO_WEEKDAYS
        weekdays.append(weekday)
    return np.array(weekdays, np.int64)


def shuffled_calendars(partitions: list[str]) -> Array:
    """The nights' own calendar and shuffled ones: (1 + shuffles, 7, nights), each night's share of its weekday."""
    weekdays = weekdays_of(partitions)
    if weekdays.size == 0:
        return np.zeros((1, WEEK, 0))
    rng = np.random.default_rng(SEED)
    orders = [weekdays]
    for _ in range(SHUFFLES):
        shuffled = rng.permutation(weekdays)
        orders.append(shuffled)
    all_orders = np.stack(orders)[:, None, :]
    each_day = np.arange(WEEK)[:, None]
    is_of = all_orders == each_day
    nights = is_of.sum(axis=2, keepdims=True)
    root = np.sqrt(np.maximum(nights, 1))
    return np.asarray(is_of / root)


def _weekdays_differ(counts: Int64s, calendars: Array) -> bool:
    """By a permutation test: what weekdays explain of the nights' root shares, against other calendars."""
    rows = counts.sum(axis=1, keepdims=True)
    roots = np.sqrt(counts / rows)
    centred = roots - roots.mean(axis=0)
    sums = calendars @ centred
    squares = np.square(sums)
    own, *others = squares.sum(axis=(1, 2))
    as_much = np.mean(others >= own)
    return bool(as_much < WEEKDAY_LEVEL)


def _means(feature: Feature, places: Places) -> Float64s:
    """The mean of each night's finite values, NaN where there are none."""
    if not feature.moments:
        return np.full(len(places), np.nan)
    means = []
    for place in places:
        mean = value_of(feature.moments[place])
        means.append(mean)
    return np.array(means)


def value_of(moments: Moments | None) -> float:
    """A night's mean, which is its value where it has one only."""
    if moments is None:
        return math.nan
    return moments.mean


def _ends(feature: Feature, places: Places) -> Float64s:
    """Lowest and highest value of each night (nights, 2), NaN where there are none."""
    ends = np.full((len(places), 2), np.nan)
    if not feature.moments:
        return ends
    for row, place in enumerate(places):
        moments = feature.moments[place]
        if moments:
            ends[row] = [moments.low, moments.high]
    return ends


def between_share(is_number: bool, counts: Int64s) -> float:
    """How much of the variance of the rows is that of nights: 1 where each night is of one value.

    Of numbers by the normal scores of their bins; of categories by which of them a row has.
    """
    present = counts[:, :-1]
    rows = present.sum(axis=1)
    present = present[rows > 0]
    sizes = rows[rows > 0, None]
    if sizes.size == 0:
        return 0.0
    total = present.sum(axis=0)
    scores = scores_of_bins(total) if is_number else np.eye(total.size)
    means = (present @ scores) / sizes
    squares = (present @ scores**2) / sizes
    variances = squares - means**2
    within = variances.mean(axis=0).sum()
    between = means.var(axis=0).sum()
    if between <= 0:
        return 0.0
    return float(between / (between + within))


def scores_of_bins(counts: Int64s) -> Float64s:
    """The normal score of each bin's middle row, (bins, 1)."""
    total = max(int(counts.sum()), 1)
    up_to = np.cumsum(counts)
    below = up_to - counts / 2
    shares = below / total
    highest = 1 - OUTERMOST
    inside = np.clip(shares, OUTERMOST, highest)
    scores = special.ndtri(inside)
    column = scores[:, None]
    return np.asarray(column)


def autocorrelation(scores: Float64s) -> Float64s:
    """Of the next night with a night, for series (nights, ...): by Kendall's correction for few nights, at least 0."""
    nights = len(scores)
    centred = scores - scores.mean(axis=0)
    squares = np.square(centred)
    power = squares.sum(axis=0)
    products = centred[1:] * centred[:-1]
    raw = products.sum(axis=0) / np.maximum(power, TINY)
    missing = (1 + 3 * raw) / nights
    corrected = np.where(raw > 0, raw + missing, 0.0)
    return np.asarray(np.minimum(corrected, MOST_CORRELATED))


def block_of(nights: int, correlation: float) -> int:
    """How far apart two nights must be to say nothing of one another."""
    most = nights // LARGEST_BLOCK_SHARE
    if correlation <= 0:
        return min(LEAST_BLOCK, most)
    steps = math.log(FORGOTTEN) / math.log(correlation)
    forgotten = math.ceil(steps)
    block = max(LEAST_BLOCK, forgotten)
    return min(block, most)


def pools(nights: ReferenceNights, block: int) -> Int64s:
    """What each night is held against, (nights, bins): the nights further than a block from it, of its weekday."""
    places = np.arange(nights.number)
    apart = np.abs(places[:, None] - places)
    is_held = apart > block
    weekdays = nights.weekdays
    if weekdays.size:
        is_same = weekdays[:, None] == weekdays
        is_held &= is_same
    times = is_held.astype(np.int64)
    return np.asarray(times @ nights.counts)


def pool_of(nights: ReferenceNights, partition: str) -> Int64s:
    """What a night after the reference is held against, (bins,)."""
    counts = nights.counts
    weekdays = nights.weekdays
    weekday = weekday_of(partition)
    if weekdays.size and weekday is not None:
        is_same = weekdays == weekday
        counts = counts[is_same]
    pool = counts.sum(axis=0)
    return np.asarray(pool)
