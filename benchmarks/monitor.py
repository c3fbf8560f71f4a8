"""``monitor.*``: seconds to monitor a scored night of 1,000 rows, and one of 10,000,000.

Real flights, drawn anew, of which no labels have arrived: how good a night was is measured on all of its rows.
"""

from statistics import median

import numpy as np

from benchmarks.nights import drawn
from benchmarks.rivals import seconds
from benchmarks.world import World
from nightshift.contracts import Dataset
from nightshift.modelling.holdout import read_snapshot
from nightshift.steps.monitor import monitor
from nightshift.steps.predict import predict

FEW_ROWS = 1_000
MANY_ROWS = 10_000_000
NIGHTS = {FEW_ROWS: "2013-04-02", MANY_ROWS: "2013-04-03"}
ROUNDS = 5


def figures(world: World) -> dict[str, float]:
    """By turns, after one of each to warm up; the median of the ratios."""
    assert world.pin
    for rows in NIGHTS:
        _score(world, rows)
        _seconds(world, rows)
    rounds = [{rows: _seconds(world, rows) for rows in NIGHTS} for _ in range(ROUNDS)]
    for of_round in rounds:
        world.console.print(", ".join(f"{rows:,} rows {taken:.2f} s" for rows, taken in of_round.items()))
    ratios = [of_round[MANY_ROWS] / of_round[FEW_ROWS] for of_round in rounds]
    return {
        "monitor.seconds_vs_rows": median(ratios),
        "monitor.seconds_at_1k": float(np.median([of_round[FEW_ROWS] for of_round in rounds])),
        "monitor.seconds_at_10m": float(np.median([of_round[MANY_ROWS] for of_round in rounds])),
    }


def _score(world: World, rows: int) -> None:
    """Validate nothing, score and publish: what monitoring finds of a night."""
    spec = world.spec
    lake = world.stores.lake
    world.console.print(f"writing and scoring a night of {rows:,} rows ...")
    real = read_snapshot(spec, world.stores.snapshots.checkout(world.snapshot.md5)).select(list(spec.columns))
    draft = lake.begin(spec.key(Dataset.VALIDATED, NIGHTS[rows]))
    file = lake.add(draft, 0, drawn(real, rows), real.schema)
    lake.commit(draft, [file], real.schema, rows_in=rows, provenance=world.stores.provenance())
    predict(spec, NIGHTS[rows], world.stores)


def _seconds(world: World, rows: int) -> float:
    return seconds(lambda: monitor(world.spec, NIGHTS[rows], world.stores))
