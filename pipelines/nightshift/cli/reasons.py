"""The reasons of a row's scores as lines that a person reads."""

from collections.abc import Iterable, Mapping
from typing import Any

MOST_SHOWN = 8
PROBABILITY = "probability"


def with_readable_reasons(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What ``explain`` says, with the reasons of its row, if it has any, as texts."""
    row = facts.get("row")
    if not row:
        return dict(facts)
    reasons = row["reasons"]
    if not reasons:
        return dict(facts)
    readable = {**row, "reasons": _readable(reasons)}
    return {**facts, "row": readable}


def _readable(reasons: Mapping[str, Any]) -> dict[str, Any]:
    if "untold" in reasons:
        return dict(reasons)
    return {column: _of_column(told) for column, told in reasons.items()}


def _of_column(told: Mapping[str, Any]) -> dict[str, Any]:
    is_probability = told["unit"] == PROBABILITY
    features = told["features"]
    shown = features[:MOST_SHOWN]
    rest = features[MOST_SHOWN:]
    because = {}
    for part in shown:
        name = part["feature"]
        by_part = part["added"]
        added = _amount(by_part, is_probability)
        value = _value(part["value"])
        usual = _value(part["usual"])
        because[name] = f"{added}  it is {value}, usually {usual}"
    if rest:
        of_rest = sum(part["added"] for part in rest)
        because[f"{len(rest)} more"] = _amount(of_rest, is_probability)
    sum_of_parts = _amount(told["sum_of_parts"], is_probability)
    difference = _amount(told["difference"], is_probability)
    facts = {
        "score": f"{told['score']:.4g}",
        "usual": f"{told['usual']:.4g}, the mean of {told['background_rows']} rows of the reference",
        "because": because,
        "sum": f"{sum_of_parts}; the score less the usual one is {difference}",
        "by": _method(told, features, is_probability),
    }
    if not told["is_as_published"]:
        facts["note"] = "the night's rows are others by now: another score was published"
    return facts


def _method(told: Mapping[str, Any], features: Iterable[Mapping[str, Any]], is_probability: bool) -> str:
    largest = max(part["standard_error"] for part in features)
    if not largest:
        return f"{told['method']}, without error"
    return f"{told['method']}; standard error of a part at most {_amount(largest, is_probability).lstrip('+')}"


def _amount(value: float, is_probability: bool) -> str:
    """Probabilities in points, of which there are 100; numbers in the label's own unit."""
    return f"{100 * value:+.2f} points" if is_probability else f"{value:+.4g}"


def _value(value: Any) -> str:
    if value is None:
        return "missing"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
