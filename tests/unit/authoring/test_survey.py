"""Sources as they come: what is odd in them is read, written down or left out, and stops nothing."""

import datetime as dt
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightshift.authoring.new import NewModel
from nightshift.errors import UsageError
from nightshift.settings import Settings
from nightshift.sources import features
from nightshift.stores import Stores
from tests.frames import NIGHTS, put, rows
from tests.unit.authoring.conftest import Proposal


def said(made: NewModel, word: str) -> list[str]:
    """The warnings in which a word stands."""
    return [warning for warning in made.warnings if word in warning]


@pytest.mark.parametrize("first", [2**53 + 1, 2**63, 10**19 + 7])
def test_ids_of_a_csv_are_kept_digit_by_digit(propose: Proposal, project: Settings, first: int) -> None:
    ids = [str(first + number) for number in range(400)]
    spec, made, _ = propose(
        rows(id=ids, other=[f"{text}.5" for text in ids], phone=[f"+4915{n}5550" for n in range(400)]), "csv"
    )
    expected = "int64" if first < 2**62 else "string"
    assert (spec.columns["id"].type, spec.columns["other"].type, spec.columns["phone"].type) == (
        expected, "string", "string",
    )  # fmt: skip
    assert not said(made, "key id")
    night = features(spec, NIGHTS[0].isoformat(), Stores(project))
    assert list(map(str, night["id"].to_pylist())) == ids[:40]


def test_a_key_is_no_float_without_a_word(propose: Proposal) -> None:
    numbers = [number / 4 + 0.25 for number in range(400)]
    assert propose(rows(id=numbers), "csv")[0].columns["id"].type == "string"
    spec, made, _ = propose(rows(id=numbers), force=True)
    assert spec.columns["id"].type == "float64"
    assert any("key id is a float" in warning for warning in made.warnings)


@pytest.mark.parametrize(
    ("marker", "hinted"),
    [(r"\N", False), ("", False), ("n/a", False), ("?", True), ("-", True), ("(null)", True), ("never", True)],
)
def test_a_column_that_is_a_number_but_for_one_text_is_null_there(
    propose: Proposal, project: Settings, marker: str, hinted: bool
) -> None:
    amounts = [marker if number % 10 == 0 else f"{number / 4}" for number in range(400)]
    whole = [marker if number % 10 == 1 else str(number) for number in range(400)]
    born = [marker if number % 10 == 2 else f"19{10 + number % 90}-01-01" for number in range(400)]
    spec, made, _ = propose(rows(amount=amounts, whole=whole, born=born), "csv")
    kinds = [spec.columns[name].type for name in ("amount", "whole", "born")]
    assert kinds == ["float64", "int64", "date"]
    assert spec.columns["amount"].nullable
    assert spec.columns["amount"].nulls == ((marker,) if hinted else ())
    assert len(said(made, f"amount is double but for {marker!r}, in 40 rows")) == hinted
    night = features(spec, NIGHTS[0].isoformat(), Stores(project))
    assert [night[name].null_count for name in ("amount", "whole", "born")] == [4, 4, 4]


def test_texts_that_are_more_than_a_null_stay_texts(propose: Proposal) -> None:
    count = 400
    frame = rows(
        grade=[["1", "2", "3", "x"][number % 4] for number in range(count)],
        once=[*map(str, range(count - 1)), "x"],
        two=[["a", "b", str(number)][number % 3] for number in range(count)],
        known=[["true", "false", "unknown"][number % 3] for number in range(count)],
        hive=[["a", r"\N"][number % 2] for number in range(count)],
    )
    spec, _, _ = propose(frame, "csv")
    assert {spec.columns[name].type for name in ("grade", "once", "two", "known", "hive")} == {"string"}
    assert [spec.columns[name].nulls for name in ("known", "hive")] == [(), (r"\N",)]


@pytest.mark.parametrize(
    ("separator", "encoding"),
    [(";", "cp1252"), ("\t", "utf-16"), ("|", "utf-8-sig"), (",", "utf-8")],
)
def test_how_a_csv_is_written_is_found_out_and_written_down(
    propose: Proposal, project: Settings, separator: str, encoding: str
) -> None:
    frame = rows(place=["Süd, rechts; \n\t|", "Nord"] * 200)
    body = frame.to_csv(index=False, sep=separator).encode(encoding)
    (project.project / "odd.csv").write_bytes(body)
    spec, _, _ = propose(rows(), data="odd.csv")
    csv = spec.source.csv  # type: ignore[union-attr]
    assert (csv.separator, csv.encoding) == (separator, encoding.removesuffix("-sig"))
    night = features(spec, NIGHTS[0].isoformat(), Stores(project))
    assert night["place"].to_pylist()[:2] == ["Süd, rechts; \n\t|", "Nord"]


def test_files_of_two_encodings_are_named(propose: Proposal, project: Settings) -> None:
    for name, encoding in (("a", "utf-8"), ("b", "cp1252")):
        body = rows(place="Süd").to_csv(index=False).encode(encoding)
        put(rows(), project.project / f"in/{name}.csv").write_bytes(body)
    with pytest.raises(UsageError, match=r"a\.csv is utf-8, .*b\.csv is cp1252"):
        propose(rows(), data="in/*.csv")


def test_a_column_without_a_name_stops_nothing(propose: Proposal, project: Settings) -> None:
    text = rows().to_csv(index=True)
    (project.project / "index.csv").write_text(text)
    spec, made, _ = propose(rows(), data="index.csv")
    assert (spec.columns["column_1"].feature, spec.columns["column_1"].type) == (False, "int64")
    assert said(made, "column_1") == ["a column without a name is called by its place, column_1"]
    lines = rows().to_csv(index=False).splitlines()
    (project.project / "comma.csv").write_text("".join(f"{line},\n" for line in lines))
    spec, made, _ = propose(rows(), data="comma.csv", force=True)
    assert set(spec.columns) == {"id", "size"}
    assert said(made, "column_") == ["'column_5' is left out: it has no name and no value"]
    frame = pa.Table.from_pandas(rows()).append_column("", pa.array(range(400)))
    pq.write_table(frame, project.project / "odd.parquet")
    spec, made, _ = propose(rows(), data="odd.parquet", force=True)
    assert set(spec.columns) == {"id", "size"}
    assert said(made, "no name") == ["'' is left out: it has no name"]


ENDS = {
    "day64": pa.array([2**63 - 1, -(2**63)] * 200),
    "unsigned": pa.array([2**64 - 1, *range(399)], pa.uint64()),
    "double": pa.array([1.7e308, -1.7e308] * 200),
    "single": pa.array([3.4e38, -3.4e38] * 200, pa.float32()),
    "half": pa.array([1.5, 2.5] * 200, pa.float16()),
    "small": pa.array([Decimal(1), Decimal(7)] * 200, pa.decimal32(4, 1)),
    "wide": pa.array([Decimal(1), Decimal(7)] * 200, pa.decimal256(60, 1)),
    "until": pa.array([dt.date(9999, 12, 31), dt.date(2024, 1, 1)] * 200),
    "since": pa.array([dt.date(1, 1, 1), dt.date(2024, 1, 1)] * 200),
    "last": pa.array([dt.datetime(9999, 12, 31, 23, 59)] * 400, pa.timestamp("us")),
    "uuid": pa.array([bytes([number % 200] * 16) for number in range(400)], pa.uuid()),
    "view": pa.array(["a", "b"] * 200, pa.string_view()),
    "bytes": pa.array([b"a", b"b"] * 200),
}


def test_types_at_their_ends_have_a_line_and_every_night_is_read(propose: Proposal, project: Settings) -> None:
    table = pa.Table.from_pandas(rows())
    for name, values in ENDS.items():
        table = table.append_column(name, values)
    pq.write_table(table, project.project / "ends.parquet")
    spec, made, _ = propose(rows(), data="ends.parquet")
    kinds = {name: spec.columns[name].type for name in ENDS}
    assert kinds == {
        "day64": "int64", "unsigned": "decimal", "double": "float64", "single": "float32", "half": "float32",
        "small": "decimal", "wide": "float64", "until": "date", "since": "date", "last": "timestamp",
        "uuid": "string", "view": "string", "bytes": "string",
    }  # fmt: skip
    assert [spec.columns["until"].min, spec.columns["since"].min] == [dt.date(1, 1, 1)] * 2
    ends = [spec.columns[name] for name in ("day64", "double", "single")]
    assert [(column.min, column.max) for column in ends] == [(None, None)] * 3
    assert said(made, "bytes") == ["bytes is bytes without the mark of a text: it is read as UTF-8"]
    assert sum(len(features(spec, night.isoformat(), Stores(project))) for night in NIGHTS) == 400


USELESS = {
    "nanoseconds": pa.array([1709510400123456789] * 400, pa.timestamp("ns")),
    "picture": pa.array([b"\xff\xd8"] * 400),
    "views": pa.array([["a"]] * 400, pa.list_(pa.string_view())),
    "clock": pa.array([1] * 400, pa.time32("s")),
    "far": pa.array([2**60] * 400, pa.timestamp("us")),
}


def test_a_column_of_two_types_or_two_names_is_left_out(propose: Proposal, project: Settings) -> None:
    put(rows(odd=1.5), project.project / "in/a.parquet")
    put(rows(odd="x", id=range(400, 800)), project.project / "in/b.parquet")
    spec, made, _ = propose(rows(), data="in/*.parquet")
    assert set(spec.columns) == {"id", "size"}
    assert "'odd' is left out: it is double in " in said(made, "odd")[0]
    lines = rows(odd=1.5, two=2.5).to_csv(index=False)
    (project.project / "twice.csv").write_text(lines.replace("odd,two", "odd,odd"))
    spec, made, _ = propose(rows(), data="twice.csv", force=True)
    assert set(spec.columns) == {"id", "size"}
    assert "are called so" in said(made, "odd")[0]


def test_a_key_is_no_null_for_a_text(propose: Proposal) -> None:
    ids = ["unknown" if number % 40 == 0 else str(number) for number in range(400)]
    spec, _, _ = propose(rows(id=ids), "csv")
    assert (spec.columns["id"].type, spec.columns["id"].nulls) == ("string", ())


@pytest.mark.parametrize("name", USELESS)
def test_a_column_that_cannot_be_used_is_left_out_unless_it_is_needed(
    propose: Proposal, project: Settings, name: str
) -> None:
    table = pa.Table.from_pandas(rows()).append_column(name, USELESS[name])
    pq.write_table(table, project.project / "odd.parquet")
    spec, made, _ = propose(rows(), data="odd.parquet")
    assert set(spec.columns) == {"id", "size"}
    assert len(said(made, f"{name!r} is left out: ")) == 1
    for options in ({"label": name}, {"keys": ("id", name)}):
        with pytest.raises(UsageError, match=f"^column {name} cannot be used: "):
            propose(rows(), data="odd.parquet", force=True, **options)


def test_the_nights_of_int96_are_those_of_their_moments_and_said(propose: Proposal, project: Settings) -> None:
    frame = rows()
    frame["day"] = pd.to_datetime(frame["day"]) + pd.Timedelta(hours=26)
    pq.write_table(pa.Table.from_pandas(frame), project.project / "odd.parquet", use_deprecated_int96_timestamps=True)
    spec, made, _ = propose(rows(), data="odd.parquet", timezone="America/New_York")
    assert spec.partition.start == NIGHTS[0]
    assert said(made, "INT96") == ["day is INT96, which has no zone: it is read as UTC, as Spark writes it"]


def test_what_hive_calls_null_is_null_in_a_value_and_no_night(propose: Proposal, project: Settings) -> None:
    null = "__HIVE_DEFAULT_PARTITION__"
    for night, part in rows().groupby("day"):
        half = part.drop(columns="day")
        put(half[:20], project.project / f"lake/day={night}/region=north/a.parquet")
        put(half[20:], project.project / f"lake/day={night}/region={null}/a.parquet")
    put(rows(3).drop(columns="day"), project.project / f"lake/day={null}/region=north/a.parquet")
    spec, made, _ = propose(rows(), data="lake/**/*.parquet")
    assert spec.columns["region"].nullable
    assert said(made, "no night") == ["3 rows have no night and are never read"]
    assert features(spec, NIGHTS[0].isoformat(), Stores(project))["region"].null_count == 20
