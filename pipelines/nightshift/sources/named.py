"""From the source's names and types to the spec's."""

import difflib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from nightshift.errors import SchemaMismatch
from nightshift.spec import ModelSpec
from nightshift.stores.types import REFUSALS, arrow_type, decoded, fitted, is_text, plain_array

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

    def require(self, columns: Sequence[str], where: str) -> None:
        """Raise ``SchemaMismatch`` for the wanted columns that are not among ``columns``."""
        missing = {alias: name for alias, name in self.names.items() if name not in columns}
        if not missing:
            return
        first = next(iter(missing.values()))
        nearest = difflib.get_close_matches(first, columns, n=1)
        hint = f"; did {nearest[0]!r} mean it?" if nearest else ""
        got = ", ".join(map(str, columns[:MOST_SHOWN]))
        if len(columns) > MOST_SHOWN:
            got += ", ..."
        named = ", ".join(_named(alias, name) for alias, name in missing.items())
        raise SchemaMismatch(
            f"{where}: column {named} missing; got {got}{hint}",
            fix="mend the source, or the columns in model.yaml",
        )

    def say_left_out(self, columns: Iterable[str]) -> None:
        """Log which columns the spec does not name, once for a night."""
        label = self.spec.label
        known = {
            *self.names.values(),
            label.source or label.column,
            self.spec.partition.column,
        }
        left_out = [str(name) for name in dict.fromkeys(columns) if name not in known]
        if self.label or not left_out:
            return
        log.info(
            "%s: %d columns are not in model.yaml and were left out: %s",
            f"{self.spec.name} {self.partition}",
            len(left_out),
            ", ".join(left_out[:MOST_SHOWN]),
        )

    def fit(self, columns: dict[str, Any], where: str, texts: Iterable[str] = ()) -> pa.Table:
        """Columns by the spec's names as a table: the spec's columns typed, a label as it came, or as text.

        ``texts`` are columns in which numbers are text. Raises ``SchemaMismatch``, with the first value.
        """
        typed = {}
        for alias, values in columns.items():
            as_text = alias in texts
            typed[alias] = self._fitted(alias, values, where, as_text)
        return pa.table(typed)

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
        column = self.spec.columns.get(alias)
        timezone = self.spec.partition.timezone
        try:
            if column is None:
                return self._label(fitted_label(values), as_text)
            if column.codes:
                values = as_words(plain_array(values))
            return fitted(values, arrow_type(column), timezone, as_text=as_text)
        except REFUSALS as error:
            name = _named(alias, self.names[alias])
            wanted = column.type if column else f"a {self.spec.label.type} label"
            raise SchemaMismatch(
                f"{where}: column {name} is not {wanted}: {error}",
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
    label = values
    if not isinstance(values, pa.Array | pa.ChunkedArray):
        label = pa.array(values, from_pandas=True)
    if isinstance(label, pa.ChunkedArray):
        label = label.combine_chunks()
    label = decoded(label)
    return label.cast(pa.string()) if is_text(label.type) else label


def as_words(values: pa.Array) -> pa.Array:
    """A label as text: 7 and 7.0 are both "7", truth values "true" and "false"."""
    if pa.types.is_floating(values.type):
        values = fitted(values, pa.int64())
    if is_text(values.type):
        return values
    return values.cast(pa.string())


def _number_or_truth(texts: pa.Array) -> pa.Array:
    try:
        return fitted(texts, pa.float64(), as_text=True)
    except REFUSALS:
        return fitted(texts, pa.bool_(), as_text=True)


def _named(alias: str, name: str) -> str:
    if alias == name:
        return alias
    return f"{alias} (in the source {name!r})"
