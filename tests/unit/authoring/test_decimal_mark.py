"""Numbers with a decimal comma in CSV: drafted where that is sure, and never made categories without a word."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nightshift.authoring.new import NewModel
from nightshift.errors import UsageError
from nightshift.settings import Settings
from nightshift.sources import features, labels
from nightshift.spec import ModelSpec
from nightshift.steps.ingest import with_outcomes
from nightshift.stores import Stores
from tests.frames import NIGHTS, rows
from tests.unit.authoring.conftest import Proposal

COUNT = 400
PRICES = [f"{1 + number % 7},{number % 10}" for number in range(COUNT)]
POINTS = [text.replace(",", ".") for text in PRICES]
LARGE = [f"{1 + number % 900}.{100 + number % 800}" for number in range(COUNT)]
LARGE_DECIMALS = [f"{text},25" for text in LARGE]
THOUSANDS = [text.replace(".", ",") for text in LARGE]
MILLIONS = [f"{text},000" for text in THOUSANDS]


class Drafts:
    """``drafts(separator, price=[...])``: the spec of a CSV with such columns, and what was said."""

    def __init__(self, propose: Proposal, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
        self.propose = propose
        self.monkeypatch = monkeypatch
        self.stores = Stores(settings)
        self.in_csv = pd.DataFrame.to_csv

    def __call__(self, separator: str, /, **columns: Any) -> tuple[ModelSpec, NewModel]:
        frame = rows(COUNT).drop(columns="size").assign(other=[number % 13 for number in range(COUNT)])
        options = {name: columns.pop(name) for name in ("label_type", "keys", "force") if name in columns}
        frame = frame.assign(**columns)

        def to_csv(frame: pd.DataFrame, path: Path, **kwargs: Any) -> None:
            self.in_csv(frame, path, sep=separator, **kwargs)

        self.monkeypatch.setattr(pd.DataFrame, "to_csv", to_csv)
        spec, made, _ = self.propose(frame, "csv", **options)
        return spec, made

    def night(self, spec: ModelSpec, column: str) -> list[Any]:
        values: list[Any] = features(spec, NIGHTS[0].isoformat(), self.stores).to_pydict()[column]
        return values


@pytest.fixture
def drafts(propose: Proposal, monkeypatch: pytest.MonkeyPatch, project: Settings) -> Drafts:
    return Drafts(propose, monkeypatch, project)


def mark(spec: ModelSpec) -> str:
    return str(spec.source.csv.decimal)  # type: ignore[union-attr]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_numbers_with_a_decimal_comma_are_numbers(drafts: Drafts, separator: str) -> None:
    spec, made = drafts(separator, price=PRICES, total=LARGE_DECIMALS, whole=LARGE)
    kinds = {name: spec.columns[name].type for name in ("price", "total", "whole")}
    assert (mark(spec), kinds) == (",", {"price": "float64", "total": "float64", "whole": "int64"})
    assert drafts.night(spec, "price")[:2] == [1.0, 2.1]
    assert drafts.night(spec, "total")[:2] == [1100.25, 2101.25]
    assert drafts.night(spec, "whole")[:2] == [1100, 2101]
    [remark] = [warning for warning in made.warnings if "decimal comma" in warning and "price" in warning]
    assert "source.csv.decimal" in remark
    assert any(warning.startswith("whole: its dots") for warning in made.warnings)


def test_nulls_beside_decimal_commas_are_nulls(drafts: Drafts) -> None:
    prices = ["NA" if number % 9 == 0 else text for number, text in enumerate(PRICES)]
    spec, made = drafts(";", size=["?" if text == "NA" else text for text in prices], price=prices)
    [remark] = [warning for warning in made.warnings if "but for '?'" in warning]
    assert "decimal comma" in remark
    assert (spec.columns["price"].type, spec.columns["size"].type) == ("float64", "float64")
    assert spec.columns["size"].nulls == ("?",)
    assert drafts.night(spec, "size")[:2] == [None, 2.1]


def test_a_comma_before_three_digits_is_a_decimal_one_beside_semicolons(drafts: Drafts) -> None:
    spec, _ = drafts(";", share=THOUSANDS)
    assert (mark(spec), spec.columns["share"].type) == (",", "float64")
    assert drafts.night(spec, "share")[:2] == [1.1, 2.101]


@pytest.mark.parametrize("separator", [",", "\t"])
@pytest.mark.parametrize("texts", [THOUSANDS, MILLIONS])
def test_commas_that_may_stand_between_thousands_stay_and_are_said(
    drafts: Drafts, separator: str, texts: list[str]
) -> None:
    spec, made = drafts(separator, count=texts)
    assert (mark(spec), spec.columns["count"].type) == (".", "string")
    [remark] = [warning for warning in made.warnings if warning.startswith("count stays text")]
    assert "between thousands" in remark


def test_beside_decimal_points_commas_stay_and_are_said(drafts: Drafts) -> None:
    spec, made = drafts(";", price=PRICES, size=POINTS)
    assert (mark(spec), spec.columns["price"].type, spec.columns["size"].type) == (".", "string", "float64")
    [remark] = [warning for warning in made.warnings if warning.startswith("price stays text")]
    assert "those of size a decimal point" in remark


def test_a_column_with_both_marks_stays_and_is_said(drafts: Drafts) -> None:
    both = [text if number % 2 else POINTS[number] for number, text in enumerate(PRICES)]
    spec, made = drafts(";", price=both)
    assert (mark(spec), spec.columns["price"].type) == (".", "string")
    [remark] = [warning for warning in made.warnings if warning.startswith("price stays text")]
    assert "some a point" in remark


@pytest.mark.parametrize("texts", [["01.02.2024", "24.12.2024"], ["1.2.3", "10.0.0.1"], ["a, b", "1, 2"]])
def test_what_is_no_number_changes_no_mark(drafts: Drafts, texts: list[str]) -> None:
    spec, made = drafts(";", kind=texts * (COUNT // 2))
    assert (mark(spec), spec.columns["kind"].type) == (".", "string")
    assert not any("stays text" in warning for warning in made.warnings)


def test_a_label_may_have_a_decimal_comma(drafts: Drafts) -> None:
    amounts = [f"{number % 97},{number % 10}" for number in range(COUNT)]
    spec, _ = drafts(",", label=amounts)
    assert (spec.label.type, mark(spec)) == ("regression", ",")
    night = labels(spec, NIGHTS[0].isoformat(), drafts.stores).to_pydict()  # type: ignore[operator]
    assert night["label"][:3] == [0.0, 1.1, 2.2]


def test_classes_that_are_written_with_decimals_are_whole_numbers(drafts: Drafts) -> None:
    spec, _ = drafts(";", label=[f"{number % 3},0" for number in range(COUNT)], size=PRICES)
    assert spec.label.classes == ("0", "1", "2")
    partition = NIGHTS[0].isoformat()
    outcomes = with_outcomes(spec, partition, labels(spec, partition, drafts.stores))
    assert outcomes["label"].to_pylist()[:3] == ["0", "1", "2"]


def test_a_label_whose_commas_may_mean_either_is_refused(drafts: Drafts) -> None:
    with pytest.raises(UsageError, match="column label cannot be used: the commas of its numbers"):
        drafts(",", label=THOUSANDS)


def test_keys_are_kept_digit_by_digit(drafts: Drafts) -> None:
    keys = [f"{number},5" for number in range(COUNT)]
    thousands = [f"{1 + number}.000" for number in range(COUNT)]
    spec, _ = drafts(";", id=keys, number=thousands, keys=("id", "number"), price=PRICES)
    assert (spec.columns["id"].type, spec.columns["number"].type) == ("string", "int64")
    assert drafts.night(spec, "id")[:2] == ["0,5", "1,5"]
    assert drafts.night(spec, "number")[:2] == [1000, 2000]


def test_codes_are_spelled_as_their_list_has_them(drafts: Drafts) -> None:
    spec, _ = drafts(";", shop_code=[f"{7 + number % 4},0" for number in range(COUNT)], price=PRICES)
    assert (spec.columns["shop_code"].codes, spec.columns["shop_code"].values) == (True, ("7", "8", "9", "10"))
    assert drafts.night(spec, "shop_code")[:4] == ["7", "8", "9", "10"]
    plain, _ = drafts(",", shop_code=[["7.0", "8.0", "9.0", None][number % 4] for number in range(COUNT)], force=True)
    assert plain.columns["shop_code"].values == ("7", "8", "9")
    assert drafts.night(plain, "shop_code")[:4] == ["7", "8", "9", None]
