"""What the pages say of a night, read from the lake or from a cache of it, within so many requests.

The cache is one record for each year in the lake, never the truth: each night's facts are there with the ETags of
what they were read from, and count as long as a listing shows the same. What is lost, wrong or not there yet is read
again, newest first, and what the allowance does not reach is shown as not read yet.
"""

import logging
from dataclasses import dataclass, field
from threading import Lock
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from nightshift.contracts import Dataset
from nightshift.errors import NightshiftError, UnreadableRecord
from nightshift.monitoring.accuracy import Accuracy
from nightshift.monitoring.night_record import NightRecord
from nightshift.pages.recent_nights import NOT_THERE, RecentNights, year_of
from nightshift.pages.score_quantiles import score_quantiles
from nightshift.spec import ModelSpec
from nightshift.stores import layout
from nightshift.stores.manifest import Manifest
from nightshift.stores.objects import Objects
from nightshift.stores.records import Record, is_empty

log = logging.getLogger("nightshift")
R = TypeVar("R", bound=Record)
UNREADABLE = "unreadable"


class NightFacts(BaseModel):
    """What is known of one night; ``made_from`` are the ETags of what it was read from.

    ``canary`` says which version scored a share of the rows, and how many; of a night without one, nothing.
    ``ratio`` is of the worst feature's statistic to its alarm line, ``drifted`` how many are above theirs. ``estimate``
    is the loss expected before labels, ``loss`` what it was.
    ``quantiles`` are the score's at 10, 50 and 90 %. None, or nothing, where the night does not say.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    made_from: str
    state: str
    rows: int | None = None
    version: str = ""
    verdict: str = ""
    quarantined: int = 0
    canary: str = Field("", exclude_if=is_empty)
    planned: str = ""
    ratio: float | None = None
    worst: str = ""
    drifted: int = 0
    quantiles: tuple[float, ...] = ()
    estimate: float | None = None
    loss_name: str = ""
    loss: float | None = None
    skill: float | None = None
    usual_skill: float | None = None
    lost: bool | None = None
    is_labelled: bool = False

    @property
    def of_predictions(self) -> str:
        """The ETag of the commit that published the night, or took it back; empty where there is none."""
        etag, _, _ = self.made_from.partition(" ")
        return "" if etag == NOT_THERE else etag

    @property
    def is_final(self) -> bool:
        """Whether the same objects will always say the same: another version may read what this one could not."""
        return UNREADABLE not in {self.state, self.verdict}


class FactsOfYear(Record):
    """The nights of one year of a model. Those of format 1 are read anew: they say less."""

    what = "a cache of a year's nights"

    format: Literal[1, 2] = 2
    nights: dict[str, NightFacts]


class AllowanceSpentError(Exception):
    """There is no request left to read more."""


@dataclass
class Reader:
    """Reads records of a model, one request each, as long as it may."""

    objects: Objects
    spec: ModelSpec
    allowance: int
    _lock: Lock = field(default_factory=Lock)

    def read(self, key: str, kind: type[R]) -> R | None:
        """A record, or None when there is none. Raises ``UnreadableRecord``, ``AllowanceSpentError``."""
        with self._lock:
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

    def accuracy(self, night: str) -> Accuracy | None:
        """How good the scores of a night were."""
        return self.read(layout.accuracy(self.spec.name, night), Accuracy)


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
    validated = reader.manifest(Dataset.VALIDATED, night) if recent.may_have(recent.validated, night) else None
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
        canary=_canary(predictions),
    )
    try:
        record = reader.night_record(night) if recent.may_have(recent.drift, night) else None
        quarantined = _quarantined(reader, recent, predictions, record)
        accuracy = reader.accuracy(night) if recent.may_have(recent.accuracy, night) else None
    except UnreadableRecord:
        return facts.model_copy(update={"verdict": UNREADABLE})
    changes: dict[str, object] = {"quarantined": quarantined}
    if record and record.generation == predictions.generation:
        changes |= _monitored(reader.spec, record)
    if accuracy and accuracy.predictions == predictions.digest:
        changes |= _labelled(accuracy)
    return facts.model_copy(update=changes)


def _version(predictions: Manifest) -> str:
    """Nothing for a night that was published by hand."""
    pin = predictions.provenance.get("pin") or {}
    version = pin.get("version", "")
    return str(version)


def _canary(predictions: Manifest) -> str:
    pinned = predictions.canary_pin
    if pinned is None or predictions.canary is None:
        return ""
    version = pinned.pin.version
    return f"{predictions.canary.rows:,} rows by version {version} as a canary"


def _monitored(spec: ModelSpec, record: NightRecord) -> dict[str, object]:
    """What monitoring saw."""
    drift = record.drift
    changes: dict[str, object] = {
        "verdict": verdict_of(record),
        "planned": record.planned,
        "worst": drift.worst,
        "drifted": sum(feature.drifted for feature in drift.features),
        "quantiles": score_quantiles(spec, drift.features),
    }
    if drift.worst and drift.alarm is not None:
        changes["ratio"] = drift.ratio
    estimate = record.matters.estimate if record.matters else None
    if estimate:
        changes["estimate"] = estimate.estimate
        changes["loss_name"] = estimate.loss
    return changes


def _labelled(accuracy: Accuracy) -> dict[str, object]:
    pooled = accuracy.pooled
    skill = accuracy.skill.skill if accuracy.skill else None
    usual_skill = pooled.usual.get("skill") if pooled else None
    return {
        "is_labelled": True,
        "loss_name": accuracy.loss,
        "loss": accuracy.metrics.get(accuracy.loss),
        "skill": skill,
        "usual_skill": usual_skill,
        "lost": accuracy.lost,
    }


def verdict_of(record: NightRecord | None) -> str:
    """What monitoring says of a night, in a word or two; nothing where it says nothing."""
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
    if not is_of_these and recent.may_have(recent.validated, predictions.partition):
        validated = reader.manifest(Dataset.VALIDATED, predictions.partition)
        return validated.rows_quarantined if validated else 0
    return record.counts.quarantined if record else 0
