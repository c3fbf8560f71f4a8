"""Files as a source: which rows are of a night, and that everything odd is one clear error or a count."""

import datetime as dt
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nightshift.errors import NoSourceData, SchemaMismatch, SourceMissing, SourceUnreadable, SpecError
from nightshift.modelling.label_types import label_type
from nightshift.sources import features, labels
from nightshift.sources.places import find
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from tests.frames import put

Shop = Callable[..., ModelSpec]
Orders = Callable[..., pd.DataFrame]
NIGHTS = ["2024-01-01", "2024-01-02", "2024-01-03"]
ARROW = {"price": pa.decimal128(10, 2), "born": pa.date32()}


def keys(frame: Any) -> list[int]:
    return sorted(frame["order"].to_pylist())


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_one_file_of_all_nights_gives_each_night_its_own_rows_typed(
    shop: Shop, stores: Stores, orders: Orders, tmp_path: Path, ending: str
) -> None:
    frames = [orders(night, 3, first=10 * place) for place, night in enumerate(NIGHTS)]
    put(pd.concat(frames), tmp_path / f"all.{ending}")
    rows = features(shop({"files": f"all.{ending}"}), NIGHTS[1], stores)
    assert keys(rows) == [10, 11, 12]
    assert rows["code"].to_pylist() == ["000", "001", "002"]
    assert rows.schema.field("price").type == pa.decimal128(38, 2)
    assert rows["born"].to_pylist() == [dt.date(1980, 2, 29), None, dt.date(2001, 1, 1)]
    # Half past is naive in the file, so it is noon in Berlin.
    assert {value.hour for value in rows["placed"].to_pylist()} == {11}
    assert "note" not in rows.column_names


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_labels_come_from_the_same_rows(
    shop: Shop, stores: Stores, orders: Orders, tmp_path: Path, ending: str
) -> None:
    put(orders(NIGHTS[0]), tmp_path / f"all.{ending}")
    rows = labels(shop({"files": f"all.{ending}"}), NIGHTS[0], stores)
    assert rows.column_names == ["order", "returned"]
    assert rows["returned"].cast(pa.float32()).to_pylist() == [1.0, None, 0.0]


def test_a_label_with_names_for_its_classes_comes_as_text(shop: Shop, stores: Stores, tmp_path: Path) -> None:
    frame = pd.DataFrame({"day": NIGHTS[0], "Order No.": [1, 2, 3], "came back?": [1.0, None, 3.0]})
    put(frame, tmp_path / "all.parquet")
    label = {"column": "returned", "source": "came back?", "delay_days": 1, "type": "multiclass"}
    spec = shop({"files": "all.parquet"}, label={**label, "classes": ["1", "2", "3"]})
    assert labels(spec, NIGHTS[0], stores)["returned"].to_pylist() == ["1", None, "3"]


@pytest.mark.parametrize("texts", [["1.0", "", "3.0"], ["1", "NA", "3"], [" 1", "gone", "+3.00"]])
def test_classes_that_are_numbers_are_read_from_any_text_of_them(
    shop: Shop, stores: Stores, tmp_path: Path, texts: list[str]
) -> None:
    lines = [f"{NIGHTS[0]},{number},{text}" for number, text in enumerate(texts)]
    (tmp_path / "all.csv").write_text("\n".join(["day,Order No.,came back?", *lines]))
    label = {"column": "returned", "source": "came back?", "delay_days": 1, "type": "multiclass"}
    spec = shop({"files": "all.csv"}, label={**label, "classes": ["1", "2", "3"], "nulls": ["gone"]})
    words = label_type(spec).cast(labels(spec, NIGHTS[0], stores)["returned"], "labels")
    assert words.to_pylist() == ["1", None, "3"]


def test_the_night_is_in_the_path_and_other_files_are_not_opened(
    shop: Shop, stores: Stores, orders: Orders, tmp_path: Path
) -> None:
    for place, night in enumerate(NIGHTS):
        put(orders(night, 2, first=10 * place).drop(columns="day"), tmp_path / f"in/day={night}/a.parquet")
    (tmp_path / f"in/day={NIGHTS[2]}/a.parquet").write_bytes(b"half a fi")
    spec = shop({"files": "in/**/*.parquet", "night": "path"})
    assert keys(features(spec, NIGHTS[1], stores)) == [10, 11]
    with pytest.raises(NoSourceData, match="no rows for 2024-01-09"):
        features(spec, "2024-01-09", stores)


def test_a_column_may_lie_in_the_path(shop: Shop, stores: Stores, orders: Orders, tmp_path: Path) -> None:
    frame = orders(NIGHTS[0], 2).drop(columns=["day", "code", "express"])
    for code, express in (("007", "true"), ("a b", "false")):
        put(frame, tmp_path / f"in/day={NIGHTS[0]}/code={code.replace(' ', '%20')}/express={express}/a.parquet")
    rows = features(shop({"files": "in/**/*.parquet", "night": "path"}), NIGHTS[0], stores)
    assert rows["code"].to_pylist() == ["007", "007", "a b", "a b"]
    assert rows["express"].to_pylist() == [True, True, False, False]


@pytest.mark.parametrize(("path", "why"), [("in/a.parquet", "has no folder day="), ("in/day=may/a.parquet", "no date")])
def test_a_path_without_a_night_is_refused(
    shop: Shop, stores: Stores, orders: Orders, tmp_path: Path, path: str, why: str
) -> None:
    put(orders(NIGHTS[0]), tmp_path / path)
    with pytest.raises(SourceUnreadable, match=why):
        features(shop({"files": "in/**/*.parquet", "night": "path"}), NIGHTS[0], stores)


def test_by_arrival_a_night_is_the_day_a_file_was_written_on_the_model_s_clock(
    shop: Shop, stores: Stores, orders: Orders, tmp_path: Path
) -> None:
    late = put(orders(NIGHTS[0], 2).drop(columns="day"), tmp_path / "a.parquet")
    moment = dt.datetime(2024, 1, 1, 23, 30, tzinfo=dt.UTC).timestamp()
    os.utime(late, (moment, moment))
    spec = shop({"files": "*.parquet", "night": "arrival"})
    assert keys(features(spec, "2024-01-02", stores)) == [1, 2]
    with pytest.raises(NoSourceData):
        features(spec, "2024-01-01", stores)


NOON = [dt.datetime(2024, 1, day, 12) for day in (1, 2, 3)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([value.date() for value in NOON]), [1]),
        (pa.array([value.date() for value in NOON], pa.date64()), [1]),
        (pa.array(NOON, pa.timestamp("ns")), [1]),
        # A minute before midnight UTC is the next day in Berlin.
        (pa.array([dt.datetime(2024, 1, 1, hour, 59) for hour in (23, 22, 1)], pa.timestamp("us", "UTC")), [0]),
        (pa.array(["2024-01-01", "2024-01-02", "2024-01-02 23:59:59"]), [1, 2]),
        (pa.array(["2024-01-01T23:30:00Z", "2024-01-02T00:30:00+02:00", "2024-01-03T00:30:00+02:00"]), [0, 2]),
        (pa.array(["2024-01-01", "2024-01-02", "2024-01-03"]).dictionary_encode(), [1]),
        (pa.array(["2024-01-01", "2024-01-02", "2024-01-03"], pa.large_string()), [1]),
    ],
)  # fmt: skip
def test_what_says_the_night_may_be_dates_timestamps_or_text(
    shop: Shop, stores: Stores, orders: Orders, tmp_path: Path, values: pa.Array, expected: list[int]
) -> None:
    table = pa.Table.from_pandas(orders(NIGHTS[0], 3, first=0).drop(columns="day")).append_column("day", values)
    pq.write_table(table, tmp_path / "all.parquet", row_group_size=1)
    assert keys(features(shop({"files": "all.parquet"}), "2024-01-02", stores)) == expected


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (["2024-01-01 05:00:00", "2024-01-02 05:00:00Z"], "some .* have a time zone"),
        (["2024-01-02", "01/02/2024"], "'01/02/2024'"),
        ([20240101, 20240102], "got int64; first: 20240101"),
    ],
)
def test_nights_that_cannot_be_read_are_refused_with_file_and_column(
    shop: Shop, stores: Stores, tmp_path: Path, values: list[Any], why: str
) -> None:
    put(pd.DataFrame({"day": values, "Order No.": [1, 2]}), tmp_path / "all.parquet")
    with pytest.raises(SchemaMismatch, match=rf"all.parquet: column day does not say the night: .*{why}"):
        features(shop({"files": "all.parquet"}), "2024-01-02", stores)


@pytest.mark.parametrize("text", [True, False])
def test_rows_without_a_night_are_counted(
    shop: Shop, stores: Stores, orders: Orders, tmp_path: Path, caplog: pytest.LogCaptureFixture, text: bool
) -> None:
    frame = orders(NIGHTS[0], 3)
    frame["day"] = frame["day"].astype("str") if text else frame["day"]
    frame.loc[1, "day"] = None
    put(frame, tmp_path / "all.parquet")
    assert keys(features(shop({"files": "all.parquet"}), NIGHTS[0], stores)) == [1, 3]
    assert "1 rows have no day and so are of no night" in caplog.text


def test_columns_that_the_spec_does_not_name_are_left_out_and_said(
    shop: Shop, stores: Stores, orders: Orders, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "nightshift")
    for name in ("a", "b"):
        put(orders(NIGHTS[0]), tmp_path / f"{name}.parquet")
    features(shop({"files": "*.parquet"}), NIGHTS[0], stores)
    labels(shop({"files": "*.parquet"}), NIGHTS[0], stores)
    assert caplog.messages == ["shop 2024-01-01: 1 columns are not in model.yaml and were left out: note"]


def test_a_vanished_column_is_named_as_the_source_calls_it(
    shop: Shop, stores: Stores, orders: Orders, tmp_path: Path
) -> None:
    put(orders(NIGHTS[0]), tmp_path / "a.parquet")
    put(orders(NIGHTS[0]).rename(columns={"Order No.": "Order No"}), tmp_path / "b.parquet")
    with pytest.raises(
        SchemaMismatch, match=r"b\.parquet: column order \(in the source 'Order No\.'\) missing"
    ) as error:
        features(shop({"files": "*.parquet"}), NIGHTS[0], stores)
    assert "did 'Order No' mean it?" in str(error.value)


def test_a_column_of_another_type_in_one_file_is_named_with_that_file(
    shop: Shop, stores: Stores, orders: Orders, tmp_path: Path
) -> None:
    put(orders(NIGHTS[0]), tmp_path / "a.parquet")
    put(orders(NIGHTS[0]).assign(code=7), tmp_path / "b.parquet")
    with pytest.raises(SchemaMismatch, match=r"b\.parquet: column code is not string: got int64; first: 7"):
        features(shop({"files": "*.parquet"}), NIGHTS[0], stores)


@pytest.mark.parametrize("damage", ["empty", "half", "not parquet", "flipped"])
def test_a_broken_file_is_named(shop: Shop, stores: Stores, orders: Orders, tmp_path: Path, damage: str) -> None:
    put(orders(NIGHTS[0]), tmp_path / "a.parquet")
    body = put(orders(NIGHTS[0], 500), tmp_path / "b.parquet").read_bytes()
    broken = {"empty": b"", "half": body[: len(body) // 2], "not parquet": b"day,order\n", "flipped": b""}
    broken["flipped"] = body[:40] + b"\xff" * 200 + body[240:]
    (tmp_path / "b.parquet").write_bytes(broken[damage])
    with pytest.raises(SourceUnreadable, match=r"b\.parquet cannot be read: "):
        features(shop({"files": "*.parquet"}), NIGHTS[0], stores)


def test_a_csv_with_a_torn_line_is_named(shop: Shop, stores: Stores, orders: Orders, tmp_path: Path) -> None:
    file = put(orders(NIGHTS[0], 50), tmp_path / "b.csv")
    file.write_text(file.read_text()[:-60])
    with pytest.raises(SourceUnreadable, match=r"b\.csv cannot be read: .*columns"):
        features(shop({"files": "*.csv"}), NIGHTS[0], stores)


def test_a_pattern_that_matches_nothing_is_an_error_and_an_empty_night_is_none(
    shop: Shop, stores: Stores, orders: Orders, tmp_path: Path
) -> None:
    with pytest.raises(SourceMissing, match=r"no file matches in/\*\.parquet"):
        features(shop({"files": "in/*.parquet"}), NIGHTS[0], stores)
    put(orders(NIGHTS[0]), tmp_path / "in/a.parquet")
    with pytest.raises(NoSourceData, match=f"no rows for {NIGHTS[1]}"):
        features(shop({"files": "in/*.parquet"}), NIGHTS[1], stores)


def test_a_file_that_names_a_column_twice_is_refused(
    shop: Shop, stores: Stores, orders: Orders, tmp_path: Path
) -> None:
    table = pa.Table.from_pandas(orders(NIGHTS[0]))
    pq.write_table(table.append_column("code", table["code"]), tmp_path / "a.parquet")
    with pytest.raises(SourceUnreadable, match=r"a\.parquet cannot be read: Multiple matches for .*code"):
        features(shop({"files": "a.parquet"}), NIGHTS[0], stores)
    (tmp_path / "a.csv").write_text("day,code,code\n2024-01-01,a,b\n")
    with pytest.raises(SourceUnreadable, match=r"a\.csv cannot be read: .*multiple columns named code"):
        features(shop({"files": "a.csv"}), NIGHTS[0], stores)


def test_in_a_csv_strings_stay_as_they_are_and_numbers_are_never_guessed(
    shop: Shop, stores: Stores, tmp_path: Path
) -> None:
    names = "day,Order No.,code,price,express,born,placed"
    rows = ["2024-01-01,1,NA,NA,true,,2024-01-01 12:00:00", '2024-01-01,2,"",1.5,0,NA,2024-01-01']
    (tmp_path / "a.csv").write_text("\n".join([names, *rows]))
    rows = features(shop({"files": "a.csv"}), NIGHTS[0], stores)
    assert rows["code"].to_pylist() == ["NA", ""]
    assert rows["price"].null_count == 1
    assert rows["born"].null_count == 2


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("in/*.parquet", ["in/a.parquet"]),
        ("in/**/*.parquet", ["in/a.parquet", "in/b c/d.parquet"]),
        ("in/?.parquet", ["in/a.parquet"]),
        ("in/b c/d.parquet", ["in/b c/d.parquet"]),
        ("in/_marked.parquet", ["in/_marked.parquet"]),
    ],
)
def test_patterns(stores: Stores, tmp_path: Path, pattern: str, expected: list[str]) -> None:
    for name in ("in/a.parquet", "in/b c/d.parquet", "in/_marked.parquet", "in/.hidden.parquet", "in/aXparquet"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for given in (pattern, f"{tmp_path}/{pattern}", f"file://{tmp_path}/{pattern}"):
        assert [file.uri for file in find(given, stores.settings)] == [f"{tmp_path}/{name}" for name in expected]


def test_other_stores_and_other_files_are_refused(stores: Stores, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="allowed: s3://bucket"):
        find("gs://bucket/*.parquet", stores.settings)
    (tmp_path / "a.xlsx").touch()
    with pytest.raises(SourceUnreadable, match=r"a\.xlsx is neither"):
        find("*", stores.settings)


def test_labels_of_their_own_may_have_no_file_yet(shop: Shop, stores: Stores, orders: Orders, tmp_path: Path) -> None:
    put(orders(NIGHTS[0]), tmp_path / "a.parquet")
    label = {"column": "returned", "source_column": "came back?", "delay_days": 1}
    own = shop({"files": "a.parquet"}, label={**label, "source": {"files": "outcomes/*.parquet"}})
    with pytest.raises(NoSourceData, match=r"no file matches outcomes/\*\.parquet yet: the night has no labels"):
        labels(own, NIGHTS[0], stores)
    put(orders(NIGHTS[0]), tmp_path / "outcomes/a.parquet")
    assert len(labels(own, NIGHTS[0], stores)) == 3
    moved = own.model_copy(update={"source": own.source.model_copy(update={"files": "gone/*.parquet"})})
    with pytest.raises(SourceMissing):
        features(moved, NIGHTS[0], stores)
