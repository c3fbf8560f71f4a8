"""Nothing that is told beside the alarms stops a night."""

from types import SimpleNamespace

import pyarrow as pa
import pytest

from nightshift.errors import DamagedFile, MissingPartition, ModelError, UnreadableRecord
from nightshift.monitoring.drift import DriftResult
from nightshift.monitoring.matters import measure
from nightshift.monitoring.matters.domain import DomainReference
from nightshift.monitoring.matters.reference import LOSS, MattersReference
from nightshift.monitoring.matters.slices import SlicesReference

QUIET = DriftResult(False, 0.0, 0.0, 0.0, "", 60, 0.01, 60, [])
PREDICTIONS = SimpleNamespace(partition="2024-03-01", pin=None)
STORES = SimpleNamespace(lake=None)
REFERENCE = MattersReference(
    model="orders",
    loss="log_loss",
    importances=(),
    bins=(),
    estimate=None,
    domain=DomainReference(columns=("items",), left_out=(), areas=(0.5,) * 40, rows=(60,) * 40),
    slices=SlicesReference(features=(), slices=()),
    rows_sha256="ab" * 32,
)


def told(spec):
    return measure.matters_of(spec, None, PREDICTIONS, QUIET, [], STORES)


@pytest.mark.parametrize("kind", [ModelError, MissingPartition, UnreadableRecord, DamagedFile, pa.ArrowInvalid])
def test_what_cannot_be_read_or_compared_is_left_out_and_logged(spec, monkeypatch, caplog, kind):
    def refuse(*_):
        raise kind("it does not fit")

    monkeypatch.setattr(measure, "load_reference", refuse)
    assert told(spec) is None
    assert "not told what matters: it does not fit" in caplog.text


def test_a_column_whose_type_changed_since_the_training_is_noted(spec, monkeypatch):
    kept = pa.table({"items": pa.array(range(60), pa.int64()), LOSS: pa.nulls(60, pa.float64())})
    rows = kept.set_column(0, "items", kept["items"].cast(pa.float64()))
    monkeypatch.setattr(measure, "load_reference", lambda *_: REFERENCE)
    monkeypatch.setattr(measure, "load_rows", lambda *_: kept)
    monkeypatch.setattr(measure, "night_rows", lambda *_: rows)
    matters = told(spec)
    assert (matters.rows, matters.domain) == (60, None)
    assert matters.notes == [f"items: {measure.RETYPED}"]
