"""Sets of classes: as texts, as a source and the lake have them, and as numbers, as everything else does."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightshift.modelling.arrays import Array, Float64s
from nightshift.spec import ModelSpec
from nightshift.stores.types import is_text


def sets_of(has: Array) -> Float64s:
    """Rows by classes, (n, k), as sums of two to the power of the places, (n,)."""
    powers = 2.0 ** np.arange(has.shape[1])
    return np.asarray(has @ powers, np.float64)


def members(spec: ModelSpec, values: pa.Array) -> pa.Array:
    """Texts or lists of texts as texts, each class once and without blanks around it; others as they are."""
    is_list = pa.types.is_list(values.type) or pa.types.is_large_list(values.type)
    if is_list:
        return _of_lists(spec, values)
    is_nothing = pa.types.is_null(values.type)
    if not is_nothing and not is_text(values.type):
        return values
    encoded = pc.dictionary_encode(values.cast(pa.string()))
    plain = []
    for text in encoded.dictionary.to_pylist():
        names = split(spec, text)
        plain.append(_joined(spec, names))
    known = pa.array(plain, pa.string())
    return known.take(encoded.indices)


def _of_lists(spec: ModelSpec, values: pa.Array) -> pa.Array:
    texts = []
    for names in values.to_pylist():
        text = None if names is None else _joined(spec, names)
        texts.append(text)
    return pa.array(texts, pa.string())


def split(spec: ModelSpec, text: str) -> list[str]:
    """The classes in a text; none in an empty one, or in ``label.none``."""
    label = spec.label
    plain = text.strip()
    if plain in ("", label.none):
        return []
    names = plain.split(label.separator)
    return [name.strip() for name in names]


def _joined(spec: ModelSpec, names: list[str]) -> str:
    texts = map(str, names)
    once = dict.fromkeys(texts)
    separator = spec.label.separator
    return separator.join(once)


def number_of(spec: ModelSpec, text: str) -> float | None:
    """A text as a number; None where it has a class that the spec does not name."""
    number = 0
    for name in split(spec, text):
        if name not in spec.label.classes:
            return None
        number |= 1 << spec.label.classes.index(name)
    return float(number)


def unknown_members(spec: ModelSpec, texts: pa.Array) -> dict[str, int]:
    """Classes that the spec does not name, and in how many rows each is."""
    rows: Counter[str] = Counter()
    counts = pc.value_counts(texts.drop_null())
    for count in counts.to_pylist():
        names = split(spec, count["values"])
        strange = set(names).difference(spec.label.classes)
        for name in strange:
            rows[name] += count["counts"]
    return dict(sorted(rows.items()))
