"""Which kind of label it is, by its values."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from nightshift.authoring.facts import ColumnFacts
from nightshift.errors import UsageError
from nightshift.spec.learning import LabelKind
from nightshift.stores.types import is_number

FEW_NUMBERS = 20
MOST_CLASSES = 100
YES = ("yes", "y", "true", "t", "positive", "pos", "malignant", "bad", "late", "churned", "fraud", "default")


@dataclass(frozen=True)
class LabelFacts:
    """The kind of a label, the text that means yes, the classes; ``why`` is the comment."""

    task: LabelKind
    why: str
    positive: str | None = None
    classes: tuple[str, ...] = ()


def recognised(name: str, facts: ColumnFacts, wanted: LabelKind | None) -> LabelFacts:
    """What the values say, or what ``wanted`` overrules. Raises ``UsageError`` where they cannot be that."""
    numeric = is_number(facts.kind)
    if not numeric and not pa.types.is_string(facts.kind):
        raise UsageError(f"--label: {name} is {facts.kind}, which nothing here predicts", fix="name another column")
    if facts.distinct < 2 and not facts.infinite:
        raise UsageError(
            f"--label: {name} has {facts.distinct} different values in {facts.rows} rows: nothing to learn",
            fix="name another column, or data that has more",
        )
    task = wanted or _task(facts, numeric)
    if task == "regression":
        return _regression(name, facts, numeric)
    if facts.values is None or len(facts.values) > MOST_CLASSES:
        raise UsageError(
            f"--label: {name} has {facts.distinct} different values, more than the {MOST_CLASSES} that can be classes",
            fix="give --label-type regression" if numeric else "name another column",
        )
    return _binary(name, facts) if task == "binary" else _multiclass(name, facts)


def _task(facts: ColumnFacts, numeric: bool) -> LabelKind:
    if facts.distinct == 2:
        return "binary"
    few = facts.values is not None and len(facts.values) <= FEW_NUMBERS and all(_whole(v) for v in facts.values)
    return "multiclass" if not numeric or few else "regression"


def _regression(name: str, facts: ColumnFacts, numeric: bool) -> LabelFacts:
    if not numeric:
        raise UsageError(f"--label-type regression: {name} is text", fix="give another --label-type")
    return LabelFacts("regression", f"{facts.distinct} different numbers from {facts.low} to {facts.high}")


def _binary(name: str, facts: ColumnFacts) -> LabelFacts:
    values = dict(facts.values or {})
    if len(values) != 2:
        raise UsageError(f"--label-type binary: {name} has {len(values)} different values", fix="give another one")
    if pa.types.is_boolean(facts.kind) or set(values) == {0, 1}:
        share = next(count for value, count in values.items() if value) / sum(values.values())
        return LabelFacts("binary", f"two values; {share:.1%} of the labelled rows are positive")
    known = [value for value in values if as_word(value).strip().lower() in YES]
    positive = known[0] if len(known) == 1 else min(values, key=lambda value: (values[value], as_word(value)))
    reason = "it says yes" if len(known) == 1 else "the rarer of the two"
    share = values[positive] / sum(values.values())
    return LabelFacts("binary", f"two values; {share:.1%} of the labelled rows; {reason}", positive=as_word(positive))


def _multiclass(name: str, facts: ColumnFacts) -> LabelFacts:
    values = dict(facts.values or {})
    if len(values) < 3 or not all(isinstance(value, str) or _whole(value) for value in values):
        raise UsageError(
            f"--label-type multiclass: {name} has {len(values)} different values, and three or more are needed,"
            " texts or whole numbers",
            fix="give another --label-type",
        )
    smallest = min(values.values())
    classes = tuple(as_word(value) for value in sorted(values))
    return LabelFacts("multiclass", f"{len(classes)} classes, the rarest with {smallest} rows", classes=classes)


def as_word(value: Any) -> str:
    """A class as the source's reader gives it: 7 and 7.0 are both "7"."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if _whole(value) else str(value)


def _whole(value: Any) -> bool:
    if isinstance(value, str):
        return False
    return bool(value == int(value))
