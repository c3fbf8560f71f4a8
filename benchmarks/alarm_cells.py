"""Cells: references of one world and the nights after each, watched by several detectors side by side."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from benchmarks.alarm_counts import Counted, CountedNight, count_all
from benchmarks.alarm_faults import Fault
from benchmarks.alarm_rules import Detector
from benchmarks.alarm_worlds import WORLDS, Latent
from nightshift.modelling.arrays import Booleans
from nightshift.monitoring.episodes import NightVerdict, episodes_of

SEED = 20261126
FIRST = dt.date(2024, 1, 1)
REFERENCE_NIGHTS = 90
GAP = 2
HISTORY = 28
# One-sided, of a mean over whole references.
LIMIT_QUANTILE = 1.645


@dataclass(frozen=True)
class Cell:
    """One world at one size."""

    world: str
    features: int
    rows: int
    night_rows: int = 0

    @property
    def name(self) -> str:
        """As tables have it."""
        size = f"{self.rows:,}" if self.night_rows in {0, self.rows} else f"{self.rows:,} then {self.night_rows:,}"
        return f"{self.world}, {self.features} features, {size} rows"


@dataclass(frozen=True)
class Drawn:
    """One reference and the nights after it, before they are counted."""

    random: np.random.Generator
    latents: Mapping[str, Latent]
    partitions: Sequence[str]

    def part(self, nights: slice) -> dict[str, Latent]:
        """Some of its nights."""
        return {name: _part(latent, nights) for name, latent in self.latents.items()}


@dataclass(frozen=True)
class Alarms:
    """What one detector said in a cell, (references, nights)."""

    cell: Cell
    raised: Booleans = field(repr=False)

    @property
    def share(self) -> float:
        """Of nights that alarm."""
        return float(self.raised.mean())

    @property
    def episodes(self) -> float:
        """Opened per night."""
        return float(np.mean([opened(nights) for nights in self.raised]) / self.raised.shape[1])

    @property
    def episodes_limit(self) -> float:
        """The 95 % upper bound of that, over whole references; at least that of as many independent episodes."""
        counts = np.array([opened(nights) for nights in self.raised])
        error = counts.std(ddof=1) / len(counts) ** 0.5
        by_reference = counts.mean() + LIMIT_QUANTILE * error
        independent = stats.gamma.ppf(0.95, counts.sum() + 1) / len(counts)
        return float(max(by_reference, independent) / self.raised.shape[1])

    def caught(self, within: int) -> float:
        """Share of references that alarm within so many nights."""
        return float(self.raised[:, :within].any(axis=1).mean())


def watch(
    detectors: Sequence[Detector],
    cell: Cell,
    references: int,
    nights: int,
    *,
    fault: Fault | None = None,
    quiet: int = 0,
    first: int = 0,
) -> dict[str, Alarms]:
    """Each detector's alarms on the same nights; ``quiet`` ones come before them, and what those raise is not told."""
    raised: dict[str, list[list[bool]]] = {detector.name: [] for detector in detectors}
    for reference, later in replicates(cell, range(first, first + references), quiet + nights, fault, quiet):
        for detector in detectors:
            state = detector.fit(reference)
            raised[detector.name].append([
                detector.alarm(state, night, later[max(place - HISTORY, 0) : place])
                for place, night in enumerate(later)
                if place >= quiet
            ])
    return {name: Alarms(cell, np.array(of_detector)) for name, of_detector in raised.items()}


def replicates(
    cell: Cell,
    runs: Iterable[int],
    nights: int,
    fault: Fault | None = None,
    quiet: int = 0,
) -> Iterator[tuple[Counted, Sequence[CountedNight]]]:
    """Whole and independent references with the nights after them."""
    for run in runs:
        drawn = drawn_nights(cell, run, nights, fault, quiet)
        reference = count_all(
            drawn.random,
            drawn.part(slice(REFERENCE_NIGHTS)),
            drawn.partitions[:REFERENCE_NIGHTS],
            cell.rows,
        )
        later = slice(REFERENCE_NIGHTS + GAP, None)
        counted = count_all(
            drawn.random,
            drawn.part(later),
            drawn.partitions[later],
            cell.night_rows or cell.rows,
            reference.bins,
        )
        yield reference, counted.nights


def drawn_nights(cell: Cell, run: int, nights: int, fault: Fault | None = None, quiet: int = 0) -> Drawn:
    """What rows are drawn from, of the reference, the gap and the nights after it."""
    world = WORLDS[cell.world]
    random = np.random.default_rng([SEED, world.number, cell.features, cell.rows, cell.night_rows, run])
    count = REFERENCE_NIGHTS + GAP + nights
    latents = {}
    is_spoilt = False
    for place, kind in enumerate(world.features(cell.features)):
        latent = kind.draw(random, count)
        if fault is not None and kind.name == fault.kind and not is_spoilt:
            spoilt = slice(REFERENCE_NIGHTS + GAP + quiet, None)
            latent = fault.spoil(latent, slice(REFERENCE_NIGHTS), spoilt)
            is_spoilt = True
        latents[f"{kind.name}_{place}"] = latent
    return Drawn(random, latents, [_partition(night) for night in range(count)])


def opened(raised: Sequence[bool] | Booleans) -> int:
    """Episodes that some nights in a row opened."""
    verdicts = [
        NightVerdict(_partition(night), "1", "drift", bool(is_raised)) for night, is_raised in enumerate(raised)
    ]
    return len(episodes_of(verdicts))


def _partition(night: int) -> str:
    return (FIRST + dt.timedelta(days=night)).isoformat()


def _part(latent: Latent, nights: slice) -> Latent:
    values = {name: value[nights] for name, value in vars(latent).items()}
    return type(latent)(**values)
