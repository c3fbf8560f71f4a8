"""Ray Data's documented batch inference: ``read_parquet``, ``map_batches`` with a class on actors, ``write_parquet``.

An actor pool lives as long as one pass, so each pass starts its actors and opens its sessions anew. Tried on two
cores: blocks of 16 MiB beat Ray's 128 MiB, of which 5,000,000 rows are too few to keep two actors busy; batches of
16k and 64k rows are alike; actors that take all CPUs leave none to read with, and nothing ends.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pyarrow as pa
from pyarrow import fs

from benchmarks.peer_child import Job, cores, serve
from benchmarks.peer_graph import PeerGraph, needed

BATCH_ROWS = 16_384
BLOCK_BYTES = 16 * 2**20
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # Without "clusters" Ray's servers listen on loopback only; the switch has no name of its own on Linux.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    # Footers are read by 32 processes otherwise, of which two cores need 15 s to start.
    "RAY_DATA_PARQUET_FOOTER_NUM_ACTORS": "1",
}


class Predictor:
    """What each actor holds."""

    def __init__(self, job: Job) -> None:
        self._graph = PeerGraph(job.graph, job.keys, job.threshold)

    def __call__(self, batch: pa.Table) -> pa.Table:
        return pa.table(self._graph.columns(batch))


@contextmanager
def start(job: Job) -> Iterator[Callable[[], None]]:
    os.environ.update(ENVIRONMENT)
    import ray
    import ray.data

    with tempfile.TemporaryDirectory(prefix="ray-") as folder:
        ray.init(num_cpus=cores(), include_dashboard=False, log_to_driver=False, _temp_dir=folder)
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.target_max_block_size = BLOCK_BYTES
        columns = needed(job.graph, job.keys)
        try:
            yield lambda: score(job, columns)
        finally:
            ray.shutdown()


def score(job: Job, columns: list[str]) -> None:
    """One pass, actors included."""
    from ray.data import ActorPoolStrategy, read_parquet

    store, source = fs.FileSystem.from_uri(job.input_uri)
    rows = read_parquet(source, filesystem=store).select_columns(columns)
    scored = rows.map_batches(
        Predictor,
        fn_constructor_args=(job,),
        batch_format="pyarrow",
        batch_size=BATCH_ROWS,
        compute=ActorPoolStrategy(size=cores()),
        num_cpus=0.5,
    )
    target = fs.FileSystem.from_uri(job.output_uri)[1]
    scored.write_parquet(target, filesystem=store, mode="overwrite", compression="zstd", compression_level=1)


if __name__ == "__main__":
    serve(start)
