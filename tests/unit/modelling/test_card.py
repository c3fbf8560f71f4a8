"""The model card says what is published, in the words of the label."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from nightshift.contracts import SnapshotRef
from nightshift.modelling.card import model_card
from nightshift.modelling.folds import folds_of


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("binary", "as `score` in [0, 1]; `prediction` is true from 0.5."),
        ("multiclass", "Late as `score_late`, late as `score_late_2`."),
        ("regression", "`late` (known 1 days later), a number, as `prediction`."),
    ],
)
def test_the_card_says_what_is_published(fitted: Callable[..., Any], kind: str, said: str) -> None:
    made = fitted(kind)
    snapshot = SnapshotRef(made.spec.name, "5f.dir", "2024-01-12", "2024-01-01", "2024-01-10", 10, 900, ["2024-01-05"])
    snapshot = replace(snapshot, retracted=["2024-01-06", "2024-01-07"])
    text = model_card(made.spec, snapshot, {"some_metric": 0.25}, made.rows, folds_of(made.spec, made.rows))
    assert said in " ".join(text.split())
    assert "Nights without data: 2024-01-05." in text
    assert "Nights that were taken back: 2024-01-06, 2024-01-07." in text
    assert "could not be read" not in text
    assert "| some_metric | 0.2500 |" in text
