"""Labels that leave nothing to learn are refused before anything is fitted, with what was found."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from nightshift.errors import DataError
from nightshift.modelling.holdout import LabelledRows, Split
from nightshift.modelling.outcomes import check_outcomes, learnable_classes
from nightshift.spec import ModelSpec

Make = Callable[..., ModelSpec]


def rows(*labels: float) -> LabelledRows:
    return LabelledRows(pa.table({"a": list(labels)}), np.array(labels), np.arange(len(labels)))


def split(train: LabelledRows, holdout: LabelledRows) -> Split:
    return Split(train, holdout, rows())


@pytest.mark.parametrize(
    ("kind", "train", "holdout", "said"),
    [
        ("binary", [1, 1], [0, 1], "the training nights have 2 labelled rows, all with 1: a model needs two values"),
        ("binary", [0, 1], [0, 0, 0], "the holdout nights have 3 labelled rows, all with 0"),
        ("binary", [], [0, 1], "the training nights have no row with one"),
        ("multiclass", [1, 1], [0, 1], "the training nights have 2 labelled rows, all with 'Late'"),
        ("multiclass", [1, 1, 2, 2], [0, 1], "the training nights have 4 labelled rows, none with 'on time', or one"),
        ("regression", [2.5, 2.5], [1, 2], "the training nights have 2 labelled rows, all with 2.5"),
        ("regression", [2.5, 3.5], [], "the holdout nights have no row with one"),
    ],
)
def test_labels_that_leave_nothing_to_learn(
    of_kind: Make, kind: str, train: list[float], holdout: list[float], said: str
) -> None:
    spec = of_kind(kind)
    with pytest.raises(DataError, match=f"^{spec.name}: label late: {said}") as error:
        check_outcomes(spec, split(rows(*train), rows(*holdout)))
    assert "training.window_days" in str(error.value.fix)


@pytest.mark.parametrize(
    ("kind", "labels"), [("binary", [0, 1]), ("multiclass", [0, 1, 2] * 2), ("regression", [1.5, 1.6])]
)
def test_labels_that_differ_pass(of_kind: Make, kind: str, labels: list[Any]) -> None:
    check_outcomes(of_kind(kind), split(rows(*labels), rows(*labels)))


def test_a_class_of_too_few_rows_is_left_out(of_kind: Make, change: Make) -> None:
    spec = change(of_kind("multiclass"), label={"classes": ["on time", "Late", "returned", "late"]})
    learnt = split(rows(0, 0, 1, 1, 2, 3, 3), rows(0, 1))
    check_outcomes(spec, learnt)
    assert learnable_classes(spec, learnt) == ("on time", "Late", "late")


def test_a_class_may_be_missing_on_the_holdout(of_kind: Make) -> None:
    check_outcomes(of_kind("multiclass"), split(rows(0, 1, 2, 0, 1, 2), rows(0, 1)))
