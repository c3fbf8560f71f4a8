"""What a graph does beside its scores of good rows: on missing and moved inputs, in bytes and in seconds.

Each question is asked where ``gates`` has a bound for it.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightshift.modelling.arrays import Floats
from nightshift.modelling.gate.comparison import Answer, GateRow
from nightshift.modelling.gate.differences import Pair
from nightshift.modelling.gate.night_values import NightMeans
from nightshift.modelling.gate.slices import answer_to
from nightshift.modelling.holdout import LabelledRows
from nightshift.spec import ModelSpec

MOVED_BY = 0.1
"""Of a number's standard deviation."""
ROUNDS = 5
ROWS_TIMED = 20_000


@dataclass(frozen=True)
class Behaviour:
    """A model as one that scores rows, and how many bytes its graph has, where that is known."""

    score: Callable[[pa.Table], Floats]
    bytes: int | None = None


def judge_behaviour(
    spec: ModelSpec,
    rows: LabelledRows,
    challenger: Behaviour,
    champion: Behaviour,
) -> Answer:
    """All questions that the spec asks, as rows of the table and objections."""
    table: list[GateRow] = []
    objections: list[str] = []
    for question in (_robustness, _size, _speed):
        answer = question(spec, rows, challenger, champion)
        table += answer.table
        objections += answer.objections
    return Answer(table, objections)


def _robustness(
    spec: ModelSpec,
    rows: LabelledRows,
    challenger: Behaviour,
    champion: Behaviour,
) -> Answer:
    """On spoilt inputs the challenger may not surely be worse than the champion by more than is allowed."""
    allowed = spec.gates.robustness
    if allowed is None:
        return Answer([], [])
    named: dict[str, NightMeans] = {}
    for name, spoilt in _spoilt(spec, rows.table):
        pair = Pair(
            spec=spec,
            rows=rows,
            challenger=challenger.score(spoilt),
            champion=champion.score(spoilt),
        )
        values = pair.values(spec.metric)
        if values is not None and values.nights >= spec.gates.slice_min_nights:
            named[name] = values
    return answer_to(spec, named, allowed)


def _spoilt(spec: ModelSpec, table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """The rows without each feature that may be null, and with all fractional numbers moved a little."""
    moved = table
    random = np.random.default_rng(spec.training.seed)
    for name in spec.features:
        place = table.column_names.index(name)
        field = table.schema.field(place)
        if spec.columns[name].nullable:
            nothing = pa.nulls(table.num_rows, field.type)
            yield f"{name} missing", table.set_column(place, field, nothing)
        if pa.types.is_floating(field.type):
            values = _moved(table[name], random)
            moved = moved.set_column(place, field, values)
    if moved is not table:
        yield "numbers moved", moved


def _moved(values: pa.ChunkedArray, random: np.random.Generator) -> pa.ChunkedArray:
    spread = pc.stddev(values).as_py() or 0.0
    noise = random.normal(0, MOVED_BY * spread, len(values))
    moved = pc.add(values, pa.array(noise))
    return moved.cast(values.type)


def _size(
    spec: ModelSpec,
    rows: LabelledRows,
    challenger: Behaviour,
    champion: Behaviour,
) -> Answer:
    if spec.gates.size_ratio is None or not challenger.bytes or not champion.bytes:
        return Answer([], [])
    ratio = challenger.bytes / champion.bytes
    return _ratio("bytes", ratio, spec.gates.size_ratio)


def _speed(
    spec: ModelSpec,
    rows: LabelledRows,
    challenger: Behaviour,
    champion: Behaviour,
) -> Answer:
    """The median ratio of seconds over alternating rounds, so that a busy machine is busy for both."""
    if spec.gates.speed_ratio is None:
        return Answer([], [])
    timed = rows.table.slice(0, ROWS_TIMED)
    ratios = []
    for _ in range(ROUNDS):
        of_champion = _seconds(champion, timed)
        of_challenger = _seconds(challenger, timed)
        ratios.append(of_challenger / of_champion)
    return _ratio("seconds", statistics.median(ratios), spec.gates.speed_ratio)


def _seconds(model: Behaviour, table: pa.Table) -> float:
    started = time.perf_counter()
    model.score(table)
    return time.perf_counter() - started


def _ratio(what: str, ratio: float, most: float) -> Answer:
    is_too_much = ratio > most
    verdict = "too much" if is_too_much else "passes"
    row = GateRow(what, ratio, None, None, verdict, f"at most {most:g} times the champion's")
    if not is_too_much:
        return Answer([row], [])
    return Answer([row], [f"it takes {ratio:.2f} times the {what} of the champion (allowed {most:g})"])
