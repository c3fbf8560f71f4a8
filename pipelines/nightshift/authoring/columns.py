"""The lines of all columns: what each is, which of them to watch for drift, and which tell too much."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from nightshift.authoring.calendar import days_of, unlimited
from nightshift.authoring.decide import ColumnContext, DraftLine, line
from nightshift.authoring.facts import ColumnFacts, Counted
from nightshift.authoring.keys import KeyRole
from nightshift.authoring.leaks import Leak, leaks, strengths
from nightshift.errors import UsageError
from nightshift.modelling.arrays import Int64s
from nightshift.spec.learning import LabelKind

DRIFT_FEATURES = 8
EARLY_SHARE = 2 / 3
FEWEST_NIGHTS = 3


@dataclass(frozen=True)
class DraftColumns:
    """The lines of all columns but the label's, which of them to watch for drift, and which tell too much."""

    lines: dict[str, DraftLine]
    drift: list[str]
    leaks: list[Leak]


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


def draft_columns(facts: SourceFacts, names: dict[str, str], label_kind: LabelKind) -> DraftColumns:
    """``names`` has the spec's name of each of the source's columns."""
    days = days_of(facts.counted.sample.column(0))
    lines = {alias: _line(name, alias, facts, days) for name, alias in names.items()}
    strength = _strengths(facts, lines, names, label_kind)
    suspects = leaks(strength, label_kind)
    for leak in suspects:
        line_of_leak = lines[leak.column]
        comment = f"LOOK AT IT: {leak.told}; {line_of_leak.comment}"
        lines[leak.column] = DraftLine(line_of_leak.keys, comment)
    honest = strength.keys() - {leak.column for leak in suspects}
    strongest_first = sorted(honest, key=lambda name: (-strength[name], name))
    return DraftColumns(
        lines=lines,
        drift=strongest_first[:DRIFT_FEATURES],
        leaks=suspects,
    )


def _line(name: str, alias: str, facts: SourceFacts, days: Int64s) -> DraftLine:
    column_facts = facts.counted.facts[name]
    values = facts.counted.sample[name]
    context = ColumnContext(
        nights=facts.nights,
        early=facts.early.facts[name],
        key=facts.keys.get(name),
        unlimited=unlimited(alias, column_facts, days, values),
    )
    return line(column_facts, context)


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
    aliases = [names[name] for name in features]
    sample = facts.counted.sample
    table = sample.select(features).rename_columns(aliases)
    strength = strengths(table, sample[facts.label], kind)
    return strength or dict.fromkeys(aliases, 0.0)
