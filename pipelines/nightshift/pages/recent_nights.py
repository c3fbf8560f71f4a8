"""Which nights a page shows, found by the same few listings however many there are.

A listing begins with the oldest. So the years are asked for first, one request each for what was published, validated
and checked, and then the nights of the newest years: of as many as the page may need, and of one more where the newest
has just begun.
"""

import math
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from nightshift.contracts import Dataset
from nightshift.partitions import shifted
from nightshift.spec import ModelSpec
from nightshift.stores import layout
from nightshift.stores.night_listing import committed_night
from nightshift.stores.objects import ObjectInfo, Objects

PER_PAGE = 31
BATCHES = 2
"""Runs of years that are listed: the first as long as the page may need, the other one year."""
SOURCES = ("predictions", "validated", "reports")
YEARS_OF = {"validated": 2, "reports": 1}
"""Of a long view, what was validated or checked is listed of so many years."""
FULLY = 400
"""So many nights are seen to be as they were read by all that lies there, those before them by what was published."""
NIGHTS_OF_YEAR = 366
PAGE_OF_LISTING = 1_000
NOT_THERE = "none"
"""In place of the ETag of what does not lie there."""


@dataclass
class RecentNights:
    """The nights of a page, newest first, with the ETag of what lies there for each; ``earlier`` continues the list.

    ``checked`` have validation reports, also where they were refused; ``marked`` may have been taken back.
    Of nights before ``fully_since`` only what was published is listed. ``requests`` is how many it took.
    """

    nights: list[str] = field(default_factory=list)
    earlier: str = ""
    predictions: dict[str, str] = field(default_factory=dict)
    validated: dict[str, str] = field(default_factory=dict)
    drift: dict[str, str] = field(default_factory=dict)
    accuracy: dict[str, str] = field(default_factory=dict)
    checked: set[str] = field(default_factory=set)
    marked: set[str] = field(default_factory=set)
    fully_since: str = ""
    requests: int = 0

    def made_from(self, night: str) -> str:
        """Another one as soon as anything of the night is written anew."""
        parts = (self.predictions, self.validated, self.drift, self.accuracy)
        return " ".join(part.get(night, NOT_THERE) for part in parts)

    def is_of(self, night: str, made_from: str) -> bool:
        """Whether what was made from these is of what lies there now."""
        if night >= self.fully_since:
            return made_from == self.made_from(night)
        published, _, _ = made_from.partition(" ")
        return published == self.predictions.get(night, NOT_THERE)

    def may_have(self, part: Mapping[str, str], night: str) -> bool:
        """Whether something of a night may lie there: it is listed, or nobody listed that of so early a night."""
        return night in part or night < self.fully_since

    @property
    def years(self) -> list[str]:
        """Those of the nights shown."""
        return sorted({year_of(night) for night in self.nights})


def recent_nights(
    spec: ModelSpec, objects: Objects, before: str = "", most: int = PER_PAGE, *, wholly: bool = False
) -> RecentNights:
    """A model's newest nights, or those before one; ``wholly`` by all that lies there of each, whatever that takes.

    Raises ``LakeUnavailable``.
    """
    listing = _Listing(spec, objects, before, most, wholly)
    with ThreadPoolExecutor(len(SOURCES)) as pool:
        return listing.run(pool)


def year_of(night: str) -> str:
    """The year of a night."""
    year, _, _ = night.partition("-")
    return year


class _Listing:
    """The listings of one page."""

    def __init__(self, spec: ModelSpec, objects: Objects, before: str, most: int, wholly: bool) -> None:
        self._spec = spec
        self._objects = objects
        self._before = before
        self._most = most
        self._wholly = wholly
        self._recent = RecentNights()
        self._prefixes = _prefixes(spec)
        self._years_of: dict[str, set[str]] = {}

    def run(self, pool: ThreadPoolExecutor) -> RecentNights:
        """Years, nights, and what monitoring has of them."""
        listed_years = pool.map(partial(_years, self._objects), self._prefixes.values())
        self._years_of = dict(zip(SOURCES, listed_years, strict=True))
        self._recent.requests += len(SOURCES)
        years = _years_to_list(self._years_of.values(), self._before)
        first = max(1, math.ceil(self._most / NIGHTS_OF_YEAR))
        for batch in (years[:first], years[first : first + BATCHES - 1]):
            self._list(batch, pool)
            if len(self._known()) > self._most:
                break
        self._choose(years, first + BATCHES - 1)
        if self._recent.nights:
            self._note_drift()
            self._note_accuracy()
        return self._recent

    def _list(self, years: list[str], pool: ThreadPoolExecutor) -> None:
        """All nights of years that follow one another, the newest first."""
        sources = []
        ranges = []
        for source in SOURCES:
            of_source = years if self._wholly else years[: YEARS_OF.get(source, len(years))]
            if self._years_of[source].intersection(of_source):
                sources.append(source)
                ranges.append((self._prefixes[source], of_source))
        listings = pool.map(self._listed, ranges)
        for source, listed in zip(sources, listings, strict=True):
            self._count(listed)
            self._note(source, listed)

    def _listed(self, asked: tuple[str, list[str]]) -> list[ObjectInfo]:
        prefix, years = asked
        newest = years[0]
        oldest = years[-1]
        if newest == oldest:
            return list(self._objects.listing(f"{prefix}{newest}-"))
        # Some stores also skip what lies below the name to begin after: so it is that of the day before.
        day_before = shifted(f"{oldest}-01-01", -1)
        listed = []
        before = f"{prefix}{day_before}"
        for stored in self._objects.listing(prefix, after=before):
            name = stored.key.removeprefix(prefix)
            year = name[: len(newest)]
            if year > newest:
                break
            if year >= oldest:
                listed.append(stored)
        return listed

    def _note(self, source: str, listed: list[ObjectInfo]) -> None:
        recent = self._recent
        for stored in listed:
            night = committed_night(stored.key, Dataset.PREDICTIONS, self._spec.name)
            if night is None:
                continue
            if layout.marked_manifest(stored.key):
                recent.marked.add(night.partition)
            elif source == "predictions":
                recent.predictions[night.partition] = stored.etag
            elif source == "validated":
                recent.validated[night.partition] = stored.etag
            else:
                recent.checked.add(night.partition)

    def _known(self) -> list[str]:
        """All nights that were listed, or those before one; newest first."""
        recent = self._recent
        nights = recent.predictions.keys() | recent.validated.keys() | recent.checked
        if self._before:
            nights = {night for night in nights if night < self._before}
        return sorted(nights, reverse=True)

    def _choose(self, years: list[str], most_years: int) -> None:
        recent = self._recent
        known = self._known()
        recent.nights = known[: self._most]
        if len(known) > self._most:
            recent.earlier = recent.nights[-1]
        elif len(years) > most_years:
            recent.earlier = f"{years[most_years - 1]}-01-01"
        if len(recent.nights) > FULLY and not self._wholly:
            validated_since = years[: YEARS_OF["validated"]][-1]
            recent.fully_since = max(recent.nights[FULLY - 1], f"{validated_since}-01-01")

    def _note_drift(self) -> None:
        """From the oldest night to the newest."""
        model = self._spec.name
        prefix = layout.served_of_column(Dataset.MONITORING, model, self._spec.partition.column)
        for stored in self._since_oldest(prefix):
            night = layout.night_in(stored.key, Dataset.MONITORING, model)
            if night and layout.is_drift(stored.key):
                self._recent.drift[night.partition] = stored.etag

    def _note_accuracy(self) -> None:
        prefix = layout.accuracies(self._spec.name)
        for stored in self._since_oldest(prefix):
            night = layout.stem(stored.key).removeprefix(prefix)
            self._recent.accuracy[night] = stored.etag

    def _since_oldest(self, prefix: str) -> list[ObjectInfo]:
        """What lies there of the nights that are seen fully."""
        newest = self._recent.nights[0]
        oldest = self._recent.fully_since or self._recent.nights[-1]
        day_before = shifted(oldest, -1)
        before = f"{prefix}{day_before}"
        listed = []
        for stored in self._objects.listing(prefix, after=before):
            name = stored.key.removeprefix(prefix)
            night = name[: len(newest)]
            if night > newest:
                break
            listed.append(stored)
        self._count(listed)
        return listed

    def _count(self, listed: list[ObjectInfo]) -> None:
        self._recent.requests += max(1, math.ceil(len(listed) / PAGE_OF_LISTING))


def _prefixes(spec: ModelSpec) -> dict[str, str]:
    model = spec.name
    column = spec.partition.column
    return {
        "predictions": layout.manifests_of_column(Dataset.PREDICTIONS, model, column),
        "validated": layout.manifests_of_column(Dataset.VALIDATED, model, column),
        "reports": layout.validations_of_column(model, column),
    }


def _years(objects: Objects, prefix: str) -> set[str]:
    years = set()
    for begin in objects.prefixes(prefix, "-"):
        year = begin.removeprefix(prefix).removesuffix("-")
        if year.isdecimal():
            years.add(year)
    return years


def _years_to_list(years: Iterable[set[str]], before: str) -> list[str]:
    """All years, or those with a night before one; newest first."""
    everything: set[str] = set()
    everything.update(*years)
    if before:
        everything = {year for year in everything if f"{year}-01-01" < before}
    return sorted(everything, reverse=True)
