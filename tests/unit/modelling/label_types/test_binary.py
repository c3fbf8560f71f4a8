"""Yes or no, in whatever words it comes."""

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from nightshift.errors import ModelError, SchemaMismatch
from nightshift.modelling.label_types import label_type
from nightshift.spec import ModelSpec

Change = Callable[..., ModelSpec]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([True, None, False]),
        pa.array([1, None, 0], pa.int16()),
        pa.array([1.0, float("nan"), 0.0], pa.float32()),
        pa.array([Decimal("1.00"), None, Decimal("0.00")]),
        pa.chunked_array([[True], [None, False]]),
        pa.array([1, None, 0]).dictionary_encode(),
    ],
)
def test_yes_and_no_are_one_and_zero_however_they_come(spec: ModelSpec, values: pa.Array) -> None:
    found = label_type(spec).cast(values, "labels")
    assert found.type == pa.float32()
    assert found.to_pylist() == [1.0, None, 0.0]


def test_a_text_means_yes_where_the_spec_says_which(spec: ModelSpec, change: Change) -> None:
    label = label_type(change(spec, label={"positive": "churned"}))
    assert label.cast(pa.array(["churned", "stayed", None]), "labels").to_pylist() == [1.0, 0.0, None]
    assert label.cast(pa.array(["stayed"], pa.large_string()), "labels").to_pylist() == [0.0]
    assert label.cast(pa.array(["churned"]).dictionary_encode(), "labels").to_pylist() == [1.0]
    assert label.cast(pa.array(["churned", None], pa.string_view()), "labels").to_pylist() == [1.0, None]


@pytest.mark.parametrize(
    ("scores", "note"),
    [
        ([0.1, 0.4], r"no row of the holdout reaches predict\.threshold 0\.5: the highest score is 0\.4"),
        ([0.5, 0.9], r"every row of the holdout reaches predict\.threshold 0\.5: the lowest score is 0\.5"),
        ([0.1, 0.9], "^$"),
    ],
)
def test_predictions_that_are_all_the_same_are_said(
    spec: ModelSpec, change: Change, scores: list[float], note: str
) -> None:
    label = label_type(change(spec, predict={"threshold": 0.5}))
    assert re.search(note, label.threshold_note(np.array(scores)))


def test_a_share_has_a_threshold_only_after_a_training(spec: ModelSpec, change: Change) -> None:
    of_share = change(spec, predict={"share": 0.25, "threshold": None})
    scores = np.array([0.1, 0.2, 0.3, 0.4])
    with pytest.raises(ModelError, match="no threshold before a training"):
        label_type(of_share).decide(scores)
    threshold = label_type(of_share).threshold_for(np.zeros(4), scores)
    trained = of_share.with_threshold(threshold)
    assert label_type(trained).decide(scores).tolist() == [False, False, False, True]
    assert label_type(spec).threshold_for(np.zeros(4), scores) is None
    assert spec.with_threshold(None) is spec


def test_a_night_of_nothing_but_nulls_has_no_outcome_yet(spec: ModelSpec) -> None:
    assert label_type(spec).cast(pa.nulls(2), "labels").to_pylist() == [None, None]


@pytest.mark.parametrize(
    ("values", "said", "fix"),
    [
        (pa.array([0, 1, 2]), "has 2; a binary label is", "mend the source"),
        (pa.array([0.5, 0.25, 7.0, 8.0]), r"has 0\.5, 0\.25, 7\.0 \.\.\.;", "mend the source"),
        (pa.array([float("inf")]), "has inf", "mend the source"),
        (pa.array(["yes", None]), "is text, e.g. 'yes'", "label.positive"),
        (pa.array([dt.date(2024, 1, 1)]), "is date32", "mend the source"),
    ],
)
def test_what_is_neither_is_named(spec: ModelSpec, values: pa.Array, said: str, fix: str) -> None:
    with pytest.raises(SchemaMismatch, match=rf"^labels/x 2024-01-01: label late {said}") as error:
        label_type(spec).cast(values, "labels/x 2024-01-01")
    assert fix in str(error.value.fix)


def test_a_third_text_is_no_silent_no(spec: ModelSpec, change: Change) -> None:
    label = label_type(change(spec, label={"positive": "yes"}))
    with pytest.raises(SchemaMismatch, match="has 'maybe', 'no', 'yes'; a binary label has two values"):
        label.cast(pa.array(["yes", "no", "maybe"]), "labels")
    with pytest.raises(SchemaMismatch, match="has 'maybe', 'no'; a binary label has two values"):
        label.cast(pa.array(["no", "maybe"]), "labels")


def test_labels_kept_as_another_kind_are_named_with_what_brings_them_again(spec: ModelSpec) -> None:
    assert label_type(spec).as_targets(pa.array([1.0, None], pa.float32())).tolist() == pytest.approx(
        [1, np.nan], nan_ok=True
    )
    with pytest.raises(SchemaMismatch, match="label late is string in the lake; a binary label is float") as error:
        label_type(spec).as_targets(pa.array(["yes"]))
    assert f"nightshift load {spec.name}" in str(error.value.fix)


def test_what_is_published_is_read_back(spec: ModelSpec) -> None:
    label, scores = label_type(spec), np.array([0.25, 0.5], np.float32)
    table = pa.table(label.published_columns(scores), schema=pa.schema(label.published_fields()))
    assert table.to_pydict() == {"score": [0.25, 0.5], "prediction": [False, True]}
    assert label.read_scores(table).tolist() == [0.25, 0.5]


@pytest.mark.parametrize("strange", ["YES", "pending", "", " yes", "true"])
def test_a_text_that_is_neither_of_the_two_stops_its_night(spec: ModelSpec, change: Change, strange: str) -> None:
    label = label_type(change(spec, label={"positive": "yes", "negative": "no"}))
    assert label.cast(pa.array(["no", "no", None]), "labels").to_pylist() == [0.0, 0.0, None]
    for texts in ([strange], [strange, "no"], [strange, "yes"]):
        with pytest.raises(SchemaMismatch, match=f"has {strange!r}; a binary label has two values, 'yes' or 'no'"):
            label.cast(pa.array(texts), "labels")


@pytest.mark.parametrize(
    ("positive", "texts"),
    [
        ("yes", ["pending"]),
        ("yes", ["YES", "no"]),
        ("churned", ["Churned"]),
        ("churned", [""]),
        ("churned", ["NULL", "churned"]),
    ],
)
def test_without_a_negative_an_unknown_text_is_no_silent_no(
    spec: ModelSpec, change: Change, positive: str, texts: list[str]
) -> None:
    label = label_type(change(spec, label={"positive": positive}))
    with pytest.raises(SchemaMismatch, match="a binary label has two values") as error:
        label.cast(pa.array(texts), "labels")
    assert "label.negative" in str(error.value.fix)


def test_without_a_negative_the_text_that_is_taken_as_no_is_said(
    spec: ModelSpec, change: Change, caplog: pytest.LogCaptureFixture
) -> None:
    label = label_type(change(spec, label={"positive": "churned"}))
    assert label.cast(pa.array(["churned", "stayed"]), "labels/x").to_pylist() == [1.0, 0.0]
    assert "labels/x: label.negative is not in model.yaml, so 'stayed' is taken as no" in caplog.text
    caplog.clear()
    assert label_type(change(spec, label={"positive": "Yes"})).cast(pa.array(["No"]), "x").to_pylist() == [0.0]
    assert not caplog.text


def test_one_number_is_one_label_however_it_is_written(spec: ModelSpec, change: Change) -> None:
    label = label_type(change(spec, label={"positive": "2", "negative": "1"}))
    assert label.cast(pa.array(["1.0", "2.0", " 2", "+1", "2.", None]), "x").to_pylist() == [0, 1, 1, 0, 1, None]
    with pytest.raises(SchemaMismatch, match="has '02'"):
        label.cast(pa.array(["02"]), "x")
