"""The columns of a night, and what is expected of each."""

import datetime as dt
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from nightshift.spec.base import Action, Frozen, Name, is_off
from nightshift.spec.patterns import require_pattern

ColumnType = Literal[
    "string",
    "bool",
    "int16",
    "int32",
    "int64",
    "float32",
    "float64",
    "decimal",
    "date",
    "timestamp",
]
MomentPart = Literal["hour", "weekday", "day", "month"]
"""What a clock and a calendar say of a moment; weekdays are 1 to 7 from Monday on."""
LONGEST_TEXT = 2**16
LARGEST_WHOLE = 2**24
"""From here on float32, which a graph is given, rounds whole numbers."""
CheckKind = Literal["null", "finite", "range", "values", "pattern"]
"""What may be wrong with one value; ``finite`` holds for every float column by itself."""


class Column(Frozen):
    """One column of a night and what is expected of it."""

    type: ColumnType = Field(description="what the lake keeps; what does not fit it exactly is refused")
    source: str | None = Field(None, description="its name in the source, where that is another", min_length=1)
    nulls: tuple[str, ...] = Field(
        (), description="texts that mean null in the source, besides the empty field of a CSV"
    )
    scale: int = Field(2, ge=0, le=18, description="digits after the point, for decimal")
    optional: bool = Field(False, description="true: null where the source has no such column; else that is refused")
    nullable: bool = Field(False, description="whether null is allowed")
    min: float | dt.date | None = Field(None, description="smallest allowed value, for numbers and dates")
    max: float | dt.date | None = Field(None, description="largest allowed value, for numbers and dates")
    values: tuple[str, ...] | None = Field(None, description="the known values, for strings")
    closed: bool | None = Field(
        None,
        description="true: nothing but values is allowed, as by default where they are given; false: another text is"
        " scored as one that training has not seen, and counted",
    )
    max_length: int | None = Field(
        None,
        ge=1,
        description="for strings: bytes of the longest text, in UTF-8; a longer one is refused; 64 KiB by default",
    )
    pattern: str | None = Field(None, description="regular expression that strings match")
    max_null_share: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None, description="refuse a night with a larger share of nulls"
    )
    on_breach: Action | dict[CheckKind, Action] = Field(
        "refuse", description="refuse the night or drop the row; for all its checks, or check by check"
    )
    feature: bool = Field(True, description="false: kept with the row, not given to the model")
    personal: bool = Field(
        False,
        description="true: of what a server by day keeps, a text is kept as its code alone, and as a key not at all; a"
        " number that is a feature has no code, and then no row is kept",
        exclude_if=is_off,
    )
    rounded: bool = Field(
        False,
        description="for whole numbers: true has the model learn them to 7 digits; else a training goes without a"
        " feature that has any of 16,777,216 or more",
    )
    codes: bool = Field(False, description="for strings: the source has whole numbers, which name something; 7 is '7'")
    parts: tuple[MomentPart, ...] = Field(
        (),
        description="for timestamps: features <name>_<part> of type int16, read on the clock of partition.timezone when"
        " a night comes in, and kept; weekday is 1 to 7 from Monday on",
    )
    of: Name | None = Field(None, description="the timestamp that it is a part of; parts write such columns")
    part: MomentPart | None = Field(None, description="which part of that timestamp it is")

    @property
    def numeric(self) -> bool:
        """Everything but strings, which are categories. Dates count as days, see ``modelling.inputs.as_float32``."""
        return self.type != "string"

    @property
    def may_be_null(self) -> bool:
        """Whether a row may have no value there."""
        return self.nullable or self.optional

    @property
    def is_whole(self) -> bool:
        """Whether it holds whole numbers alone."""
        if self.type == "decimal":
            return self.scale == 0
        return self.type.startswith("int")

    @property
    def is_exact(self) -> bool:
        """Whether its numbers are whole ones that may not be rounded."""
        return self.is_whole and not self.rounded

    @property
    def open_category(self) -> bool:
        """Whether a night may hold categories that training has not seen."""
        return not self.numeric and self.allowed is None

    @property
    def allowed(self) -> tuple[str, ...] | None:
        """The only values that do not breach it, where there is such a list."""
        return None if self.closed is False else self.values

    @property
    def longest_text(self) -> int:
        """How many bytes a text may have."""
        return self.max_length or LONGEST_TEXT

    def action(self, check: CheckKind) -> Action:
        """What a breach of one of its checks does."""
        if isinstance(self.on_breach, dict):
            return self.on_breach.get(check, "refuse")
        return self.on_breach

    @model_validator(mode="before")
    @classmethod
    def _its_parts_are_the_features(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and raw.get("parts"):
            return {"feature": False, **raw}
        return raw

    @model_validator(mode="after")
    def _parts_are_of_a_timestamp(self) -> Self:
        if self.parts and self.type != "timestamp":
            raise ValueError("parts are for a timestamp")
        if (self.of is None) != (self.part is None):
            raise ValueError("of and part go together: which timestamp, and which part of it")
        if self.of is not None and (self.type != "int16" or self.source is not None):
            raise ValueError("a part of a timestamp is an int16, and the source does not have it")
        return self

    @model_validator(mode="after")
    def _bounds_fit_the_type(self) -> Self:
        bounds = [bound for bound in (self.min, self.max) if bound is not None]
        if bounds and self.type in {"string", "timestamp"}:
            raise ValueError("min and max are for numeric columns")
        is_date = self.type == "date"
        if any(isinstance(bound, dt.date) != is_date for bound in bounds):
            wanted = "dates" if is_date else "numbers"
            raise ValueError(f"min and max of type {self.type} are {wanted}")
        return self

    @model_validator(mode="after")
    def _checks_fit_the_type(self) -> Self:
        if self.numeric and (self.values is not None or self.pattern is not None):
            raise ValueError("values and pattern are for string columns")
        if self.numeric and self.max_length is not None:
            raise ValueError("max_length is for string columns")
        if self.closed and self.values is None:
            raise ValueError("closed: true needs values, the list of those that are allowed")
        if self.rounded and not self.is_whole:
            raise ValueError("rounded is for whole numbers: int16, int32, int64, or decimal with scale: 0")
        if self.codes and self.type != "string":
            raise ValueError("codes are for a string column: whole numbers as texts")
        if self.type == "timestamp" and self.feature:
            raise ValueError("a timestamp is no feature: give parts: [hour, weekday], or feature: false")
        return self

    @model_validator(mode="after")
    def _pattern_compiles(self) -> Self:
        if self.pattern is not None:
            require_pattern(self.pattern)
        return self

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:  # type: ignore[operator]
            raise ValueError(f"min {self.min} is above max {self.max}")
        return self


def with_parts_written(columns: dict[Any, Any]) -> dict[Any, Any]:
    """Columns as YAML has them, with one more for each of ``parts``. Raises ``ValueError`` for a name that is taken."""
    written: dict[Any, Any] = {}
    for name, column in columns.items():
        written[name] = column
        parts = column.get("parts") if isinstance(column, dict) else None
        for part in parts if isinstance(parts, list | tuple) else ():
            alias = f"{name}_{part}"
            own = columns.get(alias)
            if own is None:
                nullable = column.get("nullable", False)
                written[alias] = {"type": "int16", "of": name, "part": part, "nullable": nullable}
            elif not isinstance(own, dict) or own.get("of") != name:
                raise ValueError(f"columns.{name}.parts writes {alias}, which columns has already: rename one")
    return written
