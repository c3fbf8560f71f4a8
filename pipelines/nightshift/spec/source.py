"""Where the rows of a night come from: a Python file, files, a SQL query, or a function of a package."""

import codecs
import difflib
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    Tag,
    field_validator,
    model_serializer,
    model_validator,
)

from nightshift.spec.base import Frozen


class PythonSource(Frozen):
    """Functions in a Python file beside model.yaml."""

    python: str = Field(description="file beside model.yaml", pattern=r"^[A-Za-z_][A-Za-z0-9_]*\.py$")
    features: str = Field("features", description="function (date) -> DataFrame of what is known that night")
    labels: str = Field("labels", description="function (date) -> DataFrame of keys and label, known later")


DecimalMark = Literal[".", ","]


class CsvFormat(Frozen):
    """How CSV files are written; the types of their columns are the spec's."""

    separator: str = Field(",", description="between two fields", min_length=1, max_length=1)
    encoding: str = Field("utf-8", description="of the text, in Python's word; a byte-order mark is passed over")

    decimal: DecimalMark = Field(
        ".",
        description="what stands before the decimals of a number; with a comma, dots may stand between thousands:"
        " 1.234,56",
    )

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            codecs.lookup(name)
        except LookupError as error:
            raise ValueError(f"got {name!r}, allowed: names like utf-8, cp1252, latin-1, utf-16") from error
        return name

    @model_serializer(mode="wrap")
    def _without_the_usual_mark(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Nights, and caches, know by a digest of this how they were made, also those of before there was the key.
        content: dict[str, Any] = handler(self)
        if self.decimal == ".":
            del content["decimal"]
        return content


PYTHON_FILE = r"^[A-Za-z_][A-Za-z0-9_]*\.py$"
Transform = Annotated[
    str | None,
    Field(
        description="file beside model.yaml with transform(night, rows): a night's rows, without the label, as a"
        " DataFrame or, where it says so, an Arrow table; it gives as many rows back, in their order",
        pattern=PYTHON_FILE,
    ),
]


class FilesSource(Frozen):
    """Parquet or CSV files by pattern."""

    files: str = Field(
        description="pattern: s3://bucket/folder/*.parquet, or a path; .parquet, .csv, .tsv, .csv.gz or .tsv.gz",
        min_length=1,
    )
    csv: CsvFormat = Field(CsvFormat(), description="how CSV files are written, see below")
    night: Literal["column", "path", "arrival"] = Field(
        "column",
        description="what says which night a row is of: a column, name=value in the path, or the day its file came",
    )
    column: str | None = Field(None, description="that column, or that name in the path; partition.column by default")
    transform: Transform = None


class SqlSource(Frozen):
    """A query through SQLAlchemy; its address holds a password, so the spec only names where that is kept."""

    sql: str = Field(description="SELECT with :night, the date of the night", min_length=1)
    url_variable: str = Field(
        description="environment variable with the SQLAlchemy URL", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"
    )
    transform: Transform = None

    @model_validator(mode="after")
    def _asks_for_a_night(self) -> Self:
        if ":night" not in self.sql:
            raise ValueError("sql has no :night, so every night would have the same rows")
        return self


class CallableSource(Frozen):
    """A function of an installed package: (date) -> DataFrame or Arrow table with features and label."""

    callable: str = Field(
        description="package.module:function", pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$", examples=["shop.nights:rows"]
    )


TAGS = ("python", "files", "sql", "callable")


def tag_of(value: Any) -> str | None:
    """Which of the four it is: by the key that only that one has, or by one that is nearly it."""
    keys = value if isinstance(value, dict) else getattr(value, "__dict__", {})
    for tag in TAGS:
        if tag in keys:
            return tag
    for key in keys:
        nearest = difflib.get_close_matches(str(key), TAGS, n=1)
        if nearest:
            return nearest[0]
    return None


def label_tag_of(value: Any) -> str | None:
    """As ``tag_of``; a text is the name of a column."""
    return COLUMN if isinstance(value, str) else tag_of(value)


COLUMN = "column"
Source = Annotated[
    Annotated[PythonSource, Tag("python")]
    | Annotated[FilesSource, Tag("files")]
    | Annotated[SqlSource, Tag("sql")]
    | Annotated[CallableSource, Tag("callable")],
    Discriminator(
        tag_of,
        custom_error_type="source_kind",
        custom_error_message="needs one of python, files, sql, callable",
    ),
]
LabelSource = Annotated[
    Annotated[str, Field(min_length=1), Tag(COLUMN)]
    | Annotated[PythonSource, Tag("python")]
    | Annotated[FilesSource, Tag("files")]
    | Annotated[SqlSource, Tag("sql")]
    | Annotated[CallableSource, Tag("callable")],
    Discriminator(
        label_tag_of,
        custom_error_type="source_kind",
        custom_error_message="needs the name of a column, or one of python, files, sql, callable",
    ),
]
