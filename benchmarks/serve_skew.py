"""``serve.skew_rows``: rows of nights asked by day in bodies of many sizes, beside the bits that a batch gives them.

By a process of ``nightshift serve``, over HTTP, by column names; no row may differ. Where the nights that are loaded
have fewer rows, they are asked again, and fall into other bodies.
"""

import json
import sys
from collections.abc import Iterator
from itertools import cycle

import numpy as np
import pyarrow as pa
import requests
from numpy.typing import NDArray

from benchmarks.serve import MAIN, started
from benchmarks.world import AS_OF, MODEL, World
from nightshift.contracts import Dataset
from nightshift.scoring.graph import fetch
from nightshift.stack import Ports
from nightshift.steps.load import window

ROWS = 100_000
SIZES = (1, 2, 3, 7, 64, 500)


def figures(world: World) -> dict[str, float]:
    """How many of the rows have other bits, and how many were asked."""
    table = _nights(world)
    graph = fetch(world.spec, world.pin.key, world.pin.sha256, world.stores)
    expected = graph.score(table)
    port = Ports.free().s3
    command = [sys.executable, "-c", MAIN, "serve", MODEL, "--port", str(port)]
    with started(command, port, "/v2/health/ready"), requests.Session() as session:
        url = f"http://127.0.0.1:{port}/score"
        skewed = sum(_skewed(world, session, url, rows, expected[places]) for rows, places in _bodies(table))
    world.console.print(f"{skewed} of {ROWS:,} rows asked by day have other bits than in a batch")
    return {"serve.skew_rows": float(skewed), "serve.skew_rows_asked": float(ROWS)}


def _nights(world: World) -> pa.Table:
    """All validated rows of the window."""
    lake, spec = world.stores.lake, world.spec
    first, last = window(spec, AS_OF)
    nights = [night for night in lake.partitions(Dataset.VALIDATED, spec.name) if first <= night <= last]
    tables = [
        lake.read(lake.require(spec.key(Dataset.VALIDATED, night))).select(list(spec.features)) for night in nights
    ]
    return pa.concat_tables(tables).combine_chunks()


def _bodies(table: pa.Table) -> Iterator[tuple[pa.Table, NDArray[np.int64]]]:
    """Rows of a body and their places, of each size in turn, ``ROWS`` in all."""
    asked = 0
    for size in cycle(SIZES):
        few = min(size, ROWS - asked)
        if not few:
            return
        places = (np.arange(asked, asked + few)) % table.num_rows
        yield table.take(pa.array(places)), places
        asked += few


def _skewed(world: World, session: requests.Session, url: str, rows: pa.Table, expected: NDArray[np.float32]) -> int:
    body = json.dumps({"rows": rows.to_pylist()}, default=str)
    response = session.post(url, data=body, headers={"content-type": "application/json"}, timeout=60)
    response.raise_for_status()
    answer = response.json()
    if answer["sha256"] != world.pin.sha256:
        raise RuntimeError(f"{answer['sha256']} answered, and the batch is of {world.pin.sha256}")
    column = world.spec.predict.score
    scores = np.array([row[column] for row in answer["predictions"]], np.float32)
    return int(np.count_nonzero(scores.view(np.uint32) != expected.view(np.uint32)))
