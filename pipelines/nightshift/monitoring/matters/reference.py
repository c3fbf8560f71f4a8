"""What a version keeps to say what matters: made with it, found by its digest, beside its profile.

The record names its rows by their digest, so the pin's one digest closes over both.
"""

import io
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nightshift.contracts import Pin
from nightshift.errors import ModelError
from nightshift.monitoring.matters.attribution import AttributionReference
from nightshift.monitoring.matters.domain import DomainReference
from nightshift.monitoring.matters.estimate import EstimateReference
from nightshift.monitoring.matters.ranking import BinLosses, Importance
from nightshift.monitoring.matters.slices import SlicesReference
from nightshift.profiles.profile import require_pinned
from nightshift.stores import layout
from nightshift.stores.lake import Lake
from nightshift.stores.records import Record

# A column of the lake has no space in its name.
NIGHT = "night of row"
LOSS = "loss of row"
PREDICTION = "prediction of row"


class MattersReference(Record):
    """The reference of one model version for ranks, estimates, the domain classifier and slices.

    ``classes`` are those that the version knows, if any; ``rows_sha256`` is that of at most 20,000 rows. What earlier
    versions of Nightshift wrote has no ``attributions``.
    """

    what = "a version's reference"
    remedy = "train the model again with this version of Nightshift, or install the version that wrote it"
    remedy_of_later = remedy

    format: Literal[1] = 1
    model: str
    loss: str
    classes: tuple[str, ...] = ()
    importances: tuple[Importance, ...]
    bins: tuple[BinLosses, ...]
    estimate: EstimateReference | None
    domain: DomainReference | None
    slices: SlicesReference
    attributions: AttributionReference | None = None
    rows_sha256: str


def load_reference(pin: Pin, lake: Lake) -> MattersReference | None:
    """That of a pinned version; None for a version that was trained before there were any.

    Raises ``ModelError`` when it is not there, ``UnreadableRecord`` when it is not as it was pinned.
    """
    if not pin.reference_sha256:
        return None
    key = layout.reference(pin.model, pin.sha256, pin.reference_sha256)
    body = _fetched(key, pin.reference_sha256, pin, lake)
    return MattersReference.from_json(body, f"{lake.objects.uri}/{key}")


def load_rows(pin: Pin, reference: MattersReference, lake: Lake) -> pa.Table:
    """The rows that were kept. Raises as ``load_reference``."""
    key = layout.reference_rows(pin.model, pin.sha256, reference.rows_sha256)
    body = _fetched(key, reference.rows_sha256, pin, lake)
    return pq.read_table(io.BytesIO(body))


def kept_background(pin: Pin, lake: Lake) -> pa.Table | None:
    """The background of a pinned version; None for one of before there were any. Raises as ``load_reference``."""
    reference = load_reference(pin, lake)
    return None if reference is None else background_of(load_rows(pin, reference, lake))


def background_of(rows: pa.Table) -> pa.Table:
    """The kept rows of the reference's nights, none of those that are kept with a loss, in an order of no meaning."""
    of_window = rows.filter(rows[LOSS].is_null())
    order = np.random.default_rng(0).permutation(of_window.num_rows)
    return of_window.take(pa.array(order))


def as_parquet(rows: pa.Table) -> bytes:
    """Rows as they are kept."""
    buffer = io.BytesIO()
    pq.write_table(rows, buffer, compression="zstd")
    return buffer.getvalue()


def _fetched(key: str, sha256: str, pin: Pin, lake: Lake) -> bytes:
    where = f"{lake.objects.uri}/{key}"
    stored = lake.objects.get(key)
    if stored is None:
        raise ModelError(
            f"{pin.model} version {pin.version} has no reference at {where}",
            fix=f"trigger {pin.model}.train: a version gets its reference when it is trained",
        )
    body, _ = stored
    require_pinned(body, sha256, pin, where)
    return body
