"""What a first spec says of each column, and why: every decision carries the number it came from."""

import datetime as dt
import math
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from nightshift.authoring.facts import MOST_HASHES, ColumnFacts
from nightshift.stores.types import DECIMAL_DIGITS

MOST_CATEGORIES = 100
MOST_LEARNT = 1000
ROWS_PER_CATEGORY = 5
NEAR_UNIQUE = 0.9
FEWEST_ROWS = 50
MOST_SCALE = 18
RANGED = {"int16", "int32", "int64", "float32", "float64", "decimal", "date"}
ID = "each row has its own number: an id"
MOVING = "it moves with the night"
NAMES: dict[pa.DataType, str] = {
    pa.bool_(): "bool",
    pa.int8(): "int16",
    pa.uint8(): "int16",
    pa.int16(): "int16",
    pa.uint16(): "int32",
    pa.int32(): "int32",
    pa.uint32(): "int64",
    pa.int64(): "int64",
    pa.uint64(): "int64",
    pa.float16(): "float32",
    pa.float32(): "float32",
    pa.float64(): "float64",
    pa.string(): "string",
    pa.null(): "string",
    pa.date32(): "date",
    pa.date64(): "date",
}


@dataclass(frozen=True)
class DraftLine:
    """One column of the spec: its keys, and what the comment says."""

    keys: dict[str, Any]
    comment: str


def type_of(kind: pa.DataType) -> dict[str, Any] | None:
    """``type`` and ``scale`` of a column; None for what a spec has no type for."""
    if pa.types.is_timestamp(kind):
        return {"type": "timestamp"}
    if pa.types.is_decimal(kind):
        fits = 0 <= kind.scale <= MOST_SCALE and kind.precision <= DECIMAL_DIGITS
        return {"type": "decimal", "scale": kind.scale} if fits else {"type": "float64"}
    return {"type": NAMES[kind]} if kind in NAMES else None


def line(facts: ColumnFacts, nights: Counter[dt.date], *, key: bool, only_key: bool, moves: bool) -> DraftLine:
    """The line of one column. ``moves``: it goes with the night, as a date of the order does."""
    keys = dict(type_of(facts.kind) or {})
    reason = _no_feature(facts, keys["type"], key, only_key, moves)
    said = _nulls(facts, nights, keys)
    if facts.distinct > 1 and not key and reason not in {ID, MOVING}:
        said += _range(facts, keys) if keys["type"] in RANGED else []
        said += _values(facts, keys) if keys["type"] == "string" else []
    said += _infinite(facts, keys)
    if reason is None:
        return DraftLine(keys, "; ".join(said))
    return DraftLine({**keys, "feature": False}, "; ".join([*said, f"no feature: {reason}"]))


def _no_feature(facts: ColumnFacts, kind: str, key: bool, only_key: bool, moves: bool) -> str | None:
    unique = facts.known >= FEWEST_ROWS and facts.distinct >= NEAR_UNIQUE * min(facts.known, MOST_HASHES)
    reasons = {
        "the key names the row": only_key,
        "a moment is no quantity": kind == "timestamp",
        "always null": facts.known == 0,
        "one value only": facts.distinct + bool(facts.infinite) == 1,
        f"{facts.distinct:,} different texts, nearly one a row: an id": kind == "string" and unique,
        f"{facts.distinct:,} different texts would be learnt by heart": kind == "string"
        and facts.distinct > MOST_LEARNT,
        ID: "int" in kind and unique and (key or facts.distinct == facts.known),
        MOVING: moves,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _nulls(facts: ColumnFacts, nights: Counter[dt.date], keys: dict[str, Any]) -> list[str]:
    if not facts.nulls:
        return ["no null"]
    keys["nullable"] = True
    worst = max(nulls / nights[night] for night, nulls in facts.nulls_by_night.items())
    share = math.ceil(100 * (1.5 * worst + 0.05)) / 100
    if share < 1:
        keys["max_null_share"] = share
    return [f"{facts.nulls / facts.rows:.1%} null, at most {worst:.1%} of a night"]


def _range(facts: ColumnFacts, keys: dict[str, Any]) -> list[str]:
    keys |= bounds(facts)
    keys["on_breach"] = {"range": "drop"}
    return [f"seen {_shown(facts.low)} to {_shown(facts.high)}"]


def _infinite(facts: ColumnFacts, keys: dict[str, Any]) -> list[str]:
    if not facts.infinite:
        return []
    keys["on_breach"] = {**keys.get("on_breach", {}), "finite": "drop"}
    return [f"{facts.infinite:,} infinite values, whose rows are dropped"]


def bounds(facts: ColumnFacts) -> dict[str, Any]:
    """Limits as far beyond what was seen as that is wide; what was never negative stays so; dates have no end."""
    low, high = facts.low, facts.high
    if isinstance(low, dt.date):
        return {"min": low - max(high - low, dt.timedelta(days=365))}
    low, high = float(low), float(high)
    span = (high - low) or abs(high) or 1.0
    limits = {"min": 0.0 if low >= 0 else outward(low - span), "max": 0.0 if high <= 0 else outward(high + span)}
    if pa.types.is_integer(facts.kind):
        widest = np.iinfo(facts.kind.to_pandas_dtype())
        limits = {"min": max(limits["min"], widest.min), "max": min(limits["max"], widest.max)}
    return {name: int(limit) if limit == int(limit) and abs(limit) < 2**53 else limit for name, limit in limits.items()}


def outward(value: float) -> float:
    """The next number away from zero with two digits, as people write limits."""
    if value == 0 or not math.isfinite(value):
        return value
    unit = Decimal(1).scaleb(math.floor(math.log10(abs(value))) - 1)
    return float(math.copysign(math.ceil(Decimal(abs(value)) / unit) * unit, value))


def _values(facts: ColumnFacts, keys: dict[str, Any]) -> list[str]:
    if facts.values is None or len(facts.values) > MOST_CATEGORIES:
        return [f"{facts.distinct:,} different texts: too many for a list"]
    if not facts.values or facts.known < ROWS_PER_CATEGORY * len(facts.values):
        return [f"{facts.distinct:,} different texts, too few rows for a list"]
    keys["values"] = sorted(facts.values)
    keys["on_breach"] = {"values": "drop"}
    return [f"all {len(facts.values)} texts that were seen"]


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
