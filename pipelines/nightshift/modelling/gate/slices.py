"""No value of a column may get worse: one question over all slices, however many there are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightshift.modelling.arrays import Float64s, Places
from nightshift.modelling.gate.comparison import Answer, GateRow
from nightshift.modelling.gate.night_values import NightMeans, of_rows
from nightshift.modelling.gate.nights import NightTest, night_tests
from nightshift.modelling.holdout import LabelledRows
from nightshift.spec import ModelSpec

OF_ERRORS = 0.7
"""Of 1 - confidence, for all slices of a candidate: the rest is for what few nights say badly of their dependence."""
MOST_ROWS = 50


@dataclass(frozen=True)
class Slice:
    """One value of one column; ``alpha`` is its part of the errors once its turn has come."""

    name: str
    test: NightTest
    p: float
    alpha: float = 0.0
    is_worse: bool = False


def judge_slices(
    spec: ModelSpec,
    columns: Sequence[str],
    rows: LabelledRows,
    differences: Float64s,
) -> Answer:
    """Every slice of enough nights and rows, by what the challenger loses on each row (n,) more than the champion.

    All values of all columns are one question, by Holm's procedure (Scandinavian Journal of Statistics 6(2), 1979).
    """
    named: dict[str, NightMeans] = {}
    small = 0
    for column in columns:
        large, others = _values(spec, column, rows, differences)
        named |= large
        small += others
    answer = answer_to(spec, named, spec.gates.slice_allowance)
    if small:
        gates = spec.gates
        needed = f"{gates.slice_min_nights} nights and {gates.slice_min_rows} rows"
        answer.table.append(GateRow(f"{small} small slices", None, None, None, "not judged", needed))
    return answer


def answer_to(spec: ModelSpec, named: dict[str, NightMeans], allowed: float) -> Answer:
    """Is one of these differences surely worse than allowed? One question, however many they are."""
    judged = _holm(spec, named, allowed)
    table = [_row(one, allowed) for one in judged[:MOST_ROWS]]
    beyond = len(judged) - len(table)
    if beyond:
        table.append(GateRow(f"{beyond} more", None, None, None, "none of them the worst"))
    worse = [one for one in judged if one.is_worse]
    return Answer(table, [_objection(spec, one, allowed) for one in worse])


def _values(
    spec: ModelSpec, column: str, rows: LabelledRows, differences: Float64s
) -> tuple[dict[str, NightMeans], int]:
    """The slices of a column by name, and how many have too few nights or rows."""
    gates = spec.gates
    large = {}
    small = 0
    for value, places in _places_by_value(rows.table[column]):
        nights = rows.nights[places]
        different = np.unique(nights)
        has_rows = len(places) >= gates.slice_min_rows
        has_nights = len(different) >= gates.slice_min_nights
        if has_rows and has_nights:
            name = f"{column} {value}"
            large[name] = of_rows(differences[places], nights)
        else:
            small += 1
    return large, small


def _places_by_value(column: pa.ChunkedArray) -> Iterator[tuple[object, Places]]:
    """Each value of a column but null, and the places of its rows."""
    whole = column.combine_chunks()
    encoded = pc.dictionary_encode(whole)
    known = encoded.indices.fill_null(-1)
    codes = known.to_numpy()
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    values = encoded.dictionary.to_pylist()
    for code, value in enumerate(values):
        first = np.searchsorted(ordered, code)
        end = np.searchsorted(ordered, code, side="right")
        yield value, order[first:end]


def _holm(spec: ModelSpec, named: dict[str, NightMeans], allowed: float) -> list[Slice]:
    """The slices, worst first; the first that is not worse ends the refusals."""
    if not named:
        return []
    tests = night_tests(list(named.values()))
    slices = []
    for name, test in zip(named, tests, strict=True):
        p = test.p_worse(allowed)
        slices.append(Slice(name, test, p))
    slices.sort(key=lambda one: (one.p, one.name))
    family = OF_ERRORS * (1 - spec.gates.confidence)
    judged = []
    refusing = True
    for place, one in enumerate(slices):
        alpha = family / (len(slices) - place)
        refusing = refusing and one.p <= alpha
        judged.append(replace(one, alpha=alpha, is_worse=refusing))
    return judged


def _row(one: Slice, allowed: float) -> GateRow:
    interval = one.test.interval(one.alpha)
    seen = allowed + one.test.detectable(one.alpha)
    return GateRow(
        one.name,
        interval.mean,
        interval.low,
        interval.high,
        "worse" if one.is_worse else "not surely worse",
        f"worse by less than {seen:.4g} is seen in fewer than 8 of 10 trainings",
    )


def _objection(spec: ModelSpec, one: Slice, allowed: float) -> str:
    interval = one.test.interval(one.alpha)
    worse_by = f"{spec.metric} {interval.mean:+.4f}"
    at_least = f"at least {interval.low:+.4f} worse"
    return f"{one.name}: {worse_by}, {at_least} (allowed {allowed})"
