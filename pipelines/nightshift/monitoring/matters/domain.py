"""Whether all features together have moved: can small trees tell the night's rows from the reference's?

Out-of-fold area under the ROC curve; 0.5 says no (a classifier two-sample test; Lopez-Paz and Oquab, 2017, ICLR).
Real nights are always told from the rest a little, by their weather and their weekday. So the area is held against
those of the reference's own nights, each against nights more than a week away. A column by which alone some of these
are told, as a trailing rate is whose history began in the window, would put that limit where no drift can reach it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from nightshift.modelling.arrays import Float64s, Int64s
from nightshift.modelling.classification import roc_auc
from nightshift.modelling.small_trees import categories, constant_within, matrix, out_of_fold_scores
from nightshift.monitoring.matters.limits import FEWEST_NIGHTS, scarcity, upper_limit
from nightshift.monitoring.matters.record import DomainShift

NULL_NIGHTS = 30
"""So many of the reference's, evenly spread, are told from the others."""
AWAY = 7
"""Days between a night and those that it is held against: a week, and what features remember."""
NIGHT_ROWS = 1_000
REFERENCE_ROWS = 3_000
FEWEST_ROWS = 50
AREA_VARIANCE = 1 / 12
"""That of an area where one side is few rows, times these (Hanley and McNeil, 1982, Radiology 143)."""
NEAREST = 1e-3
"""An area is kept so far from 0 and 1, where its logarithm of odds ends."""
HIGHEST_LIMIT = 0.95
"""Above it hardly anything is left for drift to show: columns are left out, the most telling first."""
NIGHTS_OF_COLUMN = 10
"""So many of the reference's nights say how telling a column is by itself."""


class DomainReference(BaseModel):
    """The areas of the reference's own nights, in their order, and of how many rows each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: tuple[str, ...]
    left_out: tuple[str, ...]
    areas: tuple[float, ...]
    rows: tuple[int, ...]


@dataclass(frozen=True)
class _OwnNight:
    """A night of the reference, and the rows that are kept of nights away from it."""

    rows: pa.Table
    away: pa.Table


@dataclass(frozen=True)
class _ToldBy:
    """Columns, and how well the reference's nights are told by them."""

    columns: tuple[str, ...]
    areas: tuple[float, ...]

    @classmethod
    def of(cls, columns: Sequence[str], nights: Sequence[_OwnNight]) -> "_ToldBy":
        areas = _areas(columns, nights)
        return cls(tuple(columns), tuple(areas))

    @property
    def is_out_of_reach(self) -> bool:
        """Also where the nights are too much alike for a limit, as where the first of them are told wholly."""
        if len(self.areas) < FEWEST_NIGHTS:
            return False
        limit = upper_limit(_log_odds(np.array(self.areas)))
        return limit is None or _area_of(limit) > HIGHEST_LIMIT


def reference_of(
    columns: Sequence[str], window: pa.Table, nights: Int64s, kept: pa.Table, nights_kept: Int64s
) -> DomainReference:
    """By the rows of the window, in order of their nights (day ordinals), and those that are kept as its sample."""
    constant = constant_within(window, columns, nights)
    used = [name for name in columns if name not in constant]
    own = list(_own_nights(window, nights, kept, nights_kept)) if used else []
    reachable = _reachable(used, own)
    left_out = [name for name in used if name not in reachable.columns]
    unused = (*constant, *left_out)
    rows = [night.rows.num_rows for night in own]
    return DomainReference(
        columns=reachable.columns,
        left_out=unused,
        areas=reachable.areas,
        rows=tuple(rows),
    )


def _own_nights(window: pa.Table, nights: Int64s, kept: pa.Table, nights_kept: Int64s) -> Iterator[_OwnNight]:
    for day in spread_nights(np.unique(nights)):
        is_away = np.abs(nights_kept - day) > AWAY
        places = np.flatnonzero(nights == day)[:NIGHT_ROWS]
        if len(places) < FEWEST_ROWS or is_away.sum() < FEWEST_ROWS:
            continue
        yield _OwnNight(
            rows=window.take(pa.array(places)),
            away=kept.filter(pa.array(is_away)),
        )


def _areas(columns: Sequence[str], nights: Sequence[_OwnNight]) -> list[float]:
    return [area(columns, night.rows, night.away) for night in nights]


def _reachable(columns: Sequence[str], nights: Sequence[_OwnNight]) -> _ToldBy:
    """The most columns with a limit in reach, the most telling left out first; all where no fewer have one."""
    by_all = _ToldBy.of(columns, nights)
    if not by_all.is_out_of_reach:
        return by_all
    others = list(columns)
    for name in _most_telling_first(columns, nights)[:-1]:
        others.remove(name)
        by_others = _ToldBy.of(others, nights)
        if not by_others.is_out_of_reach:
            return by_others
    return by_all


def _most_telling_first(columns: Sequence[str], nights: Sequence[_OwnNight]) -> list[str]:
    """By the largest area that a column reaches alone, on some of the nights."""
    step = max(1, len(nights) // NIGHTS_OF_COLUMN)
    some = nights[::step]
    largest = {name: max(_areas([name], some)) for name in columns}
    return sorted(columns, key=lambda name: -largest[name])


def area(columns: Sequence[str], night: pa.Table, reference: pa.Table) -> float:
    """How well the rows of a night are told from those of the reference, out of fold."""
    few = _few(night, NIGHT_ROWS)
    others = _few(reference, REFERENCE_ROWS)
    both = pa.concat_tables([others.select(columns), few.select(columns)])
    is_new = np.arange(both.num_rows) >= others.num_rows
    rows = matrix(both, columns, categories(both, columns))
    scores = out_of_fold_scores(rows, is_new)
    return roc_auc(is_new, scores)


def retyped(reference: DomainReference, night: pa.Table, kept: pa.Table) -> list[str]:
    """The columns that were of another type when the version was trained: their values cannot be told apart."""
    names = []
    for name in reference.columns:
        of_night = night.schema.field(name)
        before = kept.schema.field(name)
        if of_night.type != before.type:
            names.append(name)
    return names


def shift(reference: DomainReference, night: pa.Table, kept: pa.Table) -> DomainShift | None:
    """Of a night's rows against the kept ones; None where these are too few, retyped, or have nothing to tell by."""
    if retyped(reference, night, kept):
        return None
    rows = min(night.num_rows, NIGHT_ROWS)
    if not reference.columns or not reference.areas or rows < FEWEST_ROWS:
        return None
    of_night = area(reference.columns, night, kept)
    odds = _log_odds(np.array(reference.areas))
    usual = float(odds.mean())
    of_usual = _area_of(usual)
    lacking = scarcity(rows, np.array(reference.rows, float))
    slope = of_usual * (1 - of_usual)
    noise = AREA_VARIANCE * lacking / slope**2
    limit = upper_limit(odds, noise=float(noise))
    line = None if limit is None else _area_of(limit)
    return DomainShift(
        auc=of_night,
        rows=rows,
        usual=of_usual,
        limit=line,
        above=None if line is None else of_night > line,
        columns=list(reference.columns),
        left_out=list(reference.left_out),
    )


def spread_nights(days: Int64s) -> Int64s:
    """At most ``NULL_NIGHTS`` of the reference's, evenly spread."""
    number = min(NULL_NIGHTS, len(days))
    places = np.linspace(0, len(days) - 1, number)
    return days[places.round().astype(np.int64)]


def _few(table: pa.Table, most: int) -> pa.Table:
    if table.num_rows <= most:
        return table
    order = np.random.default_rng(0).permutation(table.num_rows)
    return table.take(pa.array(order[:most]))


def _log_odds(areas: Float64s) -> Float64s:
    inside = np.clip(areas, NEAREST, 1 - NEAREST)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def _area_of(log_odds: float) -> float:
    return float(1 / (1 + np.exp(-log_odds)))
