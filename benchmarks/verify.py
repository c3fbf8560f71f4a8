"""``score.verify_cpu_ms_per_million``: what it costs to hold all bytes of a scored night against their digests.

The input is read by the tasks plan and score, the predictions by publish: each time its SHA-256 is computed, and each
page that is decoded is held against its checksum. CPU of this process, in milliseconds per million rows.
"""

import hashlib
import time
from collections.abc import Callable
from statistics import median

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.nights import big_night
from benchmarks.world import World
from nightshift.steps.score import score

ROWS = 1_000_000
REPEATS = 9
READINGS_OF_INPUT = 2


def figures(world: World) -> dict[str, float]:
    """Hashes and checksums of a night of a million flights, and of its predictions."""
    plan = big_night(world, ROWS, world.pin)
    (shard,) = plan.shards
    result = score(world.spec, plan, shard, world.stores)
    night = _body(world, shard.key)
    predictions = _body(world, result.key)
    keys = list(world.spec.keys)
    seconds = READINGS_OF_INPUT * _hashing(night) + _hashing(predictions)
    seconds += _checksums(night, list(world.spec.features)) + _checksums(predictions, keys)
    cost = 1e9 * seconds / ROWS
    world.console.print(f"verification: {cost:.0f} CPU ms per million rows")
    return {"score.verify_cpu_ms_per_million": cost}


def _body(world: World, key: str) -> bytes:
    stored = world.stores.lake.objects.get(key)
    if stored is None:
        raise FileNotFoundError(key)
    body, _ = stored
    return body


def _hashing(body: bytes) -> float:
    return _cpu(lambda: hashlib.sha256(body).hexdigest())


def _checksums(body: bytes, columns: list[str]) -> float:
    """What decoding costs more with them."""

    def decode(check: bool) -> pa.Table:
        return pq.ParquetFile(pa.BufferReader(body), page_checksum_verification=check).read(columns)

    return _cpu(lambda: decode(True)) - _cpu(lambda: decode(False))


def _cpu(work: Callable[[], object]) -> float:
    """Median CPU seconds of all threads, after one run to warm up."""
    work()
    taken = []
    for _ in range(REPEATS):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return median(taken)
