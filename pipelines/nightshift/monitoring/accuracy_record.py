"""The record of how good the scores of a night were."""

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from nightshift.contracts import Dataset
from nightshift.modelling.night_skill import NightSkill
from nightshift.monitoring.skill import PooledSkill
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.manifest import Manifest
from nightshift.stores.records import Record, is_none

SAME_EVIDENCE = 1e-6
"""Another machine's last digits are no other verdict."""


@dataclass(frozen=True)
class CanaryAccuracy:
    """How good the scores of a canary's rows were, by its threshold; metrics are None where not defined.

    No verdict: what becomes of it, its nights decide together (monitoring/canary).
    """

    version: str
    rows: int
    labelled: int
    metrics: dict[str, float | None]
    loss: str


class Accuracy(Record):
    """One night's scores against its outcomes; metrics are None where not defined.

    ``rows`` predictions = ``labelled`` + ``without_label``; ``labels_unscored`` are outcomes of rows that
    were never scored, ``labels_not_taught`` those of a class that the version, or the spec, does not know, of which
    the rows count as without label. ``limit`` is the mean ``loss`` that a quiet night passes at the false-alarm rate.
    ``lost`` is the verdict of ``pooled``, as of this night: None where it can promise nothing. Of a version whose
    profile knows no skill, and in what earlier versions of Nightshift wrote, it is a loss above the limit.
    ``verdict_by`` is the run that said the same first: a night that is measured again is no news by that alone.
    Of a night with a canary all but ``labels_unscored`` is of the champion's rows, and ``canary`` of the other's.
    """

    what = "an accuracy record"

    format: Literal[1, 2] = 2
    model: str
    night: str
    version: str
    measured_by: str
    predictions: str
    labels: str
    rows: int
    labelled: int
    without_label: int
    labels_unscored: int
    labels_not_taught: int = 0
    metrics: dict[str, float | None]
    limit: float | None
    lost: bool | None
    loss: str = "log_loss"
    skill: NightSkill | None = None
    pooled: PooledSkill | None = None
    verdict_by: str = ""
    canary: CanaryAccuracy | None = Field(None, exclude_if=is_none)

    @property
    def is_news(self) -> bool:
        """Whether its run was the first to give this verdict."""
        return self.verdict_by in {"", self.measured_by}

    def after(self, before: "Accuracy | None") -> "Accuracy":
        """The record as it follows on the one that stood before it."""
        first = self.measured_by
        if before and (before.version, before.lost) == (self.version, self.lost):
            first = before.verdict_by or before.measured_by
        return self.model_copy(update={"verdict_by": first})

    def is_of(self, predictions: Manifest, labels: Manifest) -> bool:
        """Whether it was measured from these."""
        return (self.predictions, self.labels) == (predictions.digest, labels.digest)

    def says_as(self, other: "Accuracy") -> bool:
        """Whether two records of one night have the same verdict, but for the last digits."""
        if self.lost != other.lost:
            return False
        if self.pooled is None or other.pooled is None:
            return self.pooled == other.pooled
        if self.pooled.nights != other.pooled.nights:
            return False
        evidence = self.pooled.evidence or 0.0
        difference = abs(evidence - (other.pooled.evidence or 0.0))
        return difference <= SAME_EVIDENCE * max(evidence, 1.0)


def read_record(model: str, night: str, stores: Stores) -> Accuracy | None:
    """A night's record, or None when there is none. Raises ``UnreadableRecord``."""
    key = layout.accuracy(model, night)
    return stores.lake.objects.get_record(key, Accuracy)


def standing_record(spec: ModelSpec, night: str, stores: Stores) -> Accuracy | None:
    """A night's record, or None when there is none of the predictions that people can read now.

    Raises ``UnreadableRecord``.
    """
    record = read_record(spec.name, night, stores)
    if record is None:
        return None
    predictions = stores.lake.published(spec.key(Dataset.PREDICTIONS, night))
    return record if predictions and predictions.digest == record.predictions else None


def is_lost(loss: float | None, limit: float | None) -> bool:
    """Whether a night's loss is above its limit; never where either is unknown."""
    if loss is None or limit is None:
        return False
    return loss > limit
