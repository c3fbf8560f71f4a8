"""Parquet types that Arrow reads and cannot work with, or that mean more than their Arrow type says."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nightshift.stores.types import TIMESTAMP

INT96 = "INT96"
LOCAL_INT96 = "impala"
"""Who writes INT96 by the clock of its machine; all others, Spark first, write UTC."""


@dataclass(frozen=True)
class Conversion:
    """How a column becomes one that can be filtered and counted, and of which type it is then."""

    to: pa.DataType
    convert: Callable[[pa.Array], pa.Array]


def conversions(schema: pa.Schema, metadata: Any) -> dict[str, Conversion]:
    """What has to be converted of a file, by its columns' names."""
    leaves = [metadata.schema.column(place) for place in range(metadata.num_columns)]
    by_path = {leaf.path: leaf for leaf in leaves}
    is_local = str(metadata.created_by or "").lower().startswith(LOCAL_INT96)
    needed = {}
    for field in schema:
        conversion = None
        leaf = by_path.get(field.name)
        if leaf is not None:
            conversion = _by_leaf(field.type, leaf, is_local=is_local)
        if conversion is None:
            conversion = _by_type(field.type)
        if conversion is not None:
            needed[field.name] = conversion
    return needed


def _by_leaf(kind: pa.DataType, leaf: Any, *, is_local: bool) -> Conversion | None:
    """What only the column of the file says: a moment without a zone that is one of UTC, bytes that are a UUID."""
    is_naive = pa.types.is_timestamp(kind) and kind.tz is None
    if leaf.physical_type == INT96 and is_naive and not is_local:
        return Conversion(TIMESTAMP, _of_utc)
    if leaf.logical_type.type == "UUID":
        return Conversion(pa.string(), _uuid_texts)
    return None


def _by_type(kind: pa.DataType) -> Conversion | None:
    if pa.types.is_dictionary(kind):
        return _of_dictionary(kind)
    to = _plain(kind)
    if to is None:
        return None
    return Conversion(to, lambda values: _storage(values).cast(to))


def _of_dictionary(kind: pa.DataType) -> Conversion | None:
    of_values = _by_type(kind.value_type)
    if of_values is None:
        return None

    def convert(values: pa.Array) -> pa.Array:
        dictionary = of_values.convert(values.dictionary)
        array = pa.DictionaryArray.from_arrays(values.indices, dictionary)
        return array.dictionary_decode()

    return Conversion(of_values.to, convert)


def _plain(kind: pa.DataType) -> pa.DataType | None:
    """The type of the same values that Arrow's functions take; None where it is one."""
    if isinstance(kind, pa.BaseExtensionType):
        storage = kind.storage_type
        return _plain(storage) or storage
    if pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_binary_view(kind):
        return pa.binary()
    if pa.types.is_float16(kind):
        return pa.float32()
    if pa.types.is_decimal32(kind) or pa.types.is_decimal64(kind):
        return pa.decimal128(kind.precision, kind.scale)
    return None


def _storage(values: pa.Array) -> pa.Array:
    if isinstance(values, pa.ExtensionArray):
        return values.storage
    return values


def _of_utc(moments: pa.Array) -> pa.Array:
    zoned = pc.assume_timezone(moments, "UTC")
    return zoned.cast(TIMESTAMP, safe=False)


def _uuid_texts(values: pa.Array) -> pa.Array:
    texts: list[str | None] = []
    stored = _storage(values)
    for value in stored.to_pylist():
        if value is None:
            texts.append(None)
            continue
        identifier = uuid.UUID(bytes=value)
        texts.append(str(identifier))
    return pa.array(texts, pa.string())
