"""From the source's names and types to the spec's."""

import difflib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nightshift.errors import ExpectationsFailed, NoSourceData, SchemaMismatch
from nightshift.settings import Settings
from nightshift.spec import ModelSpec
from nightshift.spec.source import DecimalMark, Source
from nightshift.stores.bounds import Limits, require_short
from nightshift.stores.decimal_comma import with_points
from nightshift.stores.text_values import are_numbers, nulled, plainly, without_null_words
from nightshift.stores.types import REFUSALS, arrow_type, decoded, fitted, from_objects, is_bytes, is_text, plain_array

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

    @property
    def source(self) -> Source:
        """What is asked."""
        return self.spec.label_source if self.label else self.spec.source

    @property
    def is_of_labels_alone(self) -> bool:
        """Whether the label is asked for, of a source of its own."""
        return self.label and self.spec.label.own_source is not None

    def awaits_label(self, columns: Sequence[str]) -> bool:
        """Whether the label is asked for, and is not among ``columns`` yet."""
        return self.label and self.spec.label.source_name not in columns

    def no_label_yet(self, where: str) -> NoSourceData:
        """What is said of rows without a label: that of a night that is not known yet is no fault."""
        return NoSourceData(
            f"{where}: there is no column {self.spec.label.source_name} yet: the night has no labels",
            fix="nothing to do; if it has another name there, correct label in model.yaml",
        )

    def require(self, columns: Sequence[str], where: str) -> None:
        """Raise ``SchemaMismatch`` for the wanted columns that are not among ``columns``, and may not be missing.

        ``NoSourceData`` where the label is missing, which is not known yet.
        """
        absent = self._absent(columns)
        missing = {alias: name for alias, name in absent.items() if not self._is_optional(alias)}
        if not missing:
            return
        if self.awaits_label(columns):
            raise self.no_label_yet(where)
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

    def present(self, columns: Sequence[str], where: str) -> dict[str, str]:
        """The names of those that are among ``columns``. Raises as ``require``."""
        self.require(columns, where)
        present = dict(self.names)
        absent = self._absent(columns)
        for alias, name in absent.items():
            log.info("%s: no column %s: null in its rows", where, name)
            present.pop(alias)
        return present

    def _absent(self, columns: Sequence[str]) -> dict[str, str]:
        absent = {}
        for alias, name in self.names.items():
            if name not in columns:
                absent[alias] = name
        return absent

    def _is_optional(self, alias: str) -> bool:
        column = self.spec.columns.get(alias)
        return column is not None and column.optional

    def say_left_out(self, columns: Iterable[str]) -> None:
        """Log which columns the spec does not name, once for a night."""
        label = self.spec.label
        known = {
            *self.names.values(),
            label.source_name,
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

    def fit(
        self,
        columns: dict[str, Any],
        where: str,
        texts: Iterable[str] = (),
        commas: Iterable[str] = (),
    ) -> pa.Table:
        """Columns by the spec's names as a table: the spec's columns typed, a label as it came, or as text.

        ``texts`` are columns in which numbers are text, ``commas`` those of them with a decimal comma; an optional
        column that is not there is null. Raises ``SchemaMismatch``, with the first value.
        """
        typed = {}
        for alias, values in columns.items():
            decimal: DecimalMark = "," if alias in commas else "."
            typed[alias] = self._fitted(alias, values, where, decimal if alias in texts else None)
        rows = max(map(len, typed.values()))
        for alias in self.names:
            if alias not in typed:
                kind = arrow_type(self.spec.columns[alias])
                typed[alias] = pa.nulls(rows, kind)
        table = pa.table(typed)
        return table.select(list(self.names))

    def joined(self, parts: Sequence[pa.Table]) -> pa.Table:
        """Parts of the night in one; an empty table without columns for none.

        Raises ``SchemaMismatch`` where a label is of two types, and as ``require_all_labels``.
        """
        if not parts:
            return pa.table({})
        try:
            rows = pa.concat_tables(parts, promote_options="permissive")
        except REFUSALS as error:
            raise SchemaMismatch(
                f"{self.spec.name} {self.partition}: the label {self.spec.label.column} is of two types: {error}",
                fix="mend the source",
            ) from error
        return self.require_all_labels(rows)

    def _fitted(self, alias: str, values: Any, where: str, decimal: DecimalMark | None) -> pa.Array:
        """A column as the spec has it; without ``decimal`` its texts are no numbers."""
        column = self.spec.columns.get(alias)
        timezone = self.spec.partition.timezone
        try:
            if column is None:
                return self._label(fitted_label(values), decimal)
            known = without_markers(values, column.nulls)
            if column.codes:
                known = _codes(plain_array(known), decimal)
            typed = fitted(
                known,
                arrow_type(column),
                timezone,
                as_text=decimal is not None,
                decimal=decimal or ".",
            )
        except REFUSALS as error:
            name = _named(alias, self.names[alias])
            wanted = column.type if column else f"a {self.spec.label.type} label"
            raise SchemaMismatch(
                f"{where}: column {name} is not {wanted}: {error}",
                fix="mend the source, or the type in model.yaml",
            ) from error
        if not column.numeric:
            longest = pc.max(pc.binary_length(typed)).as_py()
            require_short(longest, column.longest_text, f"{where}: column {_named(alias, self.names[alias])}")
        return typed

    def limits(self, settings: Settings) -> Limits:
        """How much its files may hold."""
        texts = {}
        for alias, name in self.names.items():
            column = self.spec.columns.get(alias)
            if column is not None and not column.numeric:
                texts[name] = column.longest_text
        return Limits(texts, settings.max_group_bytes)

    @property
    def most_rows(self) -> int | None:
        """How many rows are read of a night: one more than it may have, so that validation sees that it has more.

        Labels of their own source may be of more rows than the night has.
        """
        most = self.spec.night.max_rows
        if most is None or self.is_of_labels_alone:
            return None
        return most + 1

    def rows_left(self, rows: int) -> int | None:
        """How many more are read after so many; None where there is no end."""
        return None if self.most_rows is None else max(0, self.most_rows - rows)

    def require_all_labels(self, rows: pa.Table) -> pa.Table:
        """The same rows. Raises ``ExpectationsFailed`` for labels of a night that has more rows than it may have."""
        if self.label and self.rows_left(rows.num_rows) == 0:
            raise ExpectationsFailed(
                f"{self.spec.name} {self.partition}: the source has more rows than night.max_rows,"
                f" {self.spec.night.max_rows}, so that no labels are read",
                fix="mend the source, or raise night.max_rows in model.yaml",
            )
        return rows

    def _label(self, values: pa.Array, decimal: DecimalMark | None) -> pa.Array:
        label = self.spec.label
        known = without_markers(values, label.nulls)
        if label.texts:
            if decimal is not None and are_numbers(label.texts):
                known = without_null_words(known)
                known = with_points(known) if decimal == "," else known
            return as_words(known)
        if decimal is None or not is_text(known.type):
            return known
        return _number_or_truth(known, decimal)


def without_markers(values: Any, markers: Sequence[str]) -> Any:
    """The same values; texts that the spec calls null are null."""
    if not markers:
        return values
    array = plain_array(values)
    if not is_text(array.type):
        return array
    return nulled(array.cast(pa.string()), markers)


def fitted_label(values: Any) -> pa.Array:
    """A label as Arrow has it, dictionaries decoded and NaN as null; strings as plain strings."""
    label = decoded(from_objects(values))
    is_words = is_text(label.type) or is_bytes(label.type)
    return fitted(label, pa.string()) if is_words else label


def as_words(values: pa.Array) -> pa.Array:
    """A label as text: 7 and 7.0 are both "7", truth values "true" and "false"."""
    if is_text(values.type):
        return values
    if pa.types.is_floating(values.type):
        values = _whole_where_all_are(values)
    return plainly(values.cast(pa.string()))


def _whole_where_all_are(floats: pa.Array) -> pa.Array:
    try:
        return fitted(floats, pa.int64())
    except REFUSALS:
        return plain_array(floats)


def _codes(values: pa.Array, decimal: DecimalMark | None) -> pa.Array:
    """Whole numbers that name something as text, each in its shortest spelling where they came as text."""
    if decimal is not None and is_text(values.type):
        values = without_null_words(values)
        values = with_points(values) if decimal == "," else values
    return plainly(as_words(values))


def _number_or_truth(texts: pa.Array, decimal: DecimalMark) -> pa.Array:
    try:
        return fitted(texts, pa.float64(), as_text=True, decimal=decimal)
    except REFUSALS:
        return fitted(texts, pa.bool_(), as_text=True)


def _named(alias: str, name: str) -> str:
    if alias == name:
        return alias
    return f"{alias} (in the source {name!r})"
