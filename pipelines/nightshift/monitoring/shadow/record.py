"""The record of how a challenger in shadow scored a night, beside the champion."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from nightshift.modelling.gate.sequence import NightDifference
from nightshift.stores import Stores, layout
from nightshift.stores.manifest import Manifest
from nightshift.stores.records import Record


class Disagreement(BaseModel):
    """How far the scores of the same rows are apart: on average, of half, of nine in ten, and at most.

    Of several scores of a row it is the greatest difference. ``same`` is the share of rows of which both predict the
    same, None of numbers; the means are of each one's scores.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    same: float | None
    average: float
    of_half: float
    of_nine_in_ten: float
    at_most: float
    champion_mean: float
    shadow_mean: float


class ShadowNight(Record):
    """A night that a challenger scored in shadow, held against what is published of it.

    ``predictions``, ``shadow`` and ``labels`` are the digests of what it was measured from; the last is empty before
    there are labels. ``difference`` is the sum of the challenger's less the champion's losses, in ``metric``, of its
    ``labelled`` rows, and ``champion_loss`` the sum of the latter.
    """

    what = "a record of a night in shadow"
    remedy = "delete it: the next night measures it anew"

    format: Literal[1] = 1
    model: str
    night: str
    version: str
    champion: str
    predictions: str
    shadow: str
    labels: str = ""
    rows: int
    disagreement: Disagreement | None
    metric: str
    labelled: int = 0
    difference: float = 0.0
    champion_loss: float = 0.0

    @property
    def evidence(self) -> NightDifference:
        """What it says of the two."""
        return NightDifference(self.night, self.labelled, self.difference)

    def is_of(self, predictions: Manifest, scored: Manifest, labels: Manifest | None) -> bool:
        """Whether it was measured from these."""
        known = (self.predictions, self.shadow, self.labels)
        return known == (predictions.digest, scored.digest, labels.digest if labels else "")


def read_shadow_night(model: str, night: str, stores: Stores) -> ShadowNight | None:
    """A night's record, or None where there is none. Raises ``UnreadableRecord``."""
    key = layout.shadow_night(model, night)
    return stores.lake.objects.get_record(key, ShadowNight)
