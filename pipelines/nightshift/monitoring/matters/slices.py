"""Drift within each value of the columns that ``gates.slices`` names.

Of each slice, the watched column whose histogram is furthest from the slice's own reference, over how far it is on a
usual night of as many rows: the reference's nights are drawn down to as many, and each is held against nights more
than a week away. All slices of a night share one limit, of the largest such ratio over all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from nightshift.modelling.arrays import Booleans, Float64s, Floats, Int64s, Places
from nightshift.monitoring.matters.limits import upper_limit
from nightshift.monitoring.matters.record import SliceDrift
from nightshift.profiles import distance
from nightshift.profiles.bins import Bins
from nightshift.profiles.profile import Profile

MOST_SLICES = 10
FEWEST_ROWS = 20
"""A night's slice of fewer rows is not looked at."""
AWAY = 7
SMALLEST_DISTANCE = 0.01
SEED = 0


class SlicedFeature(BaseModel):
    """A watched column's bins."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    bins: Bins


class SliceNight(BaseModel):
    """The loss of a judged night's slice, and its variance by row."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int
    loss: float
    variance: float


class SliceReference(BaseModel):
    """One value of a column: rows by watched column, night and bin, and its judged nights in order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    value: str
    counts: tuple[tuple[tuple[int, ...], ...], ...]
    judged: tuple[SliceNight, ...]


class SlicesReference(BaseModel):
    """The largest slices of the window, over all columns that are sliced."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    features: tuple[SlicedFeature, ...] = ()
    slices: tuple[SliceReference, ...] = ()


def reference_of(
    profile: Profile,
    columns: Sequence[str],
    window: pa.Table,
    nights: Places,
    judged: pa.Table,
    nights_judged: Int64s,
    losses: Floats,
) -> SlicesReference:
    """By the rows of the window, with the places of their nights, and those that were judged, with what they lost."""
    if not columns:
        return SlicesReference()
    features = [feature for feature in profile.features if feature.name in window.column_names]
    codes = [feature.bins.codes(window[feature.name]) for feature in features]
    slices = []
    for column, value in _largest(window, columns):
        is_inside = in_slice(window, column, value)
        counts = []
        for feature, of_feature in zip(features, codes, strict=True):
            by_night = _by_night(nights, of_feature, feature.bins.size, is_inside)
            counts.append(tuple(map(tuple, by_night.tolist())))
        of_slice = SliceReference(
            column=column,
            value=value,
            counts=tuple(counts),
            judged=_judged(in_slice(judged, column, value), nights_judged, losses),
        )
        slices.append(of_slice)
    named = [SlicedFeature(name=feature.name, bins=feature.bins) for feature in features]
    return SlicesReference(features=tuple(named), slices=tuple(slices))


def drifts(reference: SlicesReference, night: pa.Table) -> list[SliceDrift]:
    """Of each slice that the night has rows enough of, the worst first."""
    random = np.random.default_rng(SEED)
    compared = []
    for of_slice in reference.slices:
        is_inside = in_slice(night, of_slice.column, of_slice.value)
        if is_inside.sum() >= FEWEST_ROWS:
            rows = night.filter(pa.array(is_inside))
            compared += _compared(reference, of_slice, rows, random)
    limit = _limit([one.usual for one in compared])
    worst = [_drift(limit, columns) for columns in _by_slice(compared)]
    worst.sort(key=lambda one: (-one.times_usual, one.column, one.value))
    return worst


def _largest(window: pa.Table, columns: Sequence[str]) -> list[tuple[str, str]]:
    """Columns and values, those of most rows; null is no slice."""
    sized = []
    for column in columns:
        for counted in pc.value_counts(_texts(window, column).drop_null()).to_pylist():
            sized.append((-counted["counts"], column, counted["values"]))
    return [(column, value) for _, column, value in sorted(sized)[:MOST_SLICES]]


def in_slice(table: pa.Table, column: str, value: str) -> Booleans:
    """Which rows of a table, (n,), have that value; none where it lacks the column."""
    if column not in table.column_names:
        return np.zeros(table.num_rows, np.bool_)
    matches = pc.equal(_texts(table, column), value)
    return np.asarray(matches.fill_null(False))


def _texts(table: pa.Table, column: str) -> pa.Array:
    return table[column].cast(pa.string()).combine_chunks()


def _by_night(nights: Places, codes: Int64s, size: int, is_inside: Booleans) -> Int64s:
    number = int(nights.max()) + 1
    places = nights[is_inside] * size + codes[is_inside]
    flat = np.bincount(places, minlength=number * size)
    return flat.reshape(number, size)


def _judged(is_inside: Booleans, nights: Int64s, losses: Floats) -> tuple[SliceNight, ...]:
    measured = []
    for day in np.unique(nights[is_inside]):
        of_night = losses[is_inside & (nights == day)]
        if len(of_night) < FEWEST_ROWS:
            continue
        measured.append(SliceNight(rows=len(of_night), loss=float(of_night.mean()), variance=float(of_night.var())))
    return tuple(measured)


def _usual_distances(counts: Int64s, rows: int, random: np.random.Generator) -> Float64s:
    """Of each reference night, (nights,), drawn down to ``rows``, from those a week away; NaN where it has too few."""
    distances = np.full(len(counts), np.nan)
    place_of = np.arange(len(counts))
    for place, of_night in enumerate(counts):
        sum_of_night = int(of_night.sum())
        if sum_of_night < FEWEST_ROWS:
            continue
        drawn = of_night
        if sum_of_night > rows:
            drawn = random.multivariate_hypergeometric(of_night, rows)
        is_away = np.abs(place_of - place) > AWAY
        distances[place] = distance.between(drawn, counts[is_away].sum(axis=0))
    return distances


@dataclass(frozen=True)
class _Compared:
    """A watched column within a slice of a night; over the usual distance: its own, and the reference nights'."""

    of_slice: SliceReference
    feature: str
    rows: int
    distance: float
    times: float
    usual: Float64s


def _compared(
    reference: SlicesReference, of_slice: SliceReference, rows: pa.Table, random: np.random.Generator
) -> list[_Compared]:
    """The watched columns of a slice that the reference has nights enough of."""
    compared = []
    for feature, counts in zip(reference.features, of_slice.counts, strict=True):
        by_night = np.array(counts, np.int64)
        usual = _usual_distances(by_night, rows.num_rows, random)
        known = usual[np.isfinite(usual)]
        if not known.size:
            continue
        counted = feature.bins.count(rows[feature.name].combine_chunks())
        of_night = float(distance.between(counted, by_night.sum(axis=0)))
        scale = max(float(np.median(known)), SMALLEST_DISTANCE)
        compared.append(
            _Compared(
                of_slice,
                feature=feature.name,
                rows=rows.num_rows,
                distance=of_night,
                times=of_night / scale,
                usual=usual / scale,
            )
        )
    return compared


def _by_slice(compared: Sequence[_Compared]) -> list[_Compared]:
    """The furthest column of each slice."""
    furthest: dict[tuple[str, str], _Compared] = {}
    for one in compared:
        name = (one.of_slice.column, one.of_slice.value)
        before = furthest.get(name, one)
        furthest[name] = max(before, one, key=lambda each: each.times)
    return list(furthest.values())


def _limit(nulls: Sequence[Float64s]) -> float | None:
    """What the largest of all slices' ratios passes on a quiet night as seldom as said."""
    if not nulls:
        return None
    largest = np.fmax.reduce(nulls)
    known = largest[np.isfinite(largest) & (largest > 0)]
    limit = upper_limit(np.log(known))
    return None if limit is None else float(np.exp(limit))


def _drift(limit: float | None, furthest: _Compared) -> SliceDrift:
    return SliceDrift(
        column=furthest.of_slice.column,
        value=furthest.of_slice.value,
        rows=furthest.rows,
        feature=furthest.feature,
        distance=furthest.distance,
        times_usual=furthest.times,
        limit=limit,
        above=None if limit is None else furthest.times > limit,
    )
