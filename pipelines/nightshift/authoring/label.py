"""Which kind of label it is, by its values."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from nightshift.authoring.facts import ColumnFacts
from nightshift.errors import UsageError
from nightshift.spec.learning import LabelKind
from nightshift.stores.types import is_number_or_bool

FEW_NUMBERS = 20
MOST_CLASSES = 100
YES = ("yes", "y", "true", "t", "positive", "pos", "malignant", "bad", "late", "churned", "fraud", "default")


@dataclass(frozen=True)
class LabelFacts:
    """The kind of a label, the text that means yes, the classes; ``why`` is the comment."""

    kind: LabelKind
    why: str
    positive: str | None = None
    classes: tuple[str, ...] = ()


def recognised(name: str, facts: ColumnFacts, wanted: LabelKind | None) -> LabelFacts:
    """What the values say, or what ``wanted`` overrules. Raises ``UsageError`` where they cannot be that."""
    if not is_number_or_bool(facts.kind) and not pa.types.is_string(facts.kind):
        raise UsageError(
            f"--label: {name} is {facts.kind}, which nothing here predicts",
            fix="name another column",
        )
    if facts.distinct < 2 and not facts.infinite:
        raise UsageError(
            f"--label: {name} has {facts.distinct} different values in {facts.rows} rows: nothing to learn",
            fix="name another column, or data that has more",
        )
    kind = wanted or _likely_kind(facts)
    return FACTS[kind](name, facts)


def _likely_kind(facts: ColumnFacts) -> LabelKind:
    if facts.distinct == 2:
        return "binary"
    if not is_number_or_bool(facts.kind):
        return "multiclass"
    values = facts.values
    if values is None or len(values) > FEW_NUMBERS:
        return "regression"
    return "multiclass" if all(map(_whole, values)) else "regression"


def _regression(name: str, facts: ColumnFacts) -> LabelFacts:
    if not is_number_or_bool(facts.kind):
        raise UsageError(
            f"--label-type regression: {name} is text",
            fix="give another --label-type",
        )
    why = f"{facts.distinct} different numbers from {facts.low} to {facts.high}"
    return LabelFacts("regression", why)


def _binary(name: str, facts: ColumnFacts) -> LabelFacts:
    values = _counted_classes(name, facts)
    if len(values) != 2:
        raise UsageError(
            f"--label-type binary: {name} has {len(values)} different values",
            fix="give another one",
        )
    rows = sum(values.values())
    if pa.types.is_boolean(facts.kind) or set(values) == {0, 1}:
        positives = next(count for value, count in values.items() if value)
        share = positives / rows
        return LabelFacts("binary", f"two values; {share:.1%} of the labelled rows are positive")
    positive, reason = _positive(values)
    share = values[positive] / rows
    why = f"two values; {share:.1%} of the labelled rows; {reason}"
    return LabelFacts("binary", why, positive=as_word(positive))


def _positive(values: dict[Any, int]) -> tuple[Any, str]:
    """Which of two values is the one to predict, and why."""
    saying_yes = [value for value in values if as_word(value).strip().lower() in YES]
    if len(saying_yes) == 1:
        return saying_yes[0], "it says yes"
    rarer = min(values, key=lambda value: (values[value], as_word(value)))
    return rarer, "the rarer of the two"


def _multiclass(name: str, facts: ColumnFacts) -> LabelFacts:
    values = _counted_classes(name, facts)
    if len(values) < 3 or not all(isinstance(value, str) or _whole(value) for value in values):
        raise UsageError(
            f"--label-type multiclass: {name} has {len(values)} different values, and three or more are needed,"
            " texts or whole numbers",
            fix="give another --label-type",
        )
    smallest = min(values.values())
    classes = tuple(as_word(value) for value in sorted(values))
    why = f"{len(classes)} classes, the rarest with {smallest} rows"
    return LabelFacts("multiclass", why, classes=classes)


def _counted_classes(name: str, facts: ColumnFacts) -> dict[Any, int]:
    """Rows by value. Raises ``UsageError`` for more values than can be classes."""
    values = facts.values
    if values is None or len(values) > MOST_CLASSES:
        numeric = is_number_or_bool(facts.kind)
        raise UsageError(
            f"--label: {name} has {facts.distinct} different values, more than the {MOST_CLASSES} that can be classes",
            fix="give --label-type regression" if numeric else "name another column",
        )
    return dict(values)


FACTS: dict[LabelKind, Callable[[str, ColumnFacts], LabelFacts]] = {
    "binary": _binary,
    "multiclass": _multiclass,
    "regression": _regression,
}


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
