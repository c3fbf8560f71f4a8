"""``nightshift new``: the first spec holds what the data say, with reasons, and reads every night of them."""

import datetime as dt
import os
import re
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from nightshift.authoring import survey
from nightshift.authoring.new import NewModelRequest, new
from nightshift.errors import NoSourceData, SourceMissing, SourceUnreadable, UsageError
from nightshift.settings import Settings
from nightshift.sources import features, labels
from nightshift.stores import Stores
from tests.frames import NIGHTS, put, rows
from tests.unit.authoring.conftest import Proposal


@pytest.fixture
def settings(project: Settings) -> Settings:
    return project


@pytest.fixture
def draft(propose: Proposal) -> Proposal:
    return propose


def nightly(data: Any, names: list[str] | None = None) -> pd.DataFrame:
    """A bundled set of scikit-learn cut into nights."""
    frame = data.frame.rename(columns={"target": "label"}).sample(frac=1, random_state=0).reset_index(drop=True)
    if names is not None:
        frame["label"] = [names[value] for value in frame["label"]]
    frame.insert(0, "day", [NIGHTS[place * len(NIGHTS) // len(frame)] for place in range(len(frame))])
    frame.insert(0, "id", range(len(frame)))
    return frame


@pytest.mark.parametrize("ending", ["parquet", "csv"])
@pytest.mark.parametrize(
    ("frame", "task", "trainer"),
    [
        (nightly(load_breast_cancer(as_frame=True)), "binary", "hist_gradient_boosting"),
        (nightly(load_wine(as_frame=True), ["red", "rosé", "white wine"]), "multiclass", "hist_gradient_boosting"),
        (nightly(load_diabetes(as_frame=True, scaled=False)), "regression", "hist_gradient_boosting"),
    ],
    ids=["breast cancer", "wine", "diabetes"],
)
def test_the_kind_of_label_is_recognised_and_every_night_can_be_read(
    draft: Proposal, settings: Settings, frame: pd.DataFrame, task: str, trainer: str, ending: str
) -> None:
    spec, made, text = draft(frame, ending)
    assert (spec.label.type, spec.training.trainer) == (task, trainer)
    assert (made.rows, made.nights) == (len(frame), len(NIGHTS))
    assert made.warnings == []
    assert len(spec.features) == frame.shape[1] - 3
    stores = Stores(settings)
    tables = [features(spec, night.isoformat(), stores) for night in NIGHTS]
    assert sum(len(table) for table in tables) == len(frame)
    assert len(labels(spec, NIGHTS[0].isoformat(), stores)) == (frame["day"] == NIGHTS[0]).sum()
    if task == "multiclass":
        assert spec.label.classes == ("red", "rosé", "white wine")
    assert "seen" in text


def test_every_key_has_a_comment(draft: Proposal) -> None:
    _, _, text = draft(rows(note=["a", "b", None, "c"] * 100))
    lines = text.splitlines()
    for place, line in enumerate(lines):
        if line.strip() and not line.lstrip().startswith("#") and line != "partition:" and not line.endswith(":"):
            above = lines[place - 1].strip()
            assert "  # " in line or above.startswith("#"), line
        assert len(line) < 200


def test_the_same_data_give_the_same_file(draft: Proposal) -> None:
    first, again = draft(rows())[2], draft(rows(), force=True)[2]
    assert first == again


def test_types_nulls_and_limits_come_from_the_data(draft: Proposal) -> None:
    frame = rows(
        price=[Decimal("1.50"), None, Decimal("99.99"), Decimal("7.00")] * 100,
        born=[dt.date(1950, 1, 1), dt.date(2000, 12, 31)] * 200,
        seen=pd.Timestamp("2024-01-01", tz="UTC"),
        kind=pd.Categorical(["a", "b", "ü", "a"] * 100),
        amount=np.array([0, 5, 17, 3] * 100, "uint8"),
        below=np.array([-3.0, 4.0, 1.0, 2.0] * 100, "float32"),
        good=[True, False, True, None] * 100,
    )
    spec, _, text = draft(frame)
    kinds = {name: column.type for name, column in spec.columns.items()}
    assert kinds == {
        "id": "int64", "size": "float64", "price": "decimal", "born": "date", "seen": "timestamp", "kind": "string",
        "amount": "int16", "below": "float32", "good": "bool",
    }  # fmt: skip
    assert (spec.columns["price"].scale, spec.columns["price"].nullable) == (2, True)
    assert spec.columns["price"].max_null_share == pytest.approx(0.43, abs=0.011)
    assert (spec.columns["amount"].min, spec.columns["amount"].max) == (0, 34)
    assert (spec.columns["below"].min, spec.columns["below"].max) == (-10, 11)
    assert spec.columns["kind"].values == ("a", "b", "ü")
    assert spec.columns["born"].min == dt.date(1899, 1, 1)
    assert (spec.night.min_rows, spec.night.max_rows) == (20, 80)
    assert (spec.training.window_days, spec.training.holdout_days) == (10, 2)
    assert spec.partition.start == NIGHTS[0]
    assert "half of the smallest night, 40 rows" in text
    assert "25.0% null" in text


def test_what_cannot_help_is_no_feature_with_the_reason(draft: Proposal) -> None:
    frame = rows(
        email=[f"{n}@example.com" for n in range(400)],
        number=range(1000, 1400),
        always=7,
        never=None,
        at=pd.Timestamp("2024-01-01"),
        ordered=rows()["day"],
        tags=[[1, 2]] * 400,
    )
    spec, made, text = draft(frame)
    assert spec.features == ("size",)
    reasons = {"email": "nearly one a row: an id", "number": "its own number: an id", "always": "one value only",
               "never": "always null", "at": "a moment is no quantity", "ordered": "it moves with the night",
               "id": "the key names the row"}  # fmt: skip
    for name, reason in reasons.items():
        assert re.search(rf"no feature: .*{reason}.*\n  {name}:|\n  {name}:.*no feature: .*{reason}", text), name
    assert "'tags' is left out: list<" in "\n".join(made.warnings)
    assert "# 'tags' is left out" in text


def test_many_categories_have_no_list_and_too_many_are_no_feature(draft: Proposal) -> None:
    count = 12_000
    frame = rows(count, some=[f"s{n % 300}" for n in range(count)], many=[f"m{n % 10_000 // 2}" for n in range(count)])
    spec, _, text = draft(frame)
    assert (spec.columns["some"].values, spec.columns["some"].feature) == (None, True)
    assert (spec.columns["many"].values, spec.columns["many"].feature) == (None, False)
    assert "5,000 different texts would be learnt by heart" in text


def test_names_are_made_safe_and_different(draft: Proposal) -> None:
    names = ["Straße 1", "strasse-1", '2nd "quoted"', "価格", "score", "label_score", "run_id", "It's"]
    frame = rows(**{name: np.arange(400) % 5 for name in names}).rename(columns={"label": "Gone?", "day": "The Day"})
    spec, _, _ = draft(frame, label="Gone?", partition_by="The Day")
    sources = {column.source: name for name, column in spec.columns.items() if column.source}
    assert (spec.label.source, spec.label.column, spec.partition.column) == ("Gone?", "gone", "the_day")
    assert sources == {"Straße 1": "strasse_1", "strasse-1": "strasse_1_2", "2nd \"quoted\"": "c_2nd_quoted",
                       "価格": "column_6", "run_id": "run_id_2", "It's": "it_s"}  # fmt: skip


@pytest.mark.parametrize(
    ("values", "task", "positive"),
    [
        (["yes", "no", "no", None], "binary", "yes"),
        (["left", "right", "right", "right"], "binary", "left"),
        ([1.0, 0.0, np.nan, 0.0], "binary", None),
        ([2, 1, 1, 1], "binary", "2"),
        ([1, 2, 3, 4], "multiclass", None),
        ([1.5, 2.0, 3.0, 4.0], "regression", None),
        (["a", "b", "c", "a"], "multiclass", None),
    ],
)
def test_labels(draft: Proposal, settings: Settings, values: list[Any], task: str, positive: str | None) -> None:
    spec, _, _ = draft(rows(label=values * 100))
    assert (spec.label.type, spec.label.positive) == (task, positive)
    classes = labels(spec, NIGHTS[0].isoformat(), Stores(settings))["label"].to_pylist()
    if positive is not None:
        assert positive in classes
    if spec.label.classes:
        assert set(classes) == set(spec.label.classes)


def test_a_person_may_overrule_the_kind_of_label(draft: Proposal) -> None:
    frame = rows(label=[1, 2, 3, 4] * 100)
    assert draft(frame, label_type="regression")[0].label.type == "regression"
    assert draft(frame, label_type="quantile", force=True)[0].label.quantiles == (0.1, 0.5, 0.9)
    with pytest.raises(UsageError, match="label has 4 different values"):
        draft(frame, label_type="binary", force=True)


def test_in_a_csv_a_number_with_leading_zeros_is_text_and_types_are_found_over_all_rows(draft: Proposal) -> None:
    frame = rows(
        code=[f"{n % 50:03d}" for n in range(400)],
        whole=[*range(399), None],
        late=[*range(399), "x"],
        when=["2024-01-01 10:00:00"] * 400,
        flag=["True", "false"] * 200,
        gap=["", *[""] * 399],
    )
    spec, _, _ = draft(frame, "csv")
    kinds = {name: column.type for name, column in spec.columns.items()}
    assert kinds == {"id": "int64", "size": "float64", "code": "string", "whole": "int64", "late": "string",
                     "when": "timestamp", "flag": "bool", "gap": "string"}  # fmt: skip


def test_leaks_are_said_and_marked_and_not_watched_for_drift(draft: Proposal) -> None:
    frame = rows()
    spec, made, text = draft(frame.assign(reason=np.where(frame["label"], "moved", "none")))
    assert made.warnings == [
        "reason alone tells the label with AUC 1.000: was it written after the outcome was known?"
        " If so, give it feature: false"
    ]
    assert "LOOK AT IT: alone tells the label with AUC 1.000" in text
    assert spec.drift.features == ("size",)


def test_nights_may_be_in_the_path(draft: Proposal, settings: Settings) -> None:
    for night, part in rows().groupby("day"):
        put(part.drop(columns="day"), settings.project / f"lake/day={night}/part.parquet")
    spec, made, _ = draft(rows(), data="lake/**/*.parquet")
    assert (spec.source.night, spec.partition.column, made.nights) == ("path", "day", 10)  # type: ignore[union-attr]
    assert len(features(spec, "2024-01-03", Stores(settings))) == 40


def test_data_without_a_date_are_of_the_day_they_came(draft: Proposal, settings: Settings) -> None:
    for place in range(3):
        file = put(rows().drop(columns="day").query(f"id % 3 == {place}"), settings.project / f"drop/{place}.csv")
        moment = dt.datetime(2024, 5, 1 + place, 12, tzinfo=dt.UTC).timestamp()
        os.utime(file, (moment, moment))
    spec, _, text = draft(rows(), data="drop/*.csv", partition_by="arrival")
    assert (spec.source.night, spec.partition.column) == ("arrival", "night")  # type: ignore[union-attr]
    assert str(spec.partition.start) == "2024-05-01"
    assert len(features(spec, "2024-05-02", Stores(settings))) == 133
    assert "the day a file was last written" in text


def test_very_large_data_are_counted_in_part_and_the_file_says_so(
    draft: Proposal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey, "MOST_ROWS", 100)
    monkeypatch.setattr("nightshift.sources.tables.BATCH_ROWS", 40)
    spec, made, text = draft(rows())
    assert "columns were counted in every 4th batch of rows" in text
    assert (made.rows, spec.night.min_rows) == (400, 20)


def test_infinite_values_are_said_and_dropped(draft: Proposal) -> None:
    spec, made, _ = draft(rows(wild=[1.0, np.inf, 3.0, 2.0] * 100))
    assert made.warnings == ["wild has infinite values: rows with one are dropped"]
    assert (spec.columns["wild"].action("finite"), spec.columns["wild"].max) == ("drop", 5)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"label": "lable"}, "--label: the data has no column 'lable'; did you mean label"),
        ({"keys": ("idd",)}, "--keys: the data has no column 'idd'; did you mean id"),
        ({"partition_by": "dya"}, "--partition-by: the data has no column 'dya'; did you mean day"),
        ({"keys": ("label",)}, "--keys: label is the label"),
        ({"partition_by": "size"}, "column size says no night: double says no night"),
        ({"label": "always"}, "always has 1 different values in 400 rows: nothing to learn"),
        ({"label": "email"}, "email has 400 different values, more than the 100 that can be classes"),
        ({"label": "born"}, "born is date32.* which nothing here predicts"),
        ({"keys": ("two",)}, "--keys two: 380 of 400 rows repeat a key of their night\n.*--keys two,id"),
    ],
)
def test_what_does_not_fit_the_data_is_one_clear_error(draft: Proposal, options: dict[str, Any], why: str) -> None:
    emails = [f"{n}@example.com" for n in range(400)]
    frame = rows(always=7, email=emails, born=dt.date(2000, 1, 1), two=[1, 2] * 200)
    with pytest.raises(UsageError, match=why):
        draft(frame, **options)


def test_a_few_repeated_keys_are_dropped_by_the_spec_and_said(draft: Proposal) -> None:
    frame = rows().drop(columns="size").assign(size=0.5, kind=["a", "b"] * 200)
    frame.loc[1, "id"] = 0
    frame.loc[1, "kind"] = "a"
    spec, made, _ = draft(frame.assign(kind=["a", "a", "b", "b"] * 100))
    assert spec.night.duplicate_keys == "drop"
    assert any("1 rows repeat a key of their night" in warning for warning in made.warnings)


def test_files_that_contradict_each_other_are_named(draft: Proposal, settings: Settings) -> None:
    put(rows(), settings.project / "in/a.parquet")
    put(rows(size="x"), settings.project / "in/b.parquet")
    why = r"it is double in .*a\.parquet, but (large_)?string in .*b\.parquet"
    with pytest.raises(UsageError, match=f"^column size cannot be used: {why}"):
        draft(rows(), data="in/*.parquet", keys=("id", "size"))


def test_a_column_that_some_files_lack_is_null_in_their_rows_and_said(draft: Proposal, settings: Settings) -> None:
    put(rows().query("id < 200"), settings.project / "in/a.parquet")
    put(rows(more=1.5).query("id >= 200"), settings.project / "in/b.parquet")
    spec, made, _ = draft(rows(), data="in/*.parquet")
    assert (spec.columns["more"].optional, spec.columns["more"].nullable) == (True, True)
    assert made.warnings == ["more: 1 of 2 files lack it, and it is null in their rows"]
    for night, expected in (("2024-01-01", None), ("2024-01-10", 1.5)):
        assert set(features(spec, night, Stores(settings))["more"].to_pylist()) == {expected}


@pytest.mark.parametrize(
    ("data", "kind"), [("nowhere/*.csv", SourceMissing), ("half.parquet", SourceUnreadable), ("none.csv", NoSourceData)]
)
def test_data_that_cannot_be_read_are_one_clear_error(
    draft: Proposal, settings: Settings, data: str, kind: type[Exception]
) -> None:
    (settings.project / "half.parquet").write_bytes(b"PAR1 half")
    (settings.project / "none.csv").write_text("day,id,size,label\n")
    with pytest.raises(kind):
        draft(rows(), data=data)
    assert not (settings.models / "model").exists()


def test_a_model_that_is_there_is_kept_unless_told_otherwise(draft: Proposal, settings: Settings) -> None:
    draft(rows())
    file = settings.models / "model" / "model.yaml"
    file.write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        draft(rows())
    assert file.read_text() == "mine"
    assert draft(rows(), force=True)[0].name == "model"
    assert [path.name for path in file.parent.iterdir()] == ["model.yaml"]


@pytest.mark.parametrize("name", ["Churn", "my model", "1st", "../x", ""])
def test_a_bad_name_is_refused(settings: Settings, name: str) -> None:
    with pytest.raises(UsageError, match="a model is named with small letters"):
        new(NewModelRequest(name, "x.csv", "label", ("id",), "day"), settings)
