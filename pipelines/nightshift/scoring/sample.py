"""A large night's sample: the same rows however it is cut into shards, since the hash of its keys draws them.

The rows of the ``MOST_ROWS`` smallest hashes. A shard keeps those below a bound that so many of the night lie below,
and a few more; publishing keeps the smallest of all. A night of no more rows is its own sample and keeps none.
"""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nightshift.contracts import Plan
from nightshift.modelling.arrays import Booleans, Places
from nightshift.stores.key_hashes import Hashes, key_hashes
from nightshift.stores.types import decoded

SAMPLE = "sample"
"""What a manifest says it in."""
MOST_ROWS = 20_000
DEVIATIONS = 7
"""So many standard deviations more rows are expected below the bound than are wanted."""
HASHES = 2.0**64
MOST_HASH = 2**64 - 1


def has_sample(plan: Plan) -> bool:
    """Whether a night is too large to be read whole."""
    return plan.input_rows > MOST_ROWS


def drawn(plan: Plan, keys: pa.RecordBatch) -> Places:
    """The places of some rows that may be in the night's sample, by their keys."""
    expected = MOST_ROWS + DEVIATIONS * MOST_ROWS**0.5
    share = min(expected / plan.input_rows, 1.0)
    hashes = hashes_of(keys)
    bound = min(int(share * HASHES), MOST_HASH)
    is_below = hashes <= np.uint64(bound)
    return np.flatnonzero(is_below)


def smallest(rows: pa.Table, keys: list[str]) -> pa.Table:
    """The rows of the smallest hashes, in the order that they come in."""
    if rows.num_rows <= MOST_ROWS:
        return rows
    (batch,) = rows.select(keys).combine_chunks().to_batches()
    hashes = key_hashes(batch)
    order = np.argsort(hashes, kind="stable")
    chosen: Booleans = np.zeros(len(hashes), np.bool_)
    chosen[order[:MOST_ROWS]] = True
    return rows.filter(pa.array(chosen))


def taken(rows: pa.RecordBatch, places: Places) -> pa.RecordBatch:
    """The rows at these places, texts as such."""
    few = rows.take(pa.array(places))
    arrays = [decoded(column) for column in few.columns]
    return pa.record_batch(arrays, names=few.schema.names)


def as_parquet(rows: pa.Table) -> bytes:
    """The same rows always as the same bytes."""
    buffer = io.BytesIO()
    pq.write_table(rows.combine_chunks(), buffer, compression="zstd")
    return buffer.getvalue()


def hashes_of(keys: pa.RecordBatch) -> Hashes:
    """The hash of each row's keys, shape (n,)."""
    return key_hashes(_short(keys))


def _short(keys: pa.RecordBatch) -> pa.RecordBatch:
    """Without dictionaries that have more texts than there are rows: each text would be hashed for nothing."""
    arrays = []
    for column in keys.columns:
        is_long = pa.types.is_dictionary(column.type) and len(column.dictionary) > len(column)
        arrays.append(decoded(column) if is_long else column)
    return pa.record_batch(arrays, names=keys.schema.names)
