"""The sample of a large night, put together from those of its shards."""

import hashlib
import io
import logging
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.parquet as pq

from nightshift.contracts import Plan, ShardResult
from nightshift.scoring.engine import draft
from nightshift.scoring.sample import SAMPLE, as_parquet, has_sample, smallest
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout

log = logging.getLogger("nightshift")


def keep_sample(
    spec: ModelSpec, plan: Plan, results: Iterable[ShardResult], stores: Stores
) -> dict[str, dict[str, str | int]]:
    """Write the night's sample into the plan's generation; what its manifest says of it, nothing of a small night.

    It informs, so a part that is lost leaves the night without a sample, and does not stop it.
    """
    if not has_sample(plan):
        return {}
    parts = [_part(result, stores) for result in results]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        log.warning("%s %s: a shard's part of the sample is gone; there is none", spec.name, plan.partition)
        return {}
    rows = smallest(pa.concat_tables(known), list(spec.keys))
    body = as_parquet(rows)
    generation = draft(spec, plan)
    key = layout.sample(generation.key, generation.generation)
    stores.lake.objects.put(key, body)
    sha256 = hashlib.sha256(body).hexdigest()
    return {SAMPLE: {"key": key, "sha256": sha256, "rows": rows.num_rows}}


def _part(result: ShardResult, stores: Stores) -> pa.Table | None:
    stored = stores.lake.objects.get(layout.shard_sample(result.key))
    if stored is None:
        return None
    body, _ = stored
    if hashlib.sha256(body).hexdigest() != result.sample_sha256:
        return None
    return pq.read_table(io.BytesIO(body))
