"""What a first spec says of each column, and why: every decision carries the number it came from."""

import datetime as dt
import math
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from nightshift.authoring.calendar import TREND
from nightshift.authoring.codes import are_codes, code_texts, is_flag
from nightshift.authoring.facts import MOST_HASHES, ColumnFacts
from nightshift.authoring.keys import KeyRole
from nightshift.authoring.spec_types import NAMES, type_of
from nightshift.spec.columns import LARGEST_WHOLE, MomentPart
from nightshift.stores.types import FIXED

MOST_CATEGORIES = 100
MOST_LEARNT = 1000
ROWS_PER_CATEGORY = 5
NEAR_UNIQUE = 0.9
FEWEST_ROWS = 50
RANGED = {"int16", "int32", "int64", "float32", "float64", "decimal", "date"}
ID = "each row has its own number: an id"


@dataclass(frozen=True)
class DraftLine:
    """One column of the spec: its keys, and what the comment says."""

    keys: dict[str, Any]
    comment: str


@dataclass(frozen=True)
class ColumnContext:
    """What is known of a column besides its own values: of which nights, whether it is a key, and the calendar.

    ``early`` counts the nights that limits are drafted from; ``unlimited`` is why there are none. ``parts`` are those
    of a moment that differ.
    """

    alias: str
    nights: Counter[dt.date]
    early: ColumnFacts
    key: KeyRole | None = None
    unlimited: str | None = None
    parts: tuple[MomentPart, ...] = ()


def line(facts: ColumnFacts, context: ColumnContext) -> DraftLine:
    """The line of one column."""
    keys, meaning = _meaning(facts, context)
    column_type = keys["type"]
    reason = _no_feature(facts, column_type, context)
    comments = _nulls(context.early, context.nights, keys)
    comments += meaning
    has_limits = context.early.distinct > 1 and context.key is None and reason is None
    if has_limits and (column_type in RANGED or column_type == "string"):
        comments += _limits(context, column_type, keys)
    comments += _infinite(facts, keys)
    if context.parts:
        keys["parts"] = list(context.parts)
        comments.append(f"features: its {' and '.join(context.parts)}, on the clock of partition.timezone")
    if context.key is not None and reason is None:
        comments.append(context.key.rule)
    if reason is None and _is_beyond_float32(facts, column_type):
        keys["rounded"] = True
        comments.append(f"{LARGEST_WHOLE:,} and more: the model learns it to 7 digits")
    if reason is not None:
        keys["feature"] = False
        comments.append(f"no feature: {reason}")
    return DraftLine(keys, "; ".join(comments))


def _meaning(facts: ColumnFacts, context: ColumnContext) -> tuple[dict[str, Any], list[str]]:
    """The type of a column, and a comment where its numbers are no quantities."""
    keys = dict(type_of(facts.kind) or {})
    if context.key is not None:
        return keys, []
    if is_flag(context.alias, facts, context.unlimited):
        return {"type": "bool"}, ["0 and 1 alone: a flag"]
    if are_codes(context.alias, facts, context.unlimited):
        return {"type": "string", "codes": True}, ["whole numbers that name something, by the column's name"]
    return keys, []


def _limits(context: ColumnContext, column_type: str, keys: dict[str, Any]) -> list[str]:
    if context.unlimited is not None:
        return [f"no limits: {context.unlimited}"]
    if column_type == "string":
        return _values(context.early, keys)
    return _range(context.early, keys)


def _no_feature(facts: ColumnFacts, column_type: str, context: ColumnContext) -> str | None:
    """Why a column cannot be learnt from, if it cannot."""
    key = context.key
    if column_type == "timestamp":
        return None if context.parts else "a moment is no quantity"
    if facts.known == 0:
        return "always null"
    if facts.distinct + bool(facts.infinite) == 1:
        return "one value only"
    if key is not None and key.is_id:
        return key.rule
    if column_type == "string" and _nearly_unique(facts):
        return f"{facts.distinct:,} different texts, nearly one a row: an id"
    if column_type == "string" and facts.distinct > MOST_LEARNT:
        return f"{facts.distinct:,} different texts would be learnt by heart"
    numbers_rows = key is not None or facts.distinct == facts.known
    if "int" in column_type and numbers_rows and _nearly_unique(facts):
        return ID
    if context.unlimited == TREND:
        return f"{TREND}: of other nights it has other values, and the last of those seen would stand for all of them"
    return None


def _is_beyond_float32(facts: ColumnFacts, column_type: str) -> bool:
    """Whether it has whole numbers that a graph's float32 rounds."""
    if not column_type.startswith("int"):
        return False
    if not facts.known:
        return False
    low = abs(facts.low)
    high = abs(facts.high)
    return bool(max(low, high) >= LARGEST_WHOLE)


WITHOUT: dict[str, tuple[str, ...]] = {
    "null": (),
    "range": ("min", "max"),
    "null share": ("max_null_share",),
}
"""The keys that a check needs, by its kind."""


def without(line: DraftLine, kind: str, why: str) -> DraftLine:
    """The line without a check, and the reason in its comment."""
    keys = {name: value for name, value in line.keys.items() if name not in WITHOUT[kind]}
    if kind == "null":
        keys["nullable"] = True
    actions = {check: action for check, action in keys.pop("on_breach", {}).items() if check != kind}
    if actions:
        keys["on_breach"] = actions
    return DraftLine(keys, f"{line.comment}; {why}")


def _nearly_unique(facts: ColumnFacts) -> bool:
    if facts.known < FEWEST_ROWS:
        return False
    counted = min(facts.known, MOST_HASHES)
    return facts.distinct >= NEAR_UNIQUE * counted


def _nulls(facts: ColumnFacts, nights: Counter[dt.date], keys: dict[str, Any]) -> list[str]:
    if not facts.nulls:
        return ["no null"]
    keys["nullable"] = True
    shares = [nulls / nights[night] for night, nulls in facts.nulls_by_night.items()]
    worst = max(shares)
    percent = math.ceil(100 * (1.5 * worst + 0.05))
    limit = percent / 100
    if limit < 1:
        keys["max_null_share"] = limit
    share = facts.nulls / facts.rows
    return [f"{share:.1%} null, at most {worst:.1%} of a night"]


def _range(facts: ColumnFacts, keys: dict[str, Any]) -> list[str]:
    limits = bounds(facts)
    if limits:
        keys |= limits
        keys["on_breach"] = {"range": "drop"}
    low = _short(facts.low)
    high = _short(facts.high)
    return [f"seen {low} to {high}"]


def _infinite(facts: ColumnFacts, keys: dict[str, Any]) -> list[str]:
    if not facts.infinite:
        return []
    others = keys.get("on_breach", {})
    keys["on_breach"] = {**others, "finite": "drop"}
    return [f"{facts.infinite:,} infinite values, whose rows are dropped"]


def bounds(facts: ColumnFacts) -> dict[str, Any]:
    """Limits as far beyond what was seen as that is wide; what was never negative stays so; dates have no end."""
    if isinstance(facts.low, dt.date):
        return {"min": _earlier(facts.low, facts.high)}
    low = float(facts.low)
    high = float(facts.high)
    span = (high - low) or abs(high) or 1.0
    least = 0.0
    most = 0.0
    if low < 0:
        least = outward(low - span)
    if high > 0:
        most = outward(high + span)
    limits = {"min": least, "max": most}
    kept_type = FIXED.get(NAMES.get(facts.kind, ""), facts.kind)
    within = {name: limit for name, limit in limits.items() if _is_within(limit, kept_type)}
    return {name: _int_if_whole(limit) for name, limit in within.items()}


def _earlier(low: dt.date, high: dt.date) -> dt.date:
    """As long before the first day as the last is after it, and no earlier than a date can be."""
    a_year = dt.timedelta(days=365)
    days = max(high - low, a_year)
    farthest = low - dt.date.min
    earlier = min(days, farthest)
    return low - earlier


def _is_within(limit: float, kind: pa.DataType) -> bool:
    """Whether a limit says more than the type does."""
    if pa.types.is_decimal(kind):
        return math.isfinite(limit)
    numpy_type = kind.to_pandas_dtype()
    if pa.types.is_integer(kind):
        widest = np.iinfo(numpy_type)
        return bool(widest.min < limit < widest.max)
    largest = float(np.finfo(numpy_type).max)
    return abs(limit) < largest


def _int_if_whole(limit: float) -> float:
    is_whole = limit == int(limit)
    is_exact = abs(limit) < 2**53
    if is_whole and is_exact:
        return int(limit)
    return limit


def outward(value: float) -> float:
    """The next number away from zero with two digits, as people write limits."""
    if value == 0 or not math.isfinite(value):
        return value
    size = Decimal(abs(value))
    exponent = math.floor(math.log10(abs(value)))
    unit = Decimal(1).scaleb(exponent - 1)
    units = math.ceil(size / unit)
    rounded = units * unit
    return math.copysign(rounded, value)


def _values(facts: ColumnFacts, keys: dict[str, Any]) -> list[str]:
    values = facts.values
    distinct = f"{facts.distinct:,} different texts"
    if values is None or len(values) > MOST_CATEGORIES:
        return [f"{distinct}: too many for a list"]
    fewest_rows = ROWS_PER_CATEGORY * len(values)
    if not values or facts.known < fewest_rows:
        return [f"{distinct}, too few rows for a list"]
    keys["values"] = code_texts(facts) if keys.get("codes") else sorted(values)
    keys["closed"] = False
    return [f"all {len(values)} texts that were seen; rows with others score, unless closed is true"]


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)
