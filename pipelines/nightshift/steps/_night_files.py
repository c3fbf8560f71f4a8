"""What the lake keeps of a monitored night: a table for readers of Parquet, the record, and its page."""

from dataclasses import asdict, dataclass
from typing import Self

import pyarrow as pa

from nightshift.contracts import Dataset, Pin
from nightshift.errors import LakeUnavailable, Superseded
from nightshift.monitoring.decided import as_decided
from nightshift.monitoring.drift import DriftResult
from nightshift.monitoring.night_record import NightRecord, looked_up
from nightshift.monitoring.report import Beside, render
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.commit import GenerationDraft
from nightshift.stores.manifest import Manifest, sequences
from nightshift.stores.objects import ConditionFailed, ObjectHead, Objects
from nightshift.stores.pages import put_page

TRIES = 3
"""Another monitor may write the record while its page is written."""
SCHEMA = pa.schema([
    ("feature", pa.string()),
    ("distance", pa.float64()),
    ("alarm_distance", pa.float64()),
    ("statistic", pa.float64()),
    ("threshold", pa.float64()),
    ("ratio", pa.float64()),
    ("drifted", pa.bool_()),
    ("calibrated", pa.bool_()),
    ("null_share", pa.float64()),
    ("reference_null_share", pa.float64()),
    ("rows", pa.int64()),
    ("model_version", pa.string()),
])


@dataclass(frozen=True)
class MadeFrom:
    """The rows and scores that a night was judged by: their digests, and the sequences of their commits."""

    input: str
    predictions: str
    sequences: dict[str, int]

    @classmethod
    def of(cls, validated: Manifest, predictions: Manifest) -> Self:
        """Those that are published now."""
        numbers = sequences(validated, predictions)
        return cls(
            validated.digest,
            predictions.digest,
            numbers,
        )

    @classmethod
    def as_before(cls, monitored: Manifest) -> Self:
        """Those that a monitored night was judged by."""
        provenance = monitored.provenance
        return cls(
            provenance.get("input", ""),
            provenance.get("predictions", ""),
            monitored.inputs,
        )


@dataclass(frozen=True)
class NightFiles:
    """The place of a night, as it was before anything was read that it is judged by."""

    spec: ModelSpec
    stores: Stores
    draft: GenerationDraft
    before: ObjectHead | None

    @classmethod
    def begin(cls, spec: ModelSpec, partition: str, stores: Stores) -> Self:
        """Raises ``Superseded`` when the night was taken back since the run began."""
        lake = stores.lake
        key = spec.key(Dataset.MONITORING, partition)
        draft = lake.begin(key)
        record_key = layout.drift(key)
        before = lake.objects.head(record_key)
        return cls(
            spec,
            stores,
            draft,
            before,
        )

    def write(self, record: NightRecord, predictions: Manifest, made_from: MadeFrom) -> str:
        """Table, record and page, over those that were there at the beginning. Returns the page's key.

        Raises ``Superseded`` when another run wrote them meanwhile, or they were taken back.
        """
        stores = self.stores
        pin = record.pin
        provenance = stores.provenance(
            pin=asdict(pin),
            input=made_from.input,
            predictions=made_from.predictions,
        )
        table = _tables(record)
        stores.lake.publish(self.draft, table, provenance=provenance, inputs=made_from.sequences)
        report_key = self._write(record, predictions)
        _require_standing(self.spec, record, stores)
        return report_key

    def _write(self, record: NightRecord, predictions: Manifest) -> str:
        page = _page(self.spec, record, predictions, self.stores)
        objects = self.stores.lake.objects
        etag = self.before.etag if self.before else None
        _replace(objects, layout.drift(self.draft.key), record.to_json(), etag)
        report_key = layout.drift_report(self.draft.key)
        put_page(objects, report_key, page)
        return report_key


def _tables(record: NightRecord) -> pa.Table:
    """A row for each feature, and one more for each of what a canary scored."""
    tables = [_table(record.drift, record.pin)]
    canary = record.canary
    if canary:
        of_canary = _table(canary.drift, canary.pin)
        tables.append(of_canary)
    return pa.concat_tables(tables)


def show_decision(spec: ModelSpec, partition: str, stores: Stores) -> None:
    """Write the page of a monitored night anew, with what was decided about it since. Raises ``LakeUnavailable``."""
    key = layout.drift_report(spec.key(Dataset.MONITORING, partition))
    shown: NightRecord | None = None
    for _ in range(TRIES):
        predictions = stores.lake.published(spec.key(Dataset.PREDICTIONS, partition))
        record = looked_up(spec, partition, stores)
        if predictions is None or record is None:
            # Taken back, or scored anew: then the next monitor writes its page.
            if shown is not None:
                stores.lake.objects.delete(key)
            return
        if record == shown:
            return
        page = _page(
            spec,
            record,
            predictions,
            stores,
        )
        put_page(stores.lake.objects, key, page)
        shown = record


def _page(spec: ModelSpec, record: NightRecord, predictions: Manifest, stores: Stores) -> str:
    beside = Beside.read(spec, record, predictions, stores)
    return render(as_decided(spec, predictions), record, stores.settings.mlflow_url, beside)


def _table(drift: DriftResult, pin: Pin) -> pa.Table:
    rows = []
    for feature in drift.features:
        row = asdict(feature)
        rows.append({**row, "model_version": pin.version})
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _replace(objects: Objects, key: str, body: bytes, etag: str | None) -> None:
    """A monitor that slept over another one's record of the night does not put its own over it."""
    try:
        objects.put_if(key, body, etag)
    except ConditionFailed as refusal:
        stored = objects.get(key)
        there, now = stored or (None, None)
        if there == body:
            return
        if now == etag:
            raise LakeUnavailable(f"{objects.uri}/{key} was not written: {refusal}") from refusal
        raise Superseded(
            f"{objects.uri}/{key} was written by another monitor, or taken back, while this one worked",
            fix="nothing to do; run again to replace it",
        ) from refusal


def _require_standing(spec: ModelSpec, record: NightRecord, stores: Stores) -> None:
    """Who took the night back meanwhile has removed what was there, not what was just written."""
    night = spec.key(Dataset.MONITORING, record.partition)
    if stores.lake.published(night) is not None:
        return
    for key in (layout.drift(night), layout.drift_report(night)):
        stores.lake.objects.delete(key)
    raise Superseded(
        f"{night} was taken back while it was monitored",
        fix="nothing to do; run again to bring it back",
    )
