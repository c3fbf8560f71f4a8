"""The lines of all columns: what each is, which of them to watch for drift, and which tell too much."""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from nightshift.authoring.calendar import days_of, unlimited
from nightshift.authoring.decide import ColumnContext, DraftLine, line
from nightshift.authoring.facts import ColumnFacts, Counted
from nightshift.authoring.keys import KeyRole
from nightshift.authoring.leaks import leaks, strengths
from nightshift.authoring.sums import SumLeak, sum_leaks
from nightshift.errors import UsageError
from nightshift.modelling.arrays import Int64s
from nightshift.sources.parts import part_of
from nightshift.spec.columns import MomentPart
from nightshift.spec.label import LabelKind

DRIFT_FEATURES = 8
EARLY_SHARE = 2 / 3
FEWEST_NIGHTS = 3
DRAFTED_PARTS: tuple[MomentPart, ...] = ("hour", "weekday")


@dataclass(frozen=True)
class DraftColumns:
    """The lines of all columns but the label's, which of them to watch for drift, and which tell too much."""

    lines: dict[str, DraftLine]
    drift: list[str]
    leaks: list[str]


class EarlyNights:
    """The first two thirds of the nights, from which checks are drafted; the others show what those would cost."""

    def __init__(self, nights: Iterable[dt.date], types: dict[str, pa.DataType]) -> None:
        in_order = sorted(nights)
        count = round(EARLY_SHARE * len(in_order))
        if len(in_order) < FEWEST_NIGHTS:
            count = len(in_order)
        self.nights = in_order[:count]
        self.late = in_order[count:]
        self.facts = {name: ColumnFacts(kind) for name, kind in types.items()}

    def counting(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The same batches, whose first column is the night, while the early rows are counted."""
        early = pa.array(self.nights, pa.date32())
        for batch in batches:
            is_early = pc.is_in(batch.column(0), value_set=early)
            rows = batch.filter(is_early)
            for name, facts in self.facts.items():
                facts.add(rows.column(0), rows.column(name))
            yield batch


@dataclass(frozen=True)
class SourceFacts:
    """What was counted of the data, and what each key is; by the source's names."""

    counted: Counted
    early: EarlyNights
    nights: Counter[dt.date]
    keys: dict[str, KeyRole]
    label: str
    timezone: str


def draft_columns(
    facts: SourceFacts,
    names: dict[str, str],
    label_kind: LabelKind,
    taken: Collection[str] = (),
) -> DraftColumns:
    """``names`` has the spec's name of each of the source's columns; ``taken`` are names of other things."""
    days = days_of(facts.counted.sample.column(0))
    lines = {alias: _line(name, names, facts, days, taken) for name, alias in names.items()}
    strength = _strengths(facts, lines, names, label_kind)
    suspects = leaks(strength, label_kind)
    moments = part_names(lines)
    for leak in suspects:
        alias = moments.get(leak.column, leak.column)
        comment = f"LOOK AT IT: {leak.told}; {lines[alias].comment}"
        lines[alias] = DraftLine(lines[alias].keys, comment)
    told = {leak.column for leak in suspects}
    sums = _sums(facts, names, strength.keys() - told, label_kind)
    for together in sums:
        for alias in together.columns:
            comment = f"LOOK AT IT: {together.told}; {lines[alias].comment}"
            lines[alias] = DraftLine(lines[alias].keys, comment)
            told.add(alias)
    honest = strength.keys() - told
    strongest_first = sorted(honest, key=lambda name: (-strength[name], name))
    return DraftColumns(
        lines=lines,
        drift=strongest_first[:DRIFT_FEATURES],
        leaks=[*map(str, suspects), *map(str, sums)],
    )


def part_names(lines: dict[str, DraftLine]) -> dict[str, str]:
    """The moment of each column that ``parts`` write, by its name."""
    moments = {}
    for alias, line_of_moment in lines.items():
        for part in line_of_moment.keys.get("parts", ()):
            moments[f"{alias}_{part}"] = alias
    return moments


def _line(
    name: str,
    names: dict[str, str],
    facts: SourceFacts,
    days: Int64s,
    taken: Collection[str],
) -> DraftLine:
    alias = names[name]
    column_facts = facts.counted.facts[name]
    values = facts.counted.sample[name]
    context = ColumnContext(
        alias=alias,
        nights=facts.nights,
        early=facts.early.facts[name],
        key=facts.keys.get(name),
        unlimited=unlimited(alias, column_facts, days, values),
        parts=_parts(alias, values, [*names.values(), *taken], facts.timezone),
    )
    return line(column_facts, context)


def _parts(
    alias: str,
    values: pa.ChunkedArray,
    taken: Collection[str],
    timezone: str,
) -> tuple[MomentPart, ...]:
    """The parts of a moment that differ from row to row, where their names are free."""
    if not pa.types.is_timestamp(values.type):
        return ()
    differing: list[MomentPart] = []
    for part in DRAFTED_PARTS:
        distinct = pc.unique(part_of(values, part, timezone).drop_null())
        if len(distinct) > 1 and f"{alias}_{part}" not in taken:
            differing.append(part)
    return tuple(differing)


def _sums(
    facts: SourceFacts,
    names: dict[str, str],
    among: Collection[str],
    kind: LabelKind,
) -> list[SumLeak]:
    """Columns that add up to the label, of those that do not tell it alone."""
    sample = facts.counted.sample
    chosen = {name: alias for name, alias in names.items() if alias in among}
    table = sample.select(list(chosen)).rename_columns(list(chosen.values()))
    return sum_leaks(table, sample[facts.label], kind)


def _strengths(
    facts: SourceFacts,
    lines: dict[str, DraftLine],
    names: dict[str, str],
    kind: LabelKind,
) -> dict[str, float]:
    """How well each feature alone tells the label, by the spec's names; 0 for all of too few rows."""
    features = [name for name, alias in names.items() if lines[alias].keys.get("feature", True)]
    if not features:
        raise UsageError(
            "no column of the data can be a feature",
            fix="give data with columns that vary",
        )
    sample = facts.counted.sample
    columns = {}
    for name in features:
        alias = names[name]
        parts: tuple[MomentPart, ...] = lines[alias].keys.get("parts", ())
        for part in parts:
            columns[f"{alias}_{part}"] = part_of(sample[name], part, facts.timezone)
        if not parts:
            columns[alias] = sample[name]
    strength = strengths(pa.table(columns), sample[facts.label], kind)
    return strength or dict.fromkeys(columns, 0.0)
