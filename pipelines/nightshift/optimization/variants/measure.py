"""How fast graphs are, here and now: the way production scores, all of them taking turns."""

import time
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from nightshift.concurrency import cores, ordered_map
from nightshift.scoring.engine import UNIT_ROWS
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import ModelSpec

ROUNDS = 7
UNITS_PER_CORE = 2
FEW_ROUNDS = 3
FEW_UNITS_PER_CORE = 1
"""Of nights so small that the choice saves seconds a month."""


@dataclass(frozen=True)
class Speed:
    """Medians over the rounds: rows per second on all cores, and milliseconds to open the file and score a row."""

    rows_per_second: float
    load_ms: float


def measure(
    spec: ModelSpec, bodies: dict[str, bytes], table: pa.Table, rounds: int, units_per_core: int = UNITS_PER_CORE
) -> dict[str, Speed]:
    """Score the same units with every graph once a round, so that what else the machine does meets them all."""
    units = _units(spec, table, units_per_core)
    first_row = units[0].slice(0, 1)
    graphs = {name: OnnxGraph(spec, body) for name, body in bodies.items()}
    scoring: defaultdict[str, list[float]] = defaultdict(list)
    loading: defaultdict[str, list[float]] = defaultdict(list)
    for graph in graphs.values():
        _seconds_to_score(graph, units)
    for _ in range(rounds):
        for name, graph in graphs.items():
            to_score = _seconds_to_score(graph, units)
            to_load = _seconds_to_load(spec, bodies[name], first_row)
            scoring[name].append(to_score)
            loading[name].append(to_load)
    rows = sum(unit.num_rows for unit in units)
    return {name: _speed(rows, scoring[name], loading[name]) for name in bodies}


def _speed(rows: int, scoring: list[float], loading: list[float]) -> Speed:
    to_score = float(np.median(scoring))
    to_load = float(np.median(loading))
    return Speed(
        rows_per_second=rows / to_score,
        load_ms=1000 * to_load,
    )


def _units(spec: ModelSpec, table: pa.Table, per_core: int) -> list[pa.RecordBatch]:
    """The table's rows over and over, cut as scoring cuts a night, with strings held as scoring holds them."""
    rows = cores() * per_core * UNIT_ROWS
    places = np.arange(rows) % table.num_rows
    features = table.select(list(spec.features))
    repeated = features.take(pa.array(places)).combine_chunks()
    for place, name in enumerate(spec.features):
        if not spec.columns[name].numeric:
            texts = repeated[name].dictionary_encode()
            repeated = repeated.set_column(place, name, texts)
    units = repeated.combine_chunks().to_batches(max_chunksize=UNIT_ROWS)
    return [unit for unit in units if unit.num_rows]


def _seconds_to_score(graph: OnnxGraph, units: list[pa.RecordBatch]) -> float:
    started = time.perf_counter()
    scored = ordered_map(graph.score, units, cores(), len(units))
    for _ in scored:
        pass
    return time.perf_counter() - started


def _seconds_to_load(spec: ModelSpec, body: bytes, row: pa.RecordBatch) -> float:
    started = time.perf_counter()
    graph = OnnxGraph(spec, body)
    graph.score(row)
    return time.perf_counter() - started
