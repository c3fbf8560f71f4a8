"""Numbers that are written with a decimal comma, with or without dots between thousands, as numbers with a point."""

import pyarrow as pa
import pyarrow.compute as pc

GROUPED = r"^[+-]?[1-9]\d{0,2}(\.\d{3})+(,\d*)?([eE][+-]?\d+)?$"
"""Dots between groups of three digits, before the comma, if there is one."""


def with_points(texts: pa.Array) -> pa.Array:
    """The same numbers with a decimal point alone. Raises ``pa.ArrowInvalid`` for a dot that may be such a point."""
    has_dot = pc.match_substring(texts, ".")
    is_grouped = pc.match_substring_regex(texts, GROUPED)
    astray = pc.and_not(has_dot, is_grouped)
    some = pc.any(astray)
    if some.as_py():
        raise pa.ArrowInvalid("a dot that is not between thousands, where source.csv.decimal is a comma")
    digits = pc.replace_substring(texts, ".", "")
    return pc.replace_substring(digits, ",", ".")
