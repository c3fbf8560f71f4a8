"""Watch a night: has its data drifted from what its model learnt from, and how good were earlier nights?

The numbers go to the lake first: one Parquet row per feature, and beside it a record and a page (readers of
Parquet skip names that begin with ``_``). MLflow comes last, so that nothing is lost while it is down.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace

from nightshift.contracts import Dataset, NightReport, Pin
from nightshift.errors import DataError, LaterRecord, UnreadableRecord
from nightshift.monitoring.accuracy import measure_arrived
from nightshift.monitoring.age import old_champion
from nightshift.monitoring.changes import changes_by
from nightshift.monitoring.drifts import canary_drift, champion_drift
from nightshift.monitoring.dropped import dropped_by_rule
from nightshift.monitoring.matters.measure import matters_of
from nightshift.monitoring.night_record import NightCounts, NightRecord, read_night_record
from nightshift.monitoring.verdicts import unplanned
from nightshift.spec import ModelSpec
from nightshift.steps._later_nights import judge_later
from nightshift.steps._night_files import MadeFrom, NightFiles
from nightshift.steps._night_points import log_points
from nightshift.stores import Stores
from nightshift.stores.manifest import Manifest

log = logging.getLogger("nightshift")


def monitor(spec: ModelSpec, partition: str, stores: Stores) -> NightReport:
    """Compare a scored night with the profile of the version that scored it, and measure arrived labels.

    Nights after it that were monitored before, and held against it, are judged again.
    Raises ``MissingPartition`` when the night is not validated or scored, ``DataError`` when it was
    scored from other rows than are validated now, ``ModelError`` when the version has no profile,
    ``Superseded`` when it was taken back meanwhile, ``LaterRecord`` over the record of a later version of Nightshift,
    and ``RegistryUnavailable`` after everything else is safely
    in the lake.
    """
    lake = stores.lake
    files = NightFiles.begin(spec, partition, stores)
    validated = lake.require(spec.key(Dataset.VALIDATED, partition))
    predictions = lake.require(spec.key(Dataset.PREDICTIONS, partition))
    judged = judge_night(spec, validated, predictions, stores)
    matters = matters_of(spec, validated, predictions, judged.drift, judged.accuracy, stores)
    dropped = dropped_by_rule(validated, stores)
    record = judged.model_copy(update={"matters": matters, "quarantined_by": dropped})
    report_key = files.write(record, predictions, MadeFrom.of(validated, predictions))
    later = judge_later(spec, partition, stores)
    log_points(spec, [record, *later.records], stores)
    notes = _notes(spec, record.pin, partition)
    report = night_report(spec, record, report_key, [*notes, *later.notes])
    return replace(report, judged_again=later.nights)


def judge_night(spec: ModelSpec, validated: Manifest, predictions: Manifest, stores: Stores) -> NightRecord:
    """What may alarm of a scored night. Records of accuracy are kept, nothing else is. Raises as ``monitor``."""
    pin = _pin(spec, validated, predictions)
    night = predictions.partition
    own = _measured_before(spec, night, stores)
    drift = champion_drift(spec, validated, predictions, stores)
    accuracy = tuple(measure_arrived(spec, night, stores, own))
    return NightRecord(
        model=spec.name,
        partition=night,
        version=pin.version,
        pin=pin,
        counts=_counts(validated, predictions),
        generation=predictions.generation,
        drift=drift,
        accuracy=accuracy,
        planned=spec.drift.why_planned(night) or "",
        episodes=tuple(changes_by(spec, night, pin.version, drift.alarm, accuracy, stores)),
        canary=canary_drift(spec, validated, predictions, stores),
    )


def night_report(spec: ModelSpec, record: NightRecord, report_key: str, notes: Sequence[str] = ()) -> NightReport:
    """A night's record in short, as the governor takes it."""
    drift = record.drift
    alarming = unplanned(spec, [accuracy.night for accuracy in record.accuracy if accuracy.lost])
    return NightReport(
        model=record.model,
        partition=record.partition,
        version=record.version,
        drifted=drift.drifted and not record.planned,
        statistic=drift.statistic,
        threshold=drift.threshold,
        worst=drift.worst,
        accuracy_nights=[accuracy.night for accuracy in record.accuracy],
        lost_accuracy=bool(alarming),
        report_key=report_key,
        notes=list(notes),
        episodes=list(record.episodes),
    )


def _measured_before(spec: ModelSpec, partition: str, stores: Stores) -> list[str]:
    """The nights that an earlier run of this night measured; a damaged record of it is written anew.

    Raises ``LaterRecord``: what another version of Nightshift wrote is not.
    """
    try:
        record = read_night_record(spec, partition, stores)
    except LaterRecord:
        raise
    except UnreadableRecord:
        return []
    return [accuracy.night for accuracy in record.accuracy] if record else []


def _notes(spec: ModelSpec, pin: Pin, partition: str) -> list[str]:
    notes = []
    planned = spec.drift.why_planned(partition)
    if planned:
        notes.append(f"{partition} is planned, and alarms nobody: {planned}")
    old = old_champion(spec, pin.version, pin.trained_through, partition)
    if old:
        log.warning("%s: %s", spec.name, old)
        notes.append(old)
    return notes


def _pin(spec: ModelSpec, validated: Manifest, predictions: Manifest) -> Pin:
    pin = predictions.pin
    if predictions.provenance.get("input") != validated.digest:
        night = predictions.partition
        raise DataError(
            f"{spec.name} {night} was scored from other rows than are validated now",
            fix=f"trigger {spec.name}.predict for {night} again; monitoring follows it",
        )
    return pin


def _counts(validated: Manifest, predictions: Manifest) -> NightCounts:
    return NightCounts(
        rows_in=validated.rows_in,
        quarantined=validated.rows_quarantined,
        scored=predictions.rows,
        not_scored=predictions.rows_quarantined,
    )
