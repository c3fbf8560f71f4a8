"""Features of one's own: the rows of one night, never its label, never the clock; as many rows back."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from nightshift.errors import SchemaMismatch, SourceUnreadable, SpecError
from nightshift.sources import features, labels
from nightshift.sources.functions import _beside
from nightshift.spec import ModelSpec, load_spec
from nightshift.spec.clock import require_no_clock
from nightshift.stores import Stores

Shop = Callable[..., ModelSpec]
Orders = Callable[..., pd.DataFrame]
COLUMNS = {
    "order": {"type": "int64", "source": "Order No.", "feature": False},
    "alike": {"type": "int64"},
}
DATAFRAME = "def transform(night, rows):\n    return rows.assign(alike=len(rows))\n"
ARROW = (
    "import pyarrow as pa\n"
    "def transform(night, rows: pa.Table) -> pa.Table:\n"
    "    return rows.append_column('alike', pa.array([rows.num_rows] * rows.num_rows))\n"
)
SOURCE = {"files": "in/*", "transform": "features.py"}


@pytest.fixture
def shop_with(stores: Stores, shop: Shop) -> Callable[..., ModelSpec]:
    """``shop_with("def transform...")``: the spec with this beside its model.yaml."""

    def make(code: str, source: dict[str, Any] | None = None, **changes: Any) -> ModelSpec:
        folder = stores.settings.models / "shop"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "features.py").write_text(code)
        _beside.cache_clear()
        return shop(source or SOURCE, **{"columns": COLUMNS, **changes})

    return make


@pytest.fixture
def files(stores: Stores, orders: Orders) -> Path:
    """Two nights in two Parquet files."""
    folder = stores.settings.project / "in"
    folder.mkdir()
    both = pd.concat([orders("2024-01-01", 3), orders("2024-01-02", 2, first=10)])
    both.iloc[::2].to_parquet(folder / "even.parquet")
    both.iloc[1::2].to_parquet(folder / "odd.parquet")
    return folder


@pytest.mark.parametrize("code", [DATAFRAME, ARROW], ids=["DataFrame", "Arrow"])
@pytest.mark.usefixtures("files")
def test_it_sees_all_rows_of_the_night_and_none_of_others(shop_with: Any, stores: Stores, code: str) -> None:
    spec = shop_with(code)
    for night, count in (("2024-01-01", 3), ("2024-01-02", 2)):
        rows = features(spec, night, stores)
        assert rows["alike"].to_pylist() == [count] * count


def test_an_optional_column_that_a_file_lacks_is_null(
    shop_with: Any, stores: Stores, files: Path, orders: Orders
) -> None:
    columns = {**COLUMNS, "extra": {"type": "float64", "nullable": True, "optional": True}}
    spec = shop_with("def transform(night, rows):\n    return rows.assign(alike=1)\n", columns=columns)
    assert features(spec, "2024-01-01", stores)["extra"].null_count == 3
    orders("2024-01-03", 2, first=20).assign(extra=2.5).to_parquet(files / "later.parquet")
    assert features(spec, "2024-01-03", stores)["extra"].to_pylist() == [2.5, 2.5]


@pytest.mark.usefixtures("files")
def test_it_never_sees_the_label_and_the_label_stays(shop_with: Any, stores: Stores) -> None:
    spec = shop_with("def transform(night, rows):\n    return rows.assign(alike='came back?' in rows)\n")
    assert features(spec, "2024-01-01", stores)["alike"].to_pylist() == [0, 0, 0]
    outcomes = labels(spec, "2024-01-01", stores).sort_by("order")
    assert outcomes["returned"].cast(pa.float32()).to_pylist() == [1.0, None, 0.0]


@pytest.mark.usefixtures("files")
def test_keys_and_a_label_may_be_made_by_it_and_belong_together(shop_with: Any, stores: Stores) -> None:
    code = (
        "def transform(night, rows):\n"
        "    made = rows.assign(number=rows['Order No.'] + 100, alike=1)\n"
        "    return made.sort_values('number', ascending=False)\n"
    )
    columns = {**COLUMNS, "order": {"type": "int64", "source": "number", "feature": False}}
    spec = shop_with(code, columns=columns)
    outcomes = labels(spec, "2024-01-01", stores).sort_by("order").to_pydict()
    assert outcomes == {"order": [101, 102, 103], "returned": [1.0, None, 0.0]}


@pytest.mark.usefixtures("files")
def test_the_label_may_be_made_by_it(shop_with: Any, stores: Stores) -> None:
    code = "def transform(night, rows):\n    return rows.assign(alike=1, free=rows['price'].isna())\n"
    spec = shop_with(code, label={"column": "free", "delay_days": 1})
    assert labels(spec, "2024-01-01", stores).sort_by("order")["free"].to_pylist() == [False, True, False]


def test_csv_comes_as_texts(shop_with: Any, stores: Stores, orders: Orders) -> None:
    folder = stores.settings.project / "in"
    folder.mkdir()
    orders("2024-01-01", 3).to_csv(folder / "a.csv", index=False)
    spec = shop_with("def transform(night, rows):\n    return rows.assign(alike=rows['code'].str.len())\n")
    rows = features(spec, "2024-01-01", stores)
    assert (rows["order"].to_pylist(), rows["alike"].to_pylist()) == ([1, 2, 3], [3, 3, 3])


def test_a_query_s_rows_are_transformed_too(shop_with: Any, stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    path = stores.settings.project / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute('CREATE TABLE orders (day, "Order No.", "came back?")')
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?)", [("2024-01-01", 1, 1), ("2024-01-01", 2, 0)])
    connection.close()
    monkeypatch.setenv("SHOP_URL", f"sqlite:///{path}")
    query = {"sql": "SELECT * FROM orders WHERE day = :night", "url_variable": "SHOP_URL", "transform": "features.py"}
    spec = shop_with(DATAFRAME, query)
    assert features(spec, "2024-01-01", stores)["alike"].to_pylist() == [2, 2]
    assert labels(spec, "2024-01-01", stores)["returned"].to_pylist() == [1, 0]


@pytest.mark.parametrize(
    ("code", "error", "why"),
    [
        ("def transform(night, rows):\n    return rows.head(1)\n", SourceUnreadable, "gave 1 rows for 3"),
        ("def transform(night, rows):\n    return 7\n", SourceUnreadable, "got a int, not a DataFrame"),
        ("def transform(night, rows):\n    return rows\n", SchemaMismatch, "column alike missing"),
        (
            "def transform(night, rows):\n    return rows['x']\n",
            SourceUnreadable,
            "KeyError: .x., at features.py",
        ),
        ("def other(night, rows):\n    return rows\n", SpecError, "has no function transform"),
        ("import datetime as dt\ndef transform(night, rows):\n    dt.date.today()\n", SpecError, "reads the clock"),
    ],
)
@pytest.mark.usefixtures("files")
def test_what_it_does_wrong_is_one_clear_error(
    shop_with: Any, stores: Stores, code: str, error: type[Exception], why: str
) -> None:
    spec = shop_with(code)
    with pytest.raises(error, match=f"(?s){why}"):
        features(spec, "2024-01-01", stores)


@pytest.mark.parametrize(
    "code",
    ["datetime.now()", "dt.datetime.utcnow()", "pd.Timestamp.today()", "time.time()", "clock()", "pd.Timestamp('now')",
     "np.datetime64('today')"],
)  # fmt: skip
def test_the_clock_is_found_before_anything_runs(tmp_path: Path, code: str) -> None:
    file = tmp_path / "features.py"
    file.write_text(f"from time import time as clock\nx = 1\ny = {code}\n")
    with pytest.raises(SpecError, match=r"features\.py: line 3: .* reads the clock"):
        require_no_clock(file)


def test_what_only_sounds_like_the_clock_is_let_pass(tmp_path: Path) -> None:
    file = tmp_path / "features.py"
    file.write_text("a = rows.today\nb = rows['at'].dt.time\nc = rows['now']\nd = night.isoformat()\n")
    require_no_clock(file)


def test_a_spec_that_names_no_file_says_so(model_folder: Path) -> None:
    path = model_folder / "model.yaml"
    text = path.read_text()
    start = text.index("source:")
    end = text.index("\n", start)
    following = next(place for place in range(end + 1, len(text)) if text[place - 1] == "\n" and text[place] != " ")
    path.write_text(text[:start] + "source: {files: x.parquet, transform: features.py}\n" + text[following:])
    with pytest.raises(SpecError, match=r"source\.transform: got 'features\.py', which is not beside model\.yaml"):
        load_spec(path)
