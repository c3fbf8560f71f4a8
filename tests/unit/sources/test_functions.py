"""Python as a source: functions of an installed package, and a file beside model.yaml."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nightshift.errors import NoSourceData, SchemaMismatch, SourceUnavailable, SourceUnreadable, SpecError
from nightshift.sources import features, labels
from nightshift.spec import ModelSpec
from nightshift.stores import Stores

Shop = Callable[..., ModelSpec]
COLUMNS = {"order": {"type": "int64", "source": "Order No.", "feature": False}, "code": {"type": "string"}}
MODULE = """
import pandas as pd
import pyarrow as pa

def rows(night):
    count = 0 if night.day == 9 else 2
    return pd.DataFrame({"Order No.": range(count), "code": ["a", "b"][:count], "came back?": [True, False][:count]})

def table(night):
    return pa.Table.from_pandas(rows(night))

def nothing(night):
    return None

def other(night):
    return rows(night).drop(columns="code")

def wrong(night):
    return rows(night)["cod"]

def away(night):
    raise ConnectionRefusedError("the shop is closed")

value = 7
"""


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "shop_nights.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path / "site")


@pytest.mark.parametrize("name", ["rows", "table"])
def test_a_frame_and_an_arrow_table_are_taken_alike(shop: Shop, stores: Stores, name: str) -> None:
    spec = shop({"callable": f"shop_nights:{name}"}, columns=COLUMNS)
    assert features(spec, "2024-01-01", stores).to_pydict() == {"order": [0, 1], "code": ["a", "b"]}
    assert labels(spec, "2024-01-01", stores)["returned"].to_pylist() == [True, False]
    with pytest.raises(NoSourceData):
        features(spec, "2024-01-09", stores)


@pytest.mark.parametrize(
    ("dotted", "kind", "why"),
    [
        ("no_such_package.nights:rows", SpecError, "no_such_package"),
        ("shop_nights:row", SpecError, "shop_nights has no function row"),
        ("shop_nights:value", SpecError, "shop_nights has no function value"),
        ("shop_nights:nothing", SourceUnreadable, "got a NoneType, not a DataFrame or an Arrow table"),
        ("shop_nights:wrong", SourceUnreadable, r"from shop_nights:wrong: KeyError: 'cod', at shop_nights.py line \d+"),
        ("shop_nights:away", SourceUnavailable, "ConnectionRefusedError: the shop is closed"),
        ("shop_nights:other", SchemaMismatch, "column code missing; got Order No., came back"),
    ],
)
def test_what_cannot_be_asked_is_named(
    shop: Shop, stores: Stores, dotted: str, kind: type[Exception], why: str
) -> None:
    with pytest.raises(kind, match=why):
        features(shop({"callable": dotted}, columns=COLUMNS), "2024-01-01", stores)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("def features(night:", "SyntaxError: .*, line 1"),
        ("import pandas\nimport no_such_package", "ModuleNotFoundError: .*no_such_package.*, at source.py line 2"),
        ("def features(night): ...\nfeatures()", "TypeError: .*, at source.py line 2"),
    ],
)
def test_a_file_that_cannot_be_imported_is_one_clear_error(
    spec: ModelSpec, stores: Stores, text: str, why: str
) -> None:
    (stores.settings.models / spec.name).mkdir(parents=True, exist_ok=True)
    (stores.settings.models / spec.name / "source.py").write_text(text)
    with pytest.raises(SpecError, match=rf"source\.py cannot be imported: {why}"):
        features(spec, "2024-01-01", stores)
