"""The newest nights of a model in each dataset, by listings that begin where the last look ended."""

from dataclasses import dataclass
from functools import cached_property

from nightshift.contracts import Dataset
from nightshift.figures.kept import LookMemory
from nightshift.partitions import shifted
from nightshift.spec import ModelSpec
from nightshift.stores import layout
from nightshift.stores.manifest import Manifest
from nightshift.stores.objects import ObjectInfo

SHOWN_NIGHTS = 31
"""By the schedule: so far back a look reads, and as many days more as labels take."""
MOST_YEARS = 2


@dataclass(frozen=True)
class CommittedNight:
    """What a manifest says of its night, as far as a figure needs it. ``version`` is empty where a person published."""

    generation: str
    digest: str
    rows: int
    rows_in: int
    rows_quarantined: int
    is_retracted: bool
    version: str
    sha256: str
    seconds: float | None


class NewestNights:
    """What lies in the lake for the newest nights of a model; each dataset is listed when it is first asked for."""

    def __init__(self, spec: ModelSpec, kept: LookMemory) -> None:
        self._spec = spec
        self._kept = kept

    @cached_property
    def predictions(self) -> dict[str, ObjectInfo]:
        """Manifests by night, oldest first."""
        return self._commits(Dataset.PREDICTIONS)

    @cached_property
    def validated(self) -> dict[str, ObjectInfo]:
        """Manifests by night, oldest first."""
        return self._commits(Dataset.VALIDATED)

    @cached_property
    def labels(self) -> dict[str, ObjectInfo]:
        """Manifests by night, oldest first."""
        return self._commits(Dataset.LABELS)

    @cached_property
    def drift(self) -> dict[str, ObjectInfo]:
        """Records of monitored nights, oldest first."""
        prefix = layout.served_of_column(
            Dataset.MONITORING,
            self._spec.name,
            self._spec.partition.column,
        )
        records = {}
        for stored in self._since(prefix):
            night = layout.night_in(stored.key, Dataset.MONITORING, self._spec.name)
            if night and layout.is_drift(stored.key):
                records[night.partition] = stored
        return records

    @cached_property
    def accuracy(self) -> dict[str, ObjectInfo]:
        """Records of how good nights were, oldest first."""
        prefix = layout.folder(layout.accuracy(self._spec.name, "any"))
        return {layout.night_of_record(stored.key): stored for stored in self._since(prefix)}

    @cached_property
    def replays(self) -> list[ObjectInfo]:
        """Records of replays, by their nights, oldest first."""
        return self._since(layout.replayed_nights(self._spec.name))

    def committed(self, dataset: Dataset, night: str) -> CommittedNight | None:
        """What stands of a listed night; None for one that was taken back, or cannot be read."""
        stored = self._listings(dataset).get(night)
        facts = self._kept.read(stored, Manifest, _facts_of) if stored else None
        return None if facts is None or facts.is_retracted else facts

    def newest(self, dataset: Dataset) -> tuple[str, ObjectInfo] | None:
        """The newest night of a dataset that people can read, and its manifest as it is listed."""
        listing = self._listings(dataset)
        newest_first = reversed(listing.items())
        for night, stored in newest_first:
            if self.committed(dataset, night):
                return night, stored
        return None

    def _listings(self, dataset: Dataset) -> dict[str, ObjectInfo]:
        listings = {Dataset.VALIDATED: "validated", Dataset.LABELS: "labels", Dataset.PREDICTIONS: "predictions"}
        listing: dict[str, ObjectInfo] = getattr(self, listings[dataset])
        return listing

    def _since(self, prefix: str) -> list[ObjectInfo]:
        """Objects of the nights that are shown, by the newest published one."""
        nights = self.predictions
        if not nights:
            return []
        first = self._first_shown(max(nights))
        return self._kept.listed(prefix, after=f"{prefix}{first}")

    def _first_shown(self, newest: str) -> str:
        """The day before the first night that is read: some stores skip what lies below the name to begin after."""
        shown = self._spec.nights_through(newest, SHOWN_NIGHTS)
        return shifted(min([*shown, newest]), -1 - self._spec.label.delay_days)

    def _commits(self, dataset: Dataset) -> dict[str, ObjectInfo]:
        """Manifests of a dataset by night: one request once its newest night is known."""
        prefix = layout.manifests_of_column(
            dataset,
            self._spec.name,
            self._spec.partition.column,
        )
        known = self._kept.newest.get(dataset)
        nights: dict[str, ObjectInfo] = {}
        if known:
            nights = self._by_night(dataset, self._kept.listed(prefix, after=f"{prefix}{self._first_shown(known)}"))
        if not nights:
            nights = self._found(dataset, prefix)
        if nights:
            self._kept.newest[dataset] = max(nights)
        return nights

    def _found(self, dataset: Dataset, prefix: str) -> dict[str, ObjectInfo]:
        """A listing begins with the oldest, so the years are asked for first."""
        nights: dict[str, ObjectInfo] = {}
        for year in self._kept.years(prefix)[:MOST_YEARS]:
            nights = self._by_night(dataset, self._kept.listed(f"{prefix}{year}-")) | nights
            if nights and min(nights) <= self._first_shown(max(nights)):
                break
        return nights

    def _by_night(self, dataset: Dataset, listed: list[ObjectInfo]) -> dict[str, ObjectInfo]:
        nights = {}
        for stored in listed:
            night = layout.night_in(stored.key, dataset, self._spec.name)
            if night:
                nights[night.partition] = stored
        return nights


def _facts_of(manifest: Manifest) -> CommittedNight:
    pin = manifest.provenance.get("pin")
    scored_by = pin if isinstance(pin, dict) else {}
    seconds = manifest.provenance.get("seconds")
    return CommittedNight(
        generation=manifest.generation,
        digest=manifest.digest,
        rows=manifest.rows,
        rows_in=manifest.rows_in,
        rows_quarantined=manifest.rows_quarantined,
        is_retracted=manifest.retracted is not None,
        version=str(scored_by.get("version", "")),
        sha256=str(scored_by.get("sha256", "")),
        seconds=float(seconds) if isinstance(seconds, int | float) else None,
    )
