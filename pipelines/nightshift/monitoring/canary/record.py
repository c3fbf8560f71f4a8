"""The record of a night of which a canary scored some rows, and the champion the others."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from nightshift.modelling.gate.groups import GroupedNight, GroupSums
from nightshift.stores import Stores, layout
from nightshift.stores.manifest import Manifest
from nightshift.stores.records import Record

LOSS = "loss"
SCORE = "score"
PREDICTED = "predicted"


class RowSums(BaseModel):
    """The sum of a figure over the rows that have it; ``again`` and ``before`` are those of ``GroupSums``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int
    total: float
    again: float = 0.0
    before: int = 0

    @property
    def as_group(self) -> GroupSums:
        """As the statistic has it."""
        return GroupSums(self.rows, self.total, self.again, self.before)


class GroupOfRows(BaseModel):
    """The rows that one of the two scored, and figures of them.

    *loss* is of labelled rows, *score* of labels with one score a row, *predicted* of binary ones: 1 for yes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int
    figures: dict[str, RowSums] = Field(default_factory=dict)

    def figure(self, name: str) -> GroupSums | None:
        """One of them; None where no row has it."""
        known = self.figures.get(name)
        if known is None or not known.rows:
            return None
        return known.as_group

    def mean(self, name: str) -> float | None:
        """Of a row that has it."""
        known = self.figure(name)
        if known is None:
            return None
        return known.mean

    @property
    def labelled(self) -> int:
        """How many rows have a loss."""
        known = self.figures.get(LOSS)
        return known.rows if known else 0


class CanaryNight(Record):
    """A night by both: each scored other rows, drawn by the hash of their keys.

    ``number`` is that of the ledger's entry that put the canary there. ``predictions`` and ``labels`` are the digests
    of what it was measured from, and ``night_before`` names those of the canary's night before; empty without.
    """

    what = "a record of a night of a canary"
    remedy = "delete it: the next night measures it anew"

    format: Literal[1] = 1
    model: str
    night: str
    version: str
    champion: str
    number: int
    share: float
    predictions: str
    labels: str = ""
    night_before: str = ""
    metric: str
    of_champion: GroupOfRows
    of_canary: GroupOfRows

    @property
    def rows(self) -> int:
        """Of both."""
        return self.of_champion.rows + self.of_canary.rows

    @property
    def has_labels(self) -> bool:
        """Whether both have rows whose outcome is known: else it says nothing of who is better."""
        return self.grouped(LOSS) is not None

    def grouped(self, name: str) -> GroupedNight | None:
        """One figure of both; None where either has no row with it."""
        champion = self.of_champion.figure(name)
        canary = self.of_canary.figure(name)
        if champion is None:
            return None
        if canary is None:
            return None
        return GroupedNight(self.night, champion, canary)

    def is_of(self, predictions: Manifest, labels: Manifest | None, night_before: str) -> bool:
        """Whether it was measured from these."""
        known = (self.predictions, self.labels, self.night_before)
        return known == (predictions.digest, digest_of_labels(labels), night_before)


def digest_of_labels(labels: Manifest | None) -> str:
    """Empty where there are none."""
    return labels.digest if labels else ""


def read_canary_night(model: str, night: str, stores: Stores) -> CanaryNight | None:
    """A night's record, or None where there is none. Raises ``UnreadableRecord``."""
    key = layout.canary_night(model, night)
    return stores.lake.objects.get_record(key, CanaryNight)
