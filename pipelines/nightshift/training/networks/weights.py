"""What a network has learnt, as plain arrays, and the raw scores that follow from it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from nightshift.modelling.arrays import Array, Float32s, Float64s, Int64s

PARTS = ("tables", "weights", "biases")


@dataclass(frozen=True)
class NetworkWeights:
    """``tables`` has one (values + 1, d) for each column of categories, its last row for values never seen.

    ``weights`` and ``biases`` go from scaled numbers, flags for nulls and a row of each table to (h, outputs), with
    ReLU between.
    """

    tables: Sequence[Float32s]
    weights: Sequence[Float32s]
    biases: Sequence[Float32s]

    def in_order(self) -> list[Float32s]:
        """All arrays, one after the other."""
        return [*self.tables, *self.weights, *self.biases]

    def with_arrays(self, arrays: Sequence[Float32s]) -> Self:
        """Others in the place of these, in their order."""
        tables = len(self.tables)
        layers = len(self.weights)
        return type(self)(
            tables=arrays[:tables],
            weights=arrays[tables : tables + layers],
            biases=arrays[tables + layers :],
        )

    def named(self) -> dict[str, Array]:
        """All arrays by a name of each."""
        arrays: dict[str, Array] = {}
        for part in PARTS:
            for place, array in enumerate(getattr(self, part)):
                arrays[f"{part}.{place}"] = array
        return arrays

    @classmethod
    def of(cls, arrays: Mapping[str, Array]) -> Self:
        """What ``named`` made; other names are not looked at."""
        parts = {part: list(_numbered(arrays, part)) for part in PARTS}
        return cls(**parts)

    def raw_scores(self, scaled: Float32s, codes: Int64s) -> Float64s:
        """Of n rows: scaled numbers with their flags, (n, 2k), and codes, (n, c), -1 for a value never seen."""
        parts: list[Array] = [scaled]
        for place, table in enumerate(self.tables):
            of_column = codes[:, place]
            is_known = of_column < len(table) - 1
            parts.append(table[np.where(is_known, of_column, -1)])
        values: Float64s = np.hstack(parts).astype(np.float64)
        for place, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if place > 0:
                values = np.maximum(values, 0)
            values = values @ weight + bias
        return values


def _numbered(arrays: Mapping[str, Array], part: str) -> Iterator[Array]:
    place = 0
    while f"{part}.{place}" in arrays:
        yield arrays[f"{part}.{place}"]
        place += 1
