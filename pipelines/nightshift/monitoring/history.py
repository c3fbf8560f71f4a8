"""The nights before a night, as the drift of several nights needs them."""

from nightshift.concurrency import ordered_map
from nightshift.contracts import Pin
from nightshift.monitoring.drift import HISTORY_NIGHTS, DriftResult, NightValues
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
    records = _records_before(spec, partition, stores)
    return [as_values(record) for record in records if _are_of_one_profile(record.pin, pin)]


def read_canary_history(spec: ModelSpec, partition: str, pin: Pin, stores: Stores) -> list[NightValues]:
    """The same of the rows that a canary scored in the nights before, as a canary."""
    history = []
    for record in _records_before(spec, partition, stores):
        of_canary = record.canary
        if of_canary is None:
            continue
        if _are_of_one_profile(of_canary.pin, pin):
            values = values_of(record.partition, of_canary.drift)
            history.append(values)
    return history


def _records_before(spec: ModelSpec, partition: str, stores: Stores) -> list[NightRecord]:
    nights = unplanned_through(spec, shifted(partition, -1), HISTORY_NIGHTS)
    records = ordered_map(
        lambda night: looked_up(spec, night, stores),
        nights,
        THREADS,
        HISTORY_NIGHTS,
    )
    return [record for record in records if record]


def _are_of_one_profile(one: Pin, other: Pin) -> bool:
    """Whether nights by both are counted by the same profile."""
    return (one.sha256, one.profile_sha256) == (other.sha256, other.profile_sha256)


def as_values(record: NightRecord) -> NightValues:
    """A monitored night as its record keeps it, without what a canary scored of it."""
    return values_of(record.partition, record.drift)


def values_of(partition: str, drift: DriftResult) -> NightValues:
    """What a verdict keeps of the rows that it is on."""
    counts = {}
    moments = {}
    for feature in drift.features:
        counts[feature.feature] = feature.counts
        if feature.moments:
            moments[feature.feature] = feature.moments
    return NightValues(
        partition=partition,
        rows=drift.rows,
        counts=counts,
        moments=moments,
    )
