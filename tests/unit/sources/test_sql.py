"""A query as a source, on a real SQLite; what a database cannot do is one clear line without its password."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from nightshift.errors import NoSourceData, SchemaMismatch, SourceUnavailable, SourceUnreadable, UsageError
from nightshift.sources import features, labels, sql
from nightshift.spec import ModelSpec
from nightshift.stores import Stores

Shop = Callable[..., ModelSpec]
SOURCE = {"sql": "SELECT * FROM orders WHERE day = :night", "url_variable": "SHOP_URL"}
COLUMNS = {
    "order": {"type": "int64", "source": "Order No.", "feature": False},
    "code": {"type": "string"},
    "price": {"type": "decimal", "scale": 2, "nullable": True},
    "express": {"type": "bool"},
    "born": {"type": "date", "nullable": True},
}


@pytest.fixture(autouse=True)
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute('CREATE TABLE orders (day, "Order No.", code, price, express, born, "came back?")')
        rows = [
            ("2024-01-01", 1, "007", 1.5, 1, "1980-02-29", 1),
            ("2024-01-01", 2, "a", None, 0, None, None),
            ("2024-01-02", 3, "b", 2, 0, None, 0),
        ]
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    connection.close()
    monkeypatch.setenv("SHOP_URL", f"sqlite:///{path}")
    return path


@pytest.mark.parametrize("chunk", [1, 50_000])
def test_a_night_is_what_the_query_gives_for_it(
    shop: Shop, stores: Stores, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(sql, "CHUNK_ROWS", chunk)
    spec = shop(SOURCE, columns=COLUMNS)
    rows = features(spec, "2024-01-01", stores)
    assert rows["order"].to_pylist() == [1, 2]
    assert rows["code"].to_pylist() == ["007", "a"]
    assert [None if price is None else str(price) for price in rows["price"].to_pylist()] == ["1.50", None]
    assert rows["express"].to_pylist() == [True, False]
    assert labels(spec, "2024-01-01", stores)["returned"].cast(pa.float32()).to_pylist() == [1.0, None]


def test_a_night_without_rows_is_skipped(shop: Shop, stores: Stores) -> None:
    with pytest.raises(NoSourceData):
        features(shop(SOURCE, columns=COLUMNS), "2024-01-09", stores)


def test_the_address_must_be_in_the_environment(shop: Shop, stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_URL")
    with pytest.raises(UsageError, match=r"environment variable SHOP_URL .* is not set"):
        features(shop(SOURCE, columns=COLUMNS), "2024-01-01", stores)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("postgresql+psycopg2://me:s3cr3t@127.0.0.1:1/shop", SourceUnavailable),
        ("nosuch://me:s3cr3t@db/shop", UsageError),
        ("me:s3cr3t", UsageError),
    ],
)
def test_a_database_that_cannot_be_asked_is_one_line_without_the_password(
    shop: Shop, stores: Stores, monkeypatch: pytest.MonkeyPatch, url: str, kind: type[Exception]
) -> None:
    monkeypatch.setenv("SHOP_URL", url)
    with pytest.raises(kind, match="SHOP_URL") as error:
        features(shop(SOURCE, columns=COLUMNS), "2024-01-01", stores)
    assert "s3cr3t" not in str(error.value)
    assert error.value.__suppress_context__


def test_a_query_that_is_refused_says_why(shop: Shop, stores: Stores) -> None:
    wrong = {**SOURCE, "sql": "SELECT * FROM ordres WHERE day = :night"}
    with pytest.raises(SourceUnreadable, match="refused the query: no such table: ordres"):
        features(shop(wrong, columns=COLUMNS), "2024-01-01", stores)


def test_a_missing_column_and_a_wrong_type_are_named(shop: Shop, stores: Stores) -> None:
    with pytest.raises(SchemaMismatch, match="column colour missing; got day, Order No"):
        features(shop(SOURCE, columns={**COLUMNS, "colour": {"type": "string"}}), "2024-01-01", stores)
    with pytest.raises(SchemaMismatch, match="column code is not int16: got texts; first: '007'"):
        features(shop(SOURCE, columns={**COLUMNS, "code": {"type": "int16"}}), "2024-01-01", stores)
