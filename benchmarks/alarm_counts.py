"""Nights as histograms and moments, drawn as rows would give them without drawing rows: 12,000 nights are affordable.

A number's largest and smallest value are drawn first, as order statistics, then the bins of the rows between them, then
the mean that such rows have; so the three agree as they would in rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from scipy import special

from benchmarks.alarm_worlds import Latent, Numbers, Texts
from nightshift.modelling.arrays import Float64s, Int64s
from nightshift.monitoring.drift import NightValues
from nightshift.profiles.bins import Bins, bins_of
from nightshift.profiles.moments import Moments

BINS = 10
GRID = 60
"""Values that stand for a night's rows where the bins are cut."""


@dataclass(frozen=True)
class CountedNight:
    """One night as the project knows it, and as a block (features, bins) that is filled up with zeros."""

    values: NightValues
    block: Int64s

    @property
    def rows(self) -> int:
        """How many."""
        return self.values.rows


@dataclass(frozen=True)
class Counted:
    """Nights counted by the bins of their reference."""

    bins: Mapping[str, Bins]
    nights: Sequence[CountedNight]


@dataclass(frozen=True)
class Drawn:
    """A number's nights before they are counted, all (nights,)."""

    latent: Numbers
    nulls: Int64s
    finite: Int64s
    low: Float64s
    high: Float64s


def draw(random: np.random.Generator, latent: Numbers, rows: int) -> Drawn:
    """The extremes of each night's rows."""
    nulls = random.binomial(rows, latent.null)
    finite = rows - nulls
    above = _least_of(random, finite)
    high = -special.ndtri(above)
    below = _least_of(random, finite - 1)
    low = special.ndtri(below * (1 - above))
    return Drawn(
        latent=latent,
        nulls=nulls,
        finite=finite,
        low=latent.mean + latent.spread * np.minimum(low, high),
        high=latent.mean + latent.spread * high,
    )


def bins_of_numbers(drawn: Drawn) -> Bins:
    """Those that the project would cut from rows of these nights."""
    shares = (np.arange(GRID) + 0.5) / GRID
    latent = drawn.latent
    grid = latent.mean[:, None] + latent.spread[:, None] * special.ndtri(shares)
    low = drawn.low[:, None]
    high = drawn.high[:, None]
    values = np.hstack([low, np.clip(grid, low, high), high])
    night = np.repeat(np.arange(len(values)), values.shape[1])
    return bins_of(pa.array(values.ravel()), night, BINS)


def count_numbers(random: np.random.Generator, drawn: Drawn, bins: Bins) -> tuple[Int64s, list[Moments]]:
    """Counts (nights, bins), the null bin last, and moments."""
    edges = np.asarray(bins.edges)
    latent = drawn.latent
    is_constant = latent.spread == 0
    spread = np.where(is_constant, 1.0, latent.spread)[:, None]
    cuts = (np.clip(edges, drawn.low[:, None], drawn.high[:, None]) - latent.mean[:, None]) / spread
    ends = (np.stack([drawn.low, drawn.high], axis=1) - latent.mean[:, None]) / spread
    cuts = np.hstack([ends[:, :1], cuts, ends[:, 1:]])
    passed = special.ndtr(cuts)
    shares = np.diff(passed, axis=1)
    whole = np.where(is_constant, 1.0, shares.sum(axis=1))[:, None]
    shares = shares / whole
    shares[is_constant, 0] = 1.0
    between = np.where(is_constant, 0, drawn.finite - 2)
    counts = random.multinomial(between, shares)
    means = _means(random, counts, cuts, shares * whole, latent)
    nights = np.arange(len(counts))
    place_of_low = np.searchsorted(edges, drawn.low, side="right")
    place_of_high = np.searchsorted(edges, drawn.high, side="right")
    counts[nights, place_of_low] += np.where(is_constant, drawn.finite, 1)
    counts[nights, place_of_high] += np.where(is_constant, 0, 1)
    mean = np.where(is_constant, drawn.low, (means + drawn.low + drawn.high) / drawn.finite)
    moments = [
        Moments(int(rows), float(middle), float(low), float(high))
        for rows, middle, low, high in zip(drawn.finite, mean, drawn.low, drawn.high, strict=True)
    ]
    return np.column_stack([counts, drawn.nulls]), moments


def count_texts(random: np.random.Generator, latent: Texts, rows: int) -> Int64s:
    """Rows by category as the world orders them, (nights, categories and the never seen one and null)."""
    nulls = latent.null[:, None]
    shares = np.hstack([latent.shares * (1 - nulls), nulls])
    return random.multinomial(rows, shares)


def bins_of_texts(counts: Int64s) -> Bins:
    """Those of the categories that the reference saw, the most frequent first."""
    total = counts[:, :-2].sum(axis=0)
    order = sorted(np.flatnonzero(total).tolist(), key=lambda place: (-total[place], place))
    return Bins(kind="category", categories=tuple(map(category_name, order)), has_unseen=True)


def in_bins(counts: Int64s, bins: Bins) -> Int64s:
    """Rows by category as the bins have them: none are of a rare one, and those never seen are together."""
    places = [int(name.removeprefix("c")) for name in bins.categories]
    known = counts[:, places]
    null = counts[:, -1]
    unseen = counts.sum(axis=1) - known.sum(axis=1) - null
    return np.column_stack([known, np.zeros_like(null), unseen, null])


def category_name(place: int) -> str:
    """That of a category of a world."""
    return f"c{place:03d}"


def count_all(
    random: np.random.Generator,
    latents: Mapping[str, Latent],
    partitions: Sequence[str],
    rows: int,
    known: Mapping[str, Bins] | None = None,
) -> Counted:
    """All features of some nights, by bins of their own where none are known."""
    bins: dict[str, Bins] = {}
    counts: dict[str, Int64s] = {}
    moments: dict[str, list[Moments]] = {}
    for name, latent in latents.items():
        if isinstance(latent, Numbers):
            drawn = draw(random, latent, rows)
            bins[name] = known[name] if known else bins_of_numbers(drawn)
            counts[name], moments[name] = count_numbers(random, drawn, bins[name])
        else:
            by_category = count_texts(random, latent, rows)
            bins[name] = known[name] if known else bins_of_texts(by_category)
            counts[name] = in_bins(by_category, bins[name])
    return Counted(bins, _nights(partitions, rows, counts, moments))


def _nights(
    partitions: Sequence[str],
    rows: int,
    counts: Mapping[str, Int64s],
    moments: Mapping[str, list[Moments]],
) -> list[CountedNight]:
    widest = max(of_feature.shape[1] for of_feature in counts.values())
    blocks = np.zeros((len(partitions), len(counts), widest), np.int64)
    for place, of_feature in enumerate(counts.values()):
        blocks[:, place, : of_feature.shape[1]] = of_feature
    return [
        CountedNight(NightValues(partition, rows, _of(counts, night), _of(moments, night)), blocks[night])
        for night, partition in enumerate(partitions)
    ]


def _of(by_feature: Mapping[str, Sequence[Any]], night: int) -> dict[str, Any]:
    return {name: of_feature[night] for name, of_feature in by_feature.items()}


def _least_of(random: np.random.Generator, rows: Int64s) -> Float64s:
    """The smallest of so many uniform numbers, exact near 0."""
    logs = np.log(random.uniform(size=len(rows)))
    return np.asarray(-np.expm1(logs / np.maximum(rows, 1)))


def _means(
    random: np.random.Generator,
    counts: Int64s,
    cuts: Float64s,
    shares: Float64s,
    latent: Numbers,
) -> Float64s:
    """The sum of rows that lie so between normal cuts."""
    density = np.exp(-(cuts**2) / 2) / (2 * np.pi) ** 0.5
    safe = np.where(shares > 0, shares, 1.0)
    middle = -np.diff(density, axis=1) / safe
    middle = np.clip(middle, cuts[:, :-1], cuts[:, 1:])
    variance = 1 - np.diff(cuts * density, axis=1) / safe - middle**2
    widths = np.diff(cuts, axis=1)
    variance = np.clip(variance, 0.0, widths**2 / 4)
    total = (counts * middle).sum(axis=1)
    noise = (counts * variance).sum(axis=1) ** 0.5 * random.normal(size=len(counts))
    rows = counts.sum(axis=1)
    return np.asarray(latent.mean * rows + latent.spread * (total + noise))
