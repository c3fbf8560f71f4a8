"""Arrays by name as bytes: a header in JSON, then the numbers as they lie in memory. Reading them runs nothing.

The layout is that of safetensors, which any library of it reads.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from nightshift.modelling.arrays import Array

TYPES = {"F32": "<f4", "F64": "<f8", "I64": "<i8"}
NAMES = {stored: name for name, stored in TYPES.items()}
LENGTH_BYTES = 8
NOTES = "__metadata__"


def packed(arrays: Mapping[str, Array], notes: Mapping[str, str]) -> bytes:
    """The arrays, and texts beside them; the same bytes for the same content."""
    header: dict[str, Any] = {NOTES: dict(notes)}
    pieces = []
    start = 0
    for name, array in arrays.items():
        piece = np.ascontiguousarray(array).tobytes()
        end = start + len(piece)
        header[name] = {
            "dtype": NAMES[array.dtype.str],
            "shape": list(array.shape),
            "data_offsets": [start, end],
        }
        pieces.append(piece)
        start = end
    head = json.dumps(header, sort_keys=True).encode()
    length = len(head).to_bytes(LENGTH_BYTES, "little")
    return b"".join([length, head, *pieces])


def unpacked(body: bytes) -> tuple[dict[str, Array], dict[str, str]]:
    """What was packed. Raises ``ValueError`` for bytes that are nothing such."""
    length = int.from_bytes(body[:LENGTH_BYTES], "little")
    begins = LENGTH_BYTES + length
    try:
        header = json.loads(body[LENGTH_BYTES:begins])
        notes = header.pop(NOTES)
        arrays = {name: _array(entry, body[begins:]) for name, entry in header.items()}
    except (AttributeError, KeyError, RecursionError, TypeError) as error:
        raise ValueError(f"no file of arrays: {error}") from error
    return arrays, notes


def _array(entry: dict[str, Any], content: bytes) -> Array:
    start, end = entry["data_offsets"]
    stored = np.dtype(TYPES[entry["dtype"]])
    values: Array = np.frombuffer(content[start:end], stored)
    # What is read from bytes cannot be written to.
    return values.reshape(entry["shape"]).copy()
