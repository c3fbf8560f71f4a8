"""Columns that tell the label almost alone are named; honest ones, however good, are not."""

import numpy as np
import pyarrow as pa
import pytest

from nightshift.authoring.leaks import leaks, strengths

ROWS = 2000


def columns(seed: int = 0) -> tuple[np.random.Generator, dict[str, object]]:
    rng = np.random.default_rng(seed)
    return rng, {"noise": rng.normal(size=ROWS), "id": [f"row {n}" for n in range(ROWS)]}


def named(table: pa.Table, label: object, task: str) -> list[str]:
    return [leak.column for leak in leaks(strengths(table, pa.array(label, from_pandas=True), task), task)]


def test_of_a_binary_label_a_copy_a_reason_and_a_telling_null_are_leaks() -> None:
    rng, features = columns()
    label = rng.random(ROWS) < 0.2
    features["copy"] = label * 3.0 + rng.normal(0, 0.1, ROWS)
    features["reason"] = np.where(label, rng.choice(["moved", "price"], ROWS), "none")
    features["closed"] = np.where(label, rng.random(ROWS), np.nan)
    features["good"] = label * 2.0 + rng.normal(size=ROWS)
    table = pa.table({name: pa.array(values, from_pandas=True) for name, values in features.items()})
    assert sorted(named(table, label, "binary")) == ["closed", "copy", "reason"]


def test_of_a_regression_a_correlation_beyond_0_99_is_a_leak() -> None:
    rng, features = columns()
    label = rng.normal(size=ROWS)
    features |= {
        "copy": 5 - 2 * label,
        "near": label + rng.normal(0, 0.1, ROWS),
        "good": label + rng.normal(0, 0.4, ROWS),
    }
    assert sorted(named(pa.table(features), label, "regression")) == ["copy", "near"]


@pytest.mark.parametrize("text", [True, False])
def test_of_many_classes_a_code_of_the_class_is_a_leak(text: bool) -> None:
    rng, features = columns()
    label = rng.integers(0, 4, ROWS)
    features |= {"code": label * 7 % 4, "half": label // 2}
    values = [f"class {n}" for n in label] if text else label
    assert named(pa.table(features), values, "multiclass") == ["code"]


def test_nothing_is_said_of_too_few_rows_or_of_one_class() -> None:
    _, features = columns()
    assert strengths(pa.table(features).slice(0, 30), pa.array([True, False] * 15), "binary") == {}
    assert strengths(pa.table(features), pa.array([True] * ROWS), "binary") == {}


def test_rows_without_a_label_and_infinite_values_are_no_trouble() -> None:
    rng, features = columns()
    label = np.where(rng.random(ROWS) < 0.3, np.nan, rng.random(ROWS) < 0.5)
    features["far"] = np.where(rng.random(ROWS) < 0.5, np.inf, -np.inf)
    strength = strengths(pa.table(features), pa.array(label, from_pandas=True), "binary")
    assert set(strength) == {"noise", "id", "far"}
    assert max(strength.values()) < 0.6
