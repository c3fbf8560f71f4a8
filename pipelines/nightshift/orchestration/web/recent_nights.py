"""Which nights a page shows, found by the same few listings however many there are.

A listing begins with the oldest. So the years are asked for first, one request each for what was published, validated
and checked, and then the nights of the newest year, or of two where it has just begun.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from nightshift.contracts import Dataset
from nightshift.partitions import parse_partition
from nightshift.spec import ModelSpec
from nightshift.stores import layout
from nightshift.stores.night_listing import committed_night
from nightshift.stores.objects import ObjectInfo, Objects

PER_PAGE = 31
MOST_YEARS = 2
SOURCES = ("predictions", "validated", "reports")


@dataclass
class RecentNights:
    """The nights of a page, newest first, with the ETag of what lies there for each; ``earlier`` continues the list.

    ``checked`` have validation reports, also where they were refused; ``marked`` may have been taken back.
    ``requests`` is how many it took: at most ten.
    """

    nights: list[str] = field(default_factory=list)
    earlier: str = ""
    predictions: dict[str, str] = field(default_factory=dict)
    validated: dict[str, str] = field(default_factory=dict)
    drift: dict[str, str] = field(default_factory=dict)
    checked: set[str] = field(default_factory=set)
    marked: set[str] = field(default_factory=set)
    requests: int = 0

    def made_from(self, night: str) -> str:
        """Another one as soon as anything of the night is written anew."""
        etags = [part.get(night, "none") for part in (self.predictions, self.validated, self.drift)]
        return " ".join(etags)

    @property
    def years(self) -> list[str]:
        """Those of the nights shown."""
        return sorted({year_of(night) for night in self.nights})


def recent_nights(spec: ModelSpec, objects: Objects, before: str = "") -> RecentNights:
    """A model's newest nights, or those before one. Raises ``LakeUnavailable``."""
    recent = RecentNights()
    prefixes = _prefixes(spec)
    with ThreadPoolExecutor(len(SOURCES)) as pool:
        listed_years = pool.map(partial(_years, objects), prefixes.values())
        years_of = dict(zip(SOURCES, listed_years, strict=True))
        recent.requests += len(SOURCES)
        years = _years_to_list(years_of.values(), before)
        for year in years[:MOST_YEARS]:
            sources = [source for source in SOURCES if year in years_of[source]]
            of_year = [f"{prefixes[source]}{year}-" for source in sources]
            listings = pool.map(partial(_listed, objects), of_year)
            recent.requests += len(of_year)
            for source, listed in zip(sources, listings, strict=True):
                _note(recent, source, listed, spec.name)
            if len(_known(recent, before)) > PER_PAGE:
                break
    _choose(recent, years, before)
    _note_drift(recent, spec, objects)
    return recent


def year_of(night: str) -> str:
    """The year of a night."""
    year, _, _ = night.partition("-")
    return year


def _prefixes(spec: ModelSpec) -> dict[str, str]:
    column = spec.partition.column
    return {
        "predictions": layout.manifests_of_column(Dataset.PREDICTIONS, spec.name, column),
        "validated": layout.manifests_of_column(Dataset.VALIDATED, spec.name, column),
        "reports": layout.validations_of_column(spec.name, column),
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


def _listed(objects: Objects, prefix: str) -> list[ObjectInfo]:
    return list(objects.listing(prefix))


def _note(recent: RecentNights, source: str, listed: list[ObjectInfo], model: str) -> None:
    for stored in listed:
        night = committed_night(stored.key, Dataset.PREDICTIONS, model)
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


def _known(recent: RecentNights, before: str) -> list[str]:
    """All nights that were listed, or those before one; newest first."""
    nights = recent.predictions.keys() | recent.validated.keys() | recent.checked
    if before:
        nights = {night for night in nights if night < before}
    return sorted(nights, reverse=True)


def _choose(recent: RecentNights, years: list[str], before: str) -> None:
    known = _known(recent, before)
    recent.nights = known[:PER_PAGE]
    if len(known) > PER_PAGE:
        recent.earlier = recent.nights[-1]
    elif len(years) > MOST_YEARS:
        recent.earlier = f"{years[MOST_YEARS - 1]}-01-01"


def _note_drift(recent: RecentNights, spec: ModelSpec, objects: Objects) -> None:
    """One page from the oldest night to the newest."""
    if not recent.nights:
        return
    prefix = layout.served_of_column(Dataset.MONITORING, spec.name, spec.partition.column)
    newest = recent.nights[0]
    # Some stores also skip what lies below the name to begin after: so it is that of the day before.
    day_before = parse_partition(recent.nights[-1]) - timedelta(days=1)
    recent.requests += 1
    for stored in objects.listing(prefix, after=f"{prefix}{day_before}"):
        night = layout.night_in(stored.key, Dataset.MONITORING, spec.name)
        if night is None:
            continue
        if night.partition > newest:
            return
        if layout.is_drift(stored.key):
            recent.drift[night.partition] = stored.etag
