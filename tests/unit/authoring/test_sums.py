"""Columns that make up the label together, or in its order, are named; honest ones are not."""

import numpy as np
import pyarrow as pa
import pytest

from nightshift.authoring.leaks import leaks, strengths
from nightshift.authoring.sums import sum_leaks
from tests.unit.authoring.conftest import Proposal
from tests.unit.authoring.test_next_month import bikes

ROWS = 2000


def columns() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "casual": rng.poisson(30, ROWS),
        "registered": rng.poisson(90, ROWS),
        "temp": rng.normal(size=ROWS),
        "hour": rng.integers(0, 24, ROWS),
    }


def found(features: dict[str, np.ndarray], label: np.ndarray, kind: str = "regression") -> list[tuple[str, ...]]:
    table = pa.table({name: pa.array(values) for name, values in features.items()})
    return [leak.columns for leak in sum_leaks(table, pa.chunked_array([pa.array(label)]), kind)]


@pytest.mark.parametrize("weights", [(1, 1), (1, -1), (2.5, 0.1)])
def test_a_weighted_sum_is_named_with_the_columns_it_needs(weights: tuple[float, float]) -> None:
    features = columns()
    label = weights[0] * features["casual"] + weights[1] * features["registered"] + 7
    assert found(features, label) == [("casual", "registered")]


def test_reasons_of_which_one_holds_make_up_a_yes() -> None:
    features = columns()
    reason = np.random.default_rng(1).integers(0, 6, ROWS)
    features |= {"late_weather": reason == 0, "late_carrier": reason == 1}
    assert found(features, reason < 2, "binary") == [("late_weather", "late_carrier")]


def test_honest_columns_however_good_are_not_named() -> None:
    features = columns()
    noise = np.random.default_rng(2).normal(0, 1, ROWS)
    assert found(features, features["casual"] + features["registered"] + noise) == []


def test_columns_of_one_value_and_huge_ones_are_no_trouble() -> None:
    features = columns() | {"same": np.ones(ROWS), "huge": np.full(ROWS, 1e300) * np.arange(ROWS) / ROWS}
    assert found(features, features["casual"] + features["registered"]) == [("casual", "registered")]


def test_a_column_in_the_order_of_the_label_is_a_leak() -> None:
    rng = np.random.default_rng(0)
    label = rng.lognormal(0, 3, ROWS)
    ranks = np.argsort(np.argsort(label)) // 3
    table = pa.table({"place": ranks, "noise": rng.normal(size=ROWS)})
    strength = strengths(table, pa.array(label), "regression")
    assert [leak.column for leak in leaks(strength, "regression")] == ["place"]


def test_a_draft_says_so_and_watches_neither_for_drift(propose: Proposal) -> None:
    frame = bikes().query("mnth < 3")
    rng = np.random.default_rng(0)
    casual = rng.binomial(frame["cnt"], 0.3)
    frame = frame.assign(casual=casual, registered=frame["cnt"] - casual)
    spec, made, text = propose(frame, label="cnt", keys=("hr",), partition_by="dteday")
    [warning] = [warning for warning in made.warnings if "registered" in warning]
    assert warning.startswith("casual and registered add up to the label, with R2 1.0000: were they written after")
    assert text.count("LOOK AT IT: casual and registered add up to the label") == 2
    assert not {"casual", "registered"} & set(spec.drift.features)
