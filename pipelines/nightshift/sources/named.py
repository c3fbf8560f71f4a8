"""From the source's names and types to the spec's."""

import difflib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from nightshift.errors import SchemaMismatch
from nightshift.spec import ModelSpec
from nightshift.stores.types import REFUSALS, arrow_type, fitted, is_text

log = logging.getLogger("nightshift")
MOST_SHOWN = 30


@dataclass(frozen=True)
class WantedColumns:
    """What is asked of a source: ``names`` are the source's by the spec's."""

    spec: ModelSpec
    partition: str
    names: dict[str, str]

    @property
    def label(self) -> bool:
        """Whether the label is asked for, and not the features."""
        return self.spec.label.column in self.names

    def require(self, there: Sequence[str], where: str) -> None:
        """Raise ``SchemaMismatch`` for the wanted columns that are not ``there``."""
        if missing := [_said(alias, name) for alias, name in self.names.items() if name not in there]:
            near = difflib.get_close_matches(next(n for n in self.names.values() if n not in there), there, n=1)
            hint = f"; did {near[0]!r} mean it?" if near else ""
            shown = ", ".join(map(str, there[:MOST_SHOWN])) + (", ..." if len(there) > MOST_SHOWN else "")
            raise SchemaMismatch(
                f"{where}: column {', '.join(missing)} missing; got {shown}{hint}",
                fix="mend the source, or the columns in model.yaml",
            )

    def say_left_out(self, there: Iterable[str]) -> None:
        """Log which columns the spec does not name, once for a night."""
        known = {*self.names.values(), self.spec.label.source or self.spec.label.column, self.spec.partition.column}
        left_out = [str(name) for name in dict.fromkeys(there) if name not in known]
        if left_out and not self.label:
            shown, night = ", ".join(left_out[:MOST_SHOWN]), f"{self.spec.name} {self.partition}"
            log.info("%s: %d columns are not in model.yaml and were left out: %s", night, len(left_out), shown)

    def fit(self, columns: dict[str, Any], where: str, texts: Iterable[str] = ()) -> pa.Table:
        """Columns by the spec's names as a table: the spec's columns typed, a label as it came, or as text.

        ``texts`` are columns in which numbers are text. Raises ``SchemaMismatch``, with the first value.
        """
        found = {alias: self._fitted(alias, values, where, alias in texts) for alias, values in columns.items()}
        return pa.table(found)

    def joined(self, parts: Sequence[pa.Table]) -> pa.Table:
        """Parts of the night in one. Raises ``SchemaMismatch`` where a label is of two types."""
        try:
            return pa.concat_tables(parts, promote_options="permissive")
        except REFUSALS as error:
            raise SchemaMismatch(
                f"{self.spec.name} {self.partition}: the label {self.spec.label.column} is of two types: {error}",
                fix="mend the source",
            ) from error

    def _fitted(self, alias: str, values: Any, where: str, as_text: bool) -> pa.Array:
        column, zone = self.spec.columns.get(alias), self.spec.partition.timezone
        try:
            if column is None:
                return self._label(fitted_label(values), as_text)
            return fitted(values, arrow_type(column), zone, as_text=as_text)
        except REFUSALS as error:
            kind = column.type if column else f"a {self.spec.label.type} label"
            raise SchemaMismatch(
                f"{where}: column {_said(alias, self.names[alias])} is not {kind}: {error}",
                fix="mend the source, or the type in model.yaml",
            ) from error

    def _label(self, values: pa.Array, as_text: bool) -> pa.Array:
        label = self.spec.label
        if label.classes or label.positive is not None:
            return as_words(values)
        if not as_text or not is_text(values.type):
            return values
        return _number_or_truth(values)


def fitted_label(values: Any) -> pa.Array:
    """A label as Arrow has it, dictionaries decoded and NaN as null; strings as plain strings."""
    found = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values, from_pandas=True)
    if isinstance(found, pa.ChunkedArray):
        found = found.combine_chunks()
    if pa.types.is_dictionary(found.type):
        found = found.dictionary_decode()
    return found.cast(pa.string()) if is_text(found.type) else found


def as_words(values: pa.Array) -> pa.Array:
    """A label as text: 7 and 7.0 are both "7", truth values "true" and "false"."""
    if pa.types.is_floating(values.type):
        values = fitted(values, pa.int64())
    return values if is_text(values.type) else values.cast(pa.string())


def _number_or_truth(texts: pa.Array) -> pa.Array:
    try:
        return fitted(texts, pa.float64(), as_text=True)
    except REFUSALS:
        return fitted(texts, pa.bool_(), as_text=True)


def _said(alias: str, name: str) -> str:
    return alias if alias == name else f"{alias} (in the source {name!r})"
