"""What the page says of a night, read from the lake or from a cache of it, within so many requests.

The cache is one record for each year in the lake, never the truth: each night's facts are there with the ETags of
what they were read from, and count as long as a listing shows the same. What is lost, wrong or not there yet is read
again, newest first, and what the allowance does not reach is shown as not read yet.
"""

import logging
from dataclasses import dataclass
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from nightshift.contracts import Dataset
from nightshift.errors import NightshiftError, UnreadableRecord
from nightshift.monitoring.night_record import NightRecord
from nightshift.orchestration.web.recent_nights import RecentNights, year_of
from nightshift.spec import ModelSpec
from nightshift.stores import layout
from nightshift.stores.manifest import Manifest
from nightshift.stores.objects import Objects
from nightshift.stores.records import Record

log = logging.getLogger("nightshift")
R = TypeVar("R", bound=Record)
UNREADABLE = "unreadable"


class NightFacts(BaseModel):
    """What is known of one night; ``made_from`` are the ETags of what it was read from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    made_from: str
    state: str
    rows: int | None = None
    version: str = ""
    verdict: str = ""
    quarantined: int = 0

    @property
    def is_final(self) -> bool:
        """Whether the same objects will always say the same: another version may read what this one could not."""
        return UNREADABLE not in {self.state, self.verdict}


class FactsOfYear(Record):
    """The nights of one year of a model."""

    what = "a cache of a year's nights"

    format: Literal[1] = 1
    nights: dict[str, NightFacts]


class AllowanceSpentError(Exception):
    """There is no request left to read more."""


@dataclass
class Reader:
    """Reads records of a model, one request each, as long as it may."""

    objects: Objects
    spec: ModelSpec
    allowance: int

    def read(self, key: str, kind: type[R]) -> R | None:
        """A record, or None when there is none. Raises ``UnreadableRecord``, ``AllowanceSpentError``."""
        if self.allowance <= 0:
            raise AllowanceSpentError
        self.allowance -= 1
        stored = self.objects.get(key)
        if stored is None:
            return None
        body, _ = stored
        return kind.from_json(body, f"{self.objects.uri}/{key}")

    def manifest(self, dataset: Dataset, night: str) -> Manifest | None:
        """The commit of a night."""
        key = layout.manifest(self.spec.key(dataset, night))
        return self.read(key, Manifest)

    def night_record(self, night: str) -> NightRecord | None:
        """What monitoring saw of a night."""
        key = layout.drift(self.spec.key(Dataset.MONITORING, night))
        return self.read(key, NightRecord)


def cached_facts(reader: Reader, recent: RecentNights) -> dict[str, NightFacts]:
    """What is known of the years shown, whether it is still true or not."""
    known: dict[str, NightFacts] = {}
    for year in recent.years:
        try:
            cache = reader.read(layout.night_facts(reader.spec.name, year), FactsOfYear)
        except UnreadableRecord:
            continue
        if cache:
            known |= cache.nights
    return known


def keep_facts(reader: Reader, known: dict[str, NightFacts], years: set[str]) -> None:
    """Write what is known of some years; a page is shown all the same when that cannot be."""
    for year in years:
        nights = {night: facts for night, facts in known.items() if year_of(night) == year}
        try:
            reader.objects.put_record(layout.night_facts(reader.spec.name, year), FactsOfYear(nights=nights))
        except NightshiftError as error:
            log.warning("what was read of %s in %s is not kept: %s", reader.spec.name, year, error.message)


def read_facts(reader: Reader, recent: RecentNights, night: str) -> NightFacts | None:
    """Facts of a night from what was listed of it; None when nothing of it is there.

    Raises ``AllowanceSpentError``.
    """
    made_from = recent.made_from(night)
    try:
        predictions = reader.manifest(Dataset.PREDICTIONS, night) if night in recent.predictions else None
        if predictions is None:
            return _of_validated(reader, recent, night)
    except UnreadableRecord:
        return NightFacts(made_from=made_from, state=UNREADABLE)
    if predictions.retracted:
        return NightFacts(made_from=made_from, state="retracted")
    return _of_published(reader, recent, predictions)


def _of_validated(reader: Reader, recent: RecentNights, night: str) -> NightFacts | None:
    validated = reader.manifest(Dataset.VALIDATED, night) if night in recent.validated else None
    if validated is None:
        return None
    return NightFacts(
        made_from=recent.made_from(night),
        state="retracted" if validated.retracted else "validated",
        quarantined=validated.rows_quarantined,
    )


def _of_published(reader: Reader, recent: RecentNights, predictions: Manifest) -> NightFacts:
    night = predictions.partition
    facts = NightFacts(
        made_from=recent.made_from(night),
        state="published",
        rows=predictions.rows,
        version=_version(predictions),
    )
    try:
        record = reader.night_record(night) if night in recent.drift else None
        quarantined = _quarantined(reader, recent, predictions, record)
    except UnreadableRecord:
        return facts.model_copy(update={"verdict": UNREADABLE})
    stands = record if record and record.generation == predictions.generation else None
    return facts.model_copy(update={"verdict": _verdict(stands), "quarantined": quarantined})


def _version(predictions: Manifest) -> str:
    """Nothing for a night that was published by hand."""
    pin = predictions.provenance.get("pin") or {}
    return str(pin.get("version", ""))


def _verdict(record: NightRecord | None) -> str:
    if record is None:
        return ""
    if record.planned:
        return "planned"
    alarm = record.drift.alarm
    if alarm is None:
        return "not judged"
    return "drift" if alarm else "quiet"


def _quarantined(reader: Reader, recent: RecentNights, predictions: Manifest, record: NightRecord | None) -> int:
    """Rows set aside before scoring; the record of the same predictions knows it without another request."""
    is_of_these = record is not None and record.generation == predictions.generation
    if not is_of_these and predictions.partition in recent.validated:
        validated = reader.manifest(Dataset.VALIDATED, predictions.partition)
        return validated.rows_quarantined if validated else 0
    return record.counts.quarantined if record else 0
