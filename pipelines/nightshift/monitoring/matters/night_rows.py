"""The rows of a night that figures are made of: its sample, or all of them where these are no more."""

import hashlib
import io
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from nightshift.modelling.label_types import label_type
from nightshift.scoring.canary import canary_rows
from nightshift.scoring.sample import MOST_ROWS, SAMPLE
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.manifest import Manifest


def night_rows(
    spec: ModelSpec, columns: Sequence[str], validated: Manifest, predictions: Manifest, stores: Stores
) -> pa.Table | None:
    """Keys, those of the columns that there are, and what was published of each row; None where there is no sample.

    A night of at most ``MOST_ROWS`` rows is its own sample. Rows that a canary scored are left out, as its sample
    leaves them out. Raises ``DamagedFile``, ``LakeUnavailable``.
    """
    wanted = list(dict.fromkeys([*spec.keys, *columns]))
    if SAMPLE in predictions.provenance:
        return _sampled(predictions, stores)
    if predictions.rows > MOST_ROWS or predictions.rows != validated.rows:
        return None
    published = [field.name for field in label_type(spec).published_fields()]
    keys = list(spec.keys)
    scored = stores.lake.read(predictions, [*keys, *_present(published, predictions.columns)])
    rows = stores.lake.read(validated, _present(wanted, validated.columns))
    # Shards are ranges of the night's rows, so both are in one order.
    if not rows.select(keys).equals(scored.select(keys)):
        return None
    for name in scored.column_names:
        if name not in rows.column_names:
            rows = rows.append_column(name, scored[name])
    return _without_canarys(predictions, rows, keys)


def _without_canarys(predictions: Manifest, rows: pa.Table, keys: list[str]) -> pa.Table:
    pinned = predictions.canary_pin
    if pinned is None or not rows.num_rows:
        return rows
    (batch,) = rows.select(keys).combine_chunks().to_batches()
    return rows.filter(pa.array(~canary_rows(pinned, batch)))


def _sampled(predictions: Manifest, stores: Stores) -> pa.Table | None:
    sample = predictions.provenance[SAMPLE]
    stored = stores.lake.objects.get(sample["key"])
    if stored is None:
        return None
    body, _ = stored
    if hashlib.sha256(body).hexdigest() != sample["sha256"]:
        return None
    return pq.read_table(io.BytesIO(body))


def _present(names: Sequence[str], columns: dict[str, str]) -> list[str]:
    return [name for name in names if name in columns]
