"""CSV as others write it: separators, encodings, line breaks in quotes, columns without a name, texts for null."""

import gzip
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from nightshift.errors import SchemaMismatch, SourceUnreadable
from nightshift.sources import csv_table, features
from nightshift.spec import ModelSpec
from nightshift.stores import Stores

Shop = Callable[..., ModelSpec]
NIGHT = "2024-01-01"
COLUMNS = {"order": {"type": "int64"}, "note": {"type": "string", "nullable": True}}
LINES = ["day;order;note", f"{NIGHT};1;süß", f'{NIGHT};2;"a;b"', "2024-01-02;3;c"]
TEXT = "\n".join(LINES)


def read(shop: Shop, stores: Stores, pattern: str = "*.*", columns: Any = COLUMNS, **csv: str) -> dict[str, list[Any]]:
    table = features(shop({"files": pattern, "csv": csv}, columns=columns), NIGHT, stores)
    rows: dict[str, list[Any]] = table.to_pydict()
    return rows


@pytest.mark.parametrize(
    ("name", "body", "csv"),
    [
        ("a.csv", TEXT.encode(), {}),
        ("a.csv", TEXT.encode("utf-8-sig"), {}),
        ("a.csv", TEXT.replace("\n", "\r\n").encode("cp1252"), {"encoding": "cp1252"}),
        ("a.csv", TEXT.encode("utf-16"), {"encoding": "utf-16"}),
        ("a.csv", f"\n\n{TEXT}".encode(), {}),
        ("a.csv.gz", gzip.compress(TEXT.encode("latin-1"), mtime=0), {"encoding": "latin-1"}),
        ("a.tsv", TEXT.replace(";", "\t").encode(), {"separator": "\t"}),
        ("a.tsv.gz", gzip.compress(TEXT.replace(";", "|").encode(), mtime=0), {"separator": "|"}),
    ],
)  # fmt: skip
def test_separator_and_encoding_are_the_spec_s(
    shop: Shop, stores: Stores, tmp_path: Path, name: str, body: bytes, csv: dict[str, str]
) -> None:
    (tmp_path / name).write_bytes(body)
    rows = read(shop, stores, **{"separator": ";", **csv})
    between = csv.get("separator", ";")
    assert rows == {"order": [1, 2], "note": ["süß", f"a{between}b"]}


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_line_breaks_in_quotes_are_kept_wherever_a_block_of_the_file_ends(
    shop: Shop, stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line_break: str
) -> None:
    monkeypatch.setattr(csv_table, "BLOCK_BYTES", 997)
    notes = [f"{'x' * (number % 89)}{line_break}end of {number}" for number in range(500)]
    lines = [f'{NIGHT},{number},"{note}"' for number, note in enumerate(notes)]
    body = "\r\n".join(["day,order,note", *lines])
    (tmp_path / "a.csv").write_bytes(body.encode())
    assert read(shop, stores)["note"] == notes


def test_a_megabyte_of_line_breaks_is_read_like_a_line(shop: Shop, stores: Stores, tmp_path: Path) -> None:
    lines = [f'{NIGHT},{number},"one\ntwo {"x" * 100}"' for number in range(12_000)]
    (tmp_path / "a.csv").write_text("\n".join(["day,order,note", *lines]))
    assert len(read(shop, stores)["order"]) == 12_000


def test_a_column_without_a_name_is_called_by_its_place(shop: Shop, stores: Stores, tmp_path: Path) -> None:
    columns = {**COLUMNS, "column_1": {"type": "int64"}}
    (tmp_path / "a.csv").write_text(f",day,order,note\n7,{NIGHT},1,a\n")
    assert read(shop, stores, columns=columns)["column_1"] == [7]
    (tmp_path / "a.csv").write_text(f",column_1,day,order,note\n7,8,{NIGHT},1,a\n")
    assert read(shop, stores, columns=columns)["column_1"] == [8]


@pytest.mark.parametrize("header", ["day,order,note,", "day,order,note"])
def test_lines_may_end_in_a_separator(shop: Shop, stores: Stores, tmp_path: Path, header: str) -> None:
    (tmp_path / "a.csv").write_text(f"{header}\n{NIGHT},1,a,\n{NIGHT},2,,\n")
    assert read(shop, stores) == {"order": [1, 2], "note": ["a", None]}


def test_texts_mean_null_where_the_spec_says_so_and_where_they_can_mean_nothing_else(
    shop: Shop, stores: Stores, tmp_path: Path
) -> None:
    values = ["?", r"\N", "n/a", "1.5", "-"]
    lines = [f"{NIGHT},{number},{value},{value}" for number, value in enumerate(values)]
    (tmp_path / "a.csv").write_text("\n".join(["day,order,note,price", *lines]))
    columns = {
        **COLUMNS,
        "note": {"type": "string", "nullable": True, "nulls": [r"\N"]},
        "price": {"type": "float64", "nullable": True, "nulls": ["?", "-"]},
    }
    rows = read(shop, stores, columns=columns)
    assert rows["note"] == ["?", None, "n/a", "1.5", "-"]
    assert rows["price"] == [None, None, None, 1.5, None]
    columns["price"] = {"type": "float64", "nullable": True, "nulls": ["?"]}
    with pytest.raises(SchemaMismatch, match=r"column price is not float64: .*first: '-'"):
        read(shop, stores, columns=columns)


def test_a_night_that_says_nothing_is_no_night(
    shop: Shop, stores: Stores, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    days = [NIGHT, "NULL", "", r"\N", " 2024-01-01"]
    lines = [f"{day},{number},a" for number, day in enumerate(days)]
    (tmp_path / "a.csv").write_text("\n".join(["day,order,note", *lines]))
    assert read(shop, stores)["order"] == [0, 4]
    assert "3 rows have no day and so are of no night" in caplog.text


def test_a_float_is_no_place_for_an_id(shop: Shop, stores: Stores, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"day,order,note\n{NIGHT},1,12345678901234567890\n")
    assert read(shop, stores)["note"] == ["12345678901234567890"]
    columns = {**COLUMNS, "note": {"type": "float64"}}
    with pytest.raises(SchemaMismatch, match="more digits than a float holds; first: '12345678901234567890'"):
        read(shop, stores, columns=columns)


@pytest.mark.parametrize(
    ("name", "body", "why"),
    [
        ("a.csv.gz", gzip.compress(TEXT.encode() * 50, mtime=0)[:-30], "EOFError"),
        ("a.csv.gz", b"no gzip", "[Nn]ot a gzipped file"),
        ("a.csv", TEXT.encode("latin-1"), "UTF8"),
        ("a.csv", b"", "empty"),
    ],
)
def test_what_cannot_be_read_says_how_to_say_it_is_written(
    shop: Shop, stores: Stores, tmp_path: Path, name: str, body: bytes, why: str
) -> None:
    (tmp_path / name).write_bytes(body)
    with pytest.raises(SourceUnreadable, match=f"{name} cannot be read: .*{why}") as error:
        read(shop, stores, separator=";")
    assert "source.csv" in str(error.value.fix)


PRICED = {
    "order": {"type": "int64"},
    "note": {"type": "string"},
    "price": {"type": "decimal", "scale": 2, "nullable": True},
    "share": {"type": "float64", "nullable": True},
}


def test_numbers_may_have_a_decimal_comma_and_texts_stay(shop: Shop, stores: Stores, tmp_path: Path) -> None:
    lines = ["day;order;note;price;share", f"{NIGHT};1.234;1,5;1.234,56;-0,25", f"{NIGHT};7;2.5;;1,5e3"]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    assert read(shop, stores, columns=PRICED, separator=";", decimal=",") == {
        "order": [1234, 7], "note": ["1,5", "2.5"], "price": [Decimal("1234.56"), None], "share": [-0.25, 1500.0],
    }  # fmt: skip


@pytest.mark.parametrize("text", ["1.5", "0.123", "1,234.56", "1.23,4", "1,2,3"])
def test_beside_decimal_commas_no_point_is_read_as_anything_else(
    shop: Shop, stores: Stores, tmp_path: Path, text: str
) -> None:
    (tmp_path / "a.csv").write_text(f"day;order;note;price;share\n{NIGHT};1;a;1,5;{text}\n")
    with pytest.raises(SchemaMismatch, match=f"column share is not float64: .*first: '{text}'"):
        read(shop, stores, columns=PRICED, separator=";", decimal=",")


def test_folders_of_the_path_have_points_whatever_the_file_has(shop: Shop, stores: Stores, tmp_path: Path) -> None:
    (tmp_path / "share=1.500").mkdir()
    (tmp_path / "share=1.500" / "a.csv").write_text(f"day;order;note;price\n{NIGHT};1;a;1,5\n")
    rows = read(shop, stores, "**/*.csv", columns=PRICED, separator=";", decimal=",")
    assert (rows["price"], rows["share"]) == ([Decimal("1.50")], [1.5])


def test_what_a_transform_leaves_as_text_has_commas_still(shop: Shop, stores: Stores, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"day;order;note;price\n{NIGHT};1;a;1,5\n")
    (tmp_path / "models" / "shop").mkdir(parents=True)
    function = "def transform(night, rows):\n    return rows.assign(share=rows['price'], note='b')\n"
    (tmp_path / "models" / "shop" / "features.py").write_text(function)
    source = {"files": "*.csv", "csv": {"separator": ";", "decimal": ","}, "transform": "features.py"}
    rows = features(shop(source, columns=PRICED), NIGHT, stores).to_pydict()
    assert rows == {"order": [1], "note": ["b"], "price": [Decimal("1.50")], "share": [1.5]}
