"""Which type of the spec a column of the source gets."""

from typing import Any

import pyarrow as pa

from nightshift.stores.types import DECIMAL_DIGITS, is_bytes

MOST_SCALE = 18
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


def type_of(arrow_type: pa.DataType) -> dict[str, Any] | None:
    """``type`` and ``scale`` of a column; None for what a spec has no type for."""
    if pa.types.is_timestamp(arrow_type):
        return {"type": "timestamp"}
    if is_bytes(arrow_type):
        return {"type": "string"}
    if pa.types.is_decimal(arrow_type):
        return _decimal_type(arrow_type)
    if arrow_type not in NAMES:
        return None
    return {"type": NAMES[arrow_type]}


def _decimal_type(arrow_type: pa.DataType) -> dict[str, Any]:
    scale_fits = 0 <= arrow_type.scale <= MOST_SCALE
    digits_fit = arrow_type.precision <= DECIMAL_DIGITS
    if scale_fits and digits_fit:
        return {"type": "decimal", "scale": arrow_type.scale}
    return {"type": "float64"}
