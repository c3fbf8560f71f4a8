"""The nights before a night, as the drift of several nights needs them."""

from nightshift.concurrency import ordered_map
from nightshift.contracts import Pin
from nightshift.monitoring.drift import HISTORY_NIGHTS, NightValues
from nightshift.monitoring.night_record import NightRecord, looked_up
from nightshift.monitoring.verdicts import unplanned_through
from nightshift.partitions import shifted
from nightshift.spec import ModelSpec
from nightshift.stores import Stores

THREADS = 8


def read_history(spec: ModelSpec, partition: str, pin: Pin, stores: Stores) -> list[NightValues]:
    """What records keep of the last nights that the same version scored, the oldest first.

    Nights that were never monitored are left out, planned ones, and those whose record is damaged.
    """
    nights = unplanned_through(spec, shifted(partition, -1), HISTORY_NIGHTS)
    records = ordered_map(
        lambda night: looked_up(spec, night, stores),
        nights,
        THREADS,
        HISTORY_NIGHTS,
    )
    return [as_values(record) for record in records if record and _is_by(record, pin)]


def _is_by(record: NightRecord, pin: Pin) -> bool:
    """Whether the night was counted by the same profile."""
    own = record.pin
    return (own.sha256, own.profile_sha256) == (pin.sha256, pin.profile_sha256)


def as_values(record: NightRecord) -> NightValues:
    """A monitored night as its record keeps it."""
    counts = {}
    moments = {}
    for feature in record.drift.features:
        counts[feature.feature] = feature.counts
        if feature.moments:
            moments[feature.feature] = feature.moments
    return NightValues(
        partition=record.partition,
        rows=record.drift.rows,
        counts=counts,
        moments=moments,
    )
