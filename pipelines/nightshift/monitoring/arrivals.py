"""Which nights a run looks at: those whose labels may just have come, and those whose labels came late or changed."""

import datetime as dt
from collections.abc import Sequence

from nightshift.contracts import Dataset
from nightshift.partitions import last_nights
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout

LOOK_BACK_NIGHTS = 14
NEWS_DAYS = 14
"""So long after a night was published, by the store's clock, runs look whether it is measured as it now is."""


def arrived(spec: ModelSpec, partition: str) -> list[str]:
    """The nights within the look-back whose labels a run of ``partition`` can see, oldest first.

    By the clock of the schedule, and each calendar night in which labels may still change.
    """
    newest = spec.labelled_night(partition)
    by_the_clock = spec.nights_through(newest, LOOK_BACK_NIGHTS)
    lately = last_nights(max(LOOK_BACK_NIGHTS, spec.label.corrected_within + 1), newest)
    return sorted({*by_the_clock, *lately})


def measurable(spec: ModelSpec, partition: str, stores: Stores) -> "Measurable":
    """The nights that a run can measure. Three listings."""
    column = spec.partition.column
    predicted = stores.lake.published_at(Dataset.PREDICTIONS, spec.name, column)
    labelled = stores.lake.published_at(Dataset.LABELS, spec.name, column)
    published = {night: max(labelled[night], predicted[night]) for night in predicted if night in labelled}
    measured = _measured_at(spec, stores)
    return Measurable(spec, partition, published, measured)


def _measured_at(spec: ModelSpec, stores: Stores) -> dict[str, dt.datetime]:
    """When each night's record was written. One listing."""
    before_night, after_night = layout.accuracy(spec.name, "|").split("|")
    measured = {}
    for stored in stores.lake.objects.listing(before_night):
        night = stored.key.removeprefix(before_night).removesuffix(after_night)
        measured[night] = stored.modified
    return measured


class Measurable:
    """Nights with predictions and labels, when they were last ``published`` and when they were ``measured``."""

    def __init__(
        self,
        spec: ModelSpec,
        partition: str,
        published: dict[str, dt.datetime],
        measured: dict[str, dt.datetime],
    ) -> None:
        self._published = published
        self._measured = measured
        self._newest = spec.labelled_night(partition)
        self._arrived = arrived(spec, partition)
        self.nights = sorted(published)

    def before(self, night: str) -> list[str]:
        """Those before one, oldest first."""
        return [other for other in self.nights if other < night]

    def after(self, night: str) -> list[str]:
        """Those after one, and no newer than the run can see; oldest first."""
        return [other for other in self.nights if night < other <= self._newest]

    def among(self, nights: Sequence[str]) -> set[str]:
        """Which of some nights there are."""
        return set(nights).intersection(self._published)

    @property
    def lately(self) -> list[str]:
        """Those within the look-back, oldest first."""
        return [night for night in self._arrived if night in self._published]

    @property
    def late(self) -> list[str]:
        """Older ones that were published after they were measured, if ever they were; oldest first.

        One that cannot be measured is not looked at for ever: what was published lately is news.
        """
        if not self._published:
            return []
        news = max(self._published.values()) - dt.timedelta(NEWS_DAYS)
        lately = set(self._arrived)
        nights = []
        for night in self.nights:
            is_older = night <= self._newest and night not in lately
            if is_older and self._published[night] >= news and self._is_measured_before(night):
                nights.append(night)
        return nights

    def _is_measured_before(self, night: str) -> bool:
        measured = self._measured.get(night)
        # The store's clock may tick in seconds.
        return measured is None or measured <= self._published[night]
