"""What came by day, counted as a night is, beside what the version that answered learnt from: told, never alarmed.

Requests are no night: who asks, and when, is another draw of rows than all of a night's. So nothing is promised of how
often this passes its line, and no episode opens by it.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from nightshift.contracts import Pin
from nightshift.errors import ModelError, UnreadableRecord
from nightshift.modelling.arrays import Int64s
from nightshift.monitoring.drift import NightValues, measure
from nightshift.profiles.moments import Moments
from nightshift.profiles.profile import Profile, load_profile
from nightshift.spec import ModelSpec
from nightshift.stores import Stores

log = logging.getLogger("nightshift")


class OnlineDrift(BaseModel):
    """The profile of rows that were answered by day, and how far it is from the version's reference.

    ``ratio`` is the drift of ``worst`` as a share of the line at which a night of so many rows alarms; ``counts`` has
    rows per bin of the version's profile.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int
    ratio: float
    worst: str
    counts: dict[str, list[int]]


@dataclass
class OnlineTally:
    """Rows that one version answered, counted by its profile; what that watches and no request has is left out."""

    profile: Profile
    rows: int = 0
    counts: dict[str, Int64s] = field(default_factory=dict)
    moments: dict[str, Moments] = field(default_factory=dict)

    def add(self, columns: Mapping[str, pa.Array], rows: int) -> None:
        """More of them."""
        counts, moments = self._known_in(columns).tally(columns)
        self.rows += rows
        for name, counted in counts.items():
            self.counts[name] = self.counts.get(name, 0) + counted
        for name, values in moments.items():
            before = self.moments.get(name)
            self.moments[name] = before.plus(values) if before else values

    def drift(self, spec: ModelSpec, night: str) -> OnlineDrift:
        """Of all of them together."""
        values = NightValues(night, self.rows, self.counts, self.moments)
        drift = measure(spec, self._known_in(self.counts), values)
        counts = {name: counted.tolist() for name, counted in self.counts.items()}
        return OnlineDrift(rows=self.rows, ratio=drift.ratio, worst=drift.worst, counts=counts)

    def _known_in(self, columns: Mapping[str, object]) -> Profile:
        features = tuple(feature for feature in self.profile.features if feature.name in columns)
        return self.profile.model_copy(update={"features": features})


def begin_tally(pin: Pin, stores: Stores) -> OnlineTally | None:
    """None for a version whose profile cannot be read: it informs, and keeps nobody from replaying."""
    try:
        return OnlineTally(load_profile(pin, stores.lake))
    except (ModelError, UnreadableRecord) as error:
        log.warning("%s: not told how rows by day have drifted: %s", pin.model, error)
        return None
