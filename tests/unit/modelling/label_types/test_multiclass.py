"""One of several classes, always in the order of the spec."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from nightshift.errors import SchemaMismatch
from nightshift.modelling.label_types import LabelType, label_type
from nightshift.spec import ModelSpec

Make = Callable[..., ModelSpec]


@pytest.fixture
def label(of_kind: Make) -> LabelType:
    return label_type(of_kind("multiclass"))


@pytest.fixture
def digits(of_kind: Make, change: Make) -> LabelType:
    return label_type(change(of_kind("multiclass"), label={"classes": ["2", "10", "7"]}))


@pytest.mark.parametrize(
    "values",
    [
        pa.array([10, 2, None], pa.int8()),
        pa.array([10.0, 2.0, float("nan")]),
        pa.array(["10", "2", None], pa.large_string()),
        pa.array(["10", "2", None], pa.string_view()),
        pa.array(["10", "2", None]).dictionary_encode(),
    ],
)
def test_whole_numbers_are_classes_by_their_text(digits: LabelType, values: pa.Array) -> None:
    """A column of whole numbers with a null among them comes from pandas as floats."""
    found = digits.cast(values, "labels")
    assert found.type == pa.string()
    assert found.to_pylist() == ["10", "2", None]


@pytest.mark.parametrize(
    ("values", "shown"),
    [(pa.array([2, 3, 4]), "'3', '4'"), (pa.array([2.0, 2.5]), "'2.5'"), (pa.array([True]), "'true'")],
)
def test_a_class_that_the_spec_lacks_is_named(digits: LabelType, values: pa.Array, shown: str) -> None:
    with pytest.raises(SchemaMismatch, match=rf"labels: label late has {shown}, which label\.classes lacks") as error:
        digits.cast(values, "labels")
    assert "add it to label.classes" in str(error.value.fix)


def test_numbers_of_classes_are_their_places_in_the_spec_not_in_the_alphabet(label: LabelType) -> None:
    found = label.as_targets(pa.array(["late", "on time", None, "Late"]))
    assert found.tolist() == pytest.approx([2, 0, np.nan, 1], nan_ok=True)


def test_a_class_that_came_lately_is_kept_counted_and_of_no_use(label: LabelType) -> None:
    labels = pa.array(["late", "on time", "returned", None, "late", "never", "returned", "late", "late"])
    assert label.cast(labels, "labels").to_pylist() == labels.to_pylist()
    assert label.unknown(labels) == {"never": 1, "returned": 2}
    assert np.isnan(label.as_targets(labels)).tolist() == [False, False, True, True, False, True, True, False, False]


def test_a_class_that_the_model_does_not_know_is_published_as_null_and_never_predicted(label: LabelType) -> None:
    scores = np.array([[0.2, np.nan, 0.8], [0.6, np.nan, 0.4]], np.float32)
    arrays = [a.dictionary_decode() if pa.types.is_dictionary(a.type) else a for a in label.published_columns(scores)]
    table = pa.table(arrays, schema=pa.schema(label.published_fields()))
    assert table["score_late"].null_count == 2
    assert table["prediction"].to_pylist() == ["late", "on time"]
    assert np.array_equal(label.read_scores(table), scores, equal_nan=True)
    assert np.array_equal(label.read_scores(table.drop_columns(["score_late"])), scores, equal_nan=True)
    assert label.drift_values(scores).to_pylist() == ["late", "on time"]


def test_names_of_columns_are_plain_and_each_once(label: LabelType) -> None:
    assert [field.name for field in label.published_fields()] == [
        "score_on_time",
        "score_late",
        "score_late_2",
        "prediction",
    ]


def test_the_likeliest_class_is_predicted_the_first_of_equals(label: LabelType) -> None:
    scores = np.array([[0.2, 0.5, 0.3], [0.4, 0.2, 0.4], [0.0, 0.0, 1.0]], np.float32)
    arrays = [a.dictionary_decode() if pa.types.is_dictionary(a.type) else a for a in label.published_columns(scores)]
    table = pa.table(arrays, schema=pa.schema(label.published_fields()))
    assert table["prediction"].to_pylist() == ["Late", "on time", "late"]
    assert np.array_equal(label.read_scores(table), scores)
    assert label.drift_values(np.vstack([scores, [[np.nan] * 3]])).to_pylist() == ["Late", "on time", "late", None]


@pytest.mark.parametrize(
    ("row", "good"),
    [
        ([0.2, 0.3, 0.5], True),
        ([0.2, 0.3, 0.5005], True),
        ([0.2, 0.3, 0.6], False),
        ([-0.1, 0.6, 0.5], False),
        ([float("nan"), 0.5, 0.5], False),
    ],
)
def test_rows_that_are_no_probabilities_are_counted(label: LabelType, row: list[float], good: bool) -> None:
    scores = np.array([[1.0, 0.0, 0.0], row], np.float32)
    assert label.invalid(scores) == ("" if good else "1 rows of scores outside [0, 1] or not summing to 1")
    assert label.invalid(scores[:0]) == ""


def test_one_number_is_one_class_however_it_is_written(spec: ModelSpec, change: Callable[..., ModelSpec]) -> None:
    classes = ["1", "2", "03"]
    label = label_type(change(spec, label={"type": "multiclass", "classes": classes}))
    assert label.cast(pa.array(["1.0", "2", "03", None]), "x").to_pylist() == ["1", "2", "03", None]
    with pytest.raises(SchemaMismatch, match="has '3', which"):
        label.cast(pa.array(["3"]), "x")
