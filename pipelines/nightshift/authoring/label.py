"""Which kind of label it is, by its values."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from nightshift.authoring.facts import ColumnFacts
from nightshift.authoring.outcomes import Outcomes, as_word, is_whole, outcomes_of
from nightshift.errors import UsageError
from nightshift.modelling.label_types.usual import says_no, says_yes, usual_positive
from nightshift.spec.label import LabelKind
from nightshift.stores.types import is_number_or_bool

FEW_NUMBERS = 20
MOST_CLASSES = 100
SEPARATORS = ("|", ";", ",")
QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class LabelFacts:
    """The kind of a label, the texts that mean yes and no, the classes, the quantiles; ``why`` is the comment.

    ``nulls`` are texts that stand for no outcome; ``doubts`` are what a person should look at.
    """

    kind: LabelKind
    why: str
    positive: str | None = None
    negative: str | None = None
    classes: tuple[str, ...] = ()
    quantiles: tuple[float, ...] = ()
    separator: str = ""
    nulls: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


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
    outcomes = outcomes_of(name, facts)
    kind = wanted or _likely_kind(facts, outcomes)
    label = FACTS[kind](name, facts, outcomes)
    return replace(label, nulls=outcomes.nulls, doubts=outcomes.doubts + label.doubts)


def _likely_kind(facts: ColumnFacts, outcomes: Outcomes) -> LabelKind:
    values = outcomes.rows
    if values is not None and len(values) == 2:
        return "binary"
    if not is_number_or_bool(facts.kind):
        return "multiclass"
    if values is None or len(values) > FEW_NUMBERS:
        return "regression"
    return "multiclass" if all(map(is_whole, values)) else "regression"


def _regression(name: str, facts: ColumnFacts, outcomes: Outcomes) -> LabelFacts:
    why = _of_numbers(name, facts, "regression")
    return LabelFacts("regression", why)


def _quantile(name: str, facts: ColumnFacts, outcomes: Outcomes) -> LabelFacts:
    why = _of_numbers(name, facts, "quantile")
    return LabelFacts("quantile", why, quantiles=QUANTILES)


def _of_numbers(name: str, facts: ColumnFacts, kind: LabelKind) -> str:
    """What there is to say of a label of numbers. Raises ``UsageError`` for one of texts."""
    if not is_number_or_bool(facts.kind):
        raise UsageError(
            f"--label-type {kind}: {name} is text",
            fix="give another --label-type",
        )
    return f"{facts.distinct} different numbers from {facts.low} to {facts.high}"


def _binary(name: str, facts: ColumnFacts, outcomes: Outcomes) -> LabelFacts:
    values = _counted_classes(name, facts, outcomes)
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
    positive, reason, is_guess = _positive(values)
    negative = next(value for value in values if value != positive)
    share = values[positive] / rows
    label = LabelFacts(
        "binary",
        f"two values; {share:.1%} of the labelled rows; {reason}",
        positive=as_word(positive),
        negative=as_word(negative),
    )
    if not is_guess:
        return label
    doubt = (
        f"label {name}: {label.positive!r} is predicted and {label.negative!r} is its opposite, which is a guess"
        f" ({reason}): turn positive and negative round in model.yaml if it is the other way"
    )
    return replace(label, doubts=(doubt,))


def _positive(values: dict[Any, int]) -> tuple[Any, str, bool]:
    """Which of two values is the one to predict, why, and whether that is a guess."""
    one, other = values
    usual = usual_positive(as_word(one), as_word(other))
    if usual is not None:
        is_one = as_word(one) == usual
        return (one if is_one else other), "the usual reading", False
    saying_yes = [value for value in values if says_yes(as_word(value))]
    if len(saying_yes) == 1:
        return saying_yes[0], "it says yes", True
    not_saying_no = [value for value in values if not says_no(as_word(value))]
    if len(not_saying_no) == 1:
        return not_saying_no[0], "the other says no", True
    rarer = min(values, key=lambda value: (values[value], as_word(value)))
    return rarer, "the rarer of the two", True


def _multiclass(name: str, facts: ColumnFacts, outcomes: Outcomes) -> LabelFacts:
    values = _counted_classes(name, facts, outcomes)
    if len(values) < 3 or not all(isinstance(value, str) or is_whole(value) for value in values):
        raise UsageError(
            f"--label-type multiclass: {name} has {len(values)} different values, and three or more are needed,"
            " texts or whole numbers",
            fix="give another --label-type",
        )
    smallest = min(values.values())
    classes = tuple(as_word(value) for value in sorted(values))
    why = f"{len(classes)} classes, the rarest with {smallest} rows"
    return LabelFacts("multiclass", why, classes=classes)


def _multilabel(name: str, facts: ColumnFacts, outcomes: Outcomes) -> LabelFacts:
    values = _counted_classes(name, facts, outcomes)
    texts = [value for value in values if isinstance(value, str)]
    separator = max(SEPARATORS, key=lambda mark: sum(mark in text for text in texts))
    classes = {part.strip() for text in texts for part in text.split(separator) if part.strip()}
    if len(classes) < 2:
        raise UsageError(
            f"--label-type multilabel: {name} has {len(classes)} classes, and two or more are needed, with"
            f" {' or '.join(SEPARATORS)} between those of a row",
            fix="give another --label-type, or write label.separator in model.yaml",
        )
    why = f"any of {len(classes)} classes, in {len(values)} combinations"
    return LabelFacts("multilabel", why, classes=tuple(sorted(classes)), separator=separator)


def _counted_classes(name: str, facts: ColumnFacts, outcomes: Outcomes) -> dict[Any, int]:
    """Rows by value. Raises ``UsageError`` for more values than can be classes."""
    values = outcomes.rows
    if values is None or len(values) > MOST_CLASSES:
        numeric = is_number_or_bool(facts.kind)
        raise UsageError(
            f"--label: {name} has {facts.distinct} different values, more than the {MOST_CLASSES} that can be classes",
            fix="give --label-type regression" if numeric else "name another column",
        )
    return values


FACTS: dict[LabelKind, Callable[[str, ColumnFacts, Outcomes], LabelFacts]] = {
    "binary": _binary,
    "multiclass": _multiclass,
    "regression": _regression,
    "quantile": _quantile,
    "multilabel": _multilabel,
}
