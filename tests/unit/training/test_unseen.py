"""A category that training has not seen is one that it has seen on masked rows."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.spec import ModelSpec
from nightshift.training.trainers import TRAINERS, trainer_of
from nightshift.training.unseen import UNSEEN, never_seen, with_unseen
from tests.training import as_rows

BINARY = [name for name, trainer in TRAINERS.items() if "binary" in trainer.labels]


def frame_of(spec: ModelSpec, rows: int) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    columns: dict[str, Any] = {}
    for name in spec.features:
        columns[name] = rng.random(rows).astype(np.float32)
    for name in ("site", "kind"):
        columns[name] = rng.choice(["north", "south", "east"], rows)
    return pd.DataFrame(columns)


def test_few_rows_of_open_categories_are_masked_the_same_each_time(spec: ModelSpec) -> None:
    frame = frame_of(spec, 5000)
    masked = with_unseen(spec, frame)
    changed = masked["kind"] == UNSEEN
    assert 20 < changed.sum() < 100
    assert masked["kind"][~changed].equals(frame["kind"][~changed])
    assert masked.equals(with_unseen(spec, frame))
    assert UNSEEN not in set(frame["kind"])


def test_a_closed_column_has_no_unseen_value_and_an_open_one_has_some_in_any_training(
    spec: ModelSpec, change: Callable[..., ModelSpec]
) -> None:
    frame = frame_of(spec, 3)
    assert spec.columns["site"].values
    assert UNSEEN not in set(with_unseen(spec, frame)["site"])
    opened = change(spec, columns={"site": {"closed": False}})
    masked = with_unseen(opened, frame)
    assert UNSEEN in set(masked["site"])
    assert UNSEEN in set(masked["kind"])


def test_the_mark_is_a_text_that_the_data_do_not_have() -> None:
    assert never_seen(["a", UNSEEN, f"{UNSEEN}~"]) == f"{UNSEEN}~~"


@pytest.mark.parametrize("name", BINARY)
def test_an_unseen_category_scores_as_one_of_which_nothing_is_known(
    of_kind: Callable[..., ModelSpec], name: str
) -> None:
    """Trees took it for the first category that they know, however rare that is."""
    spec = of_kind("binary", name)
    frame = frame_of(spec, 6000)
    is_first = frame["kind"] == "east"
    labels = np.where(is_first, 0.95, 0.05) > np.random.default_rng(0).random(len(frame))
    pipeline = trainer_of(spec).fit(spec, as_rows(frame, labels.astype(float)))
    scores = label_type(spec).predict(pipeline, frame.assign(kind="a town opened tonight"))
    of_first = label_type(spec).predict(pipeline, frame[is_first])
    assert of_first.mean() > 0.9
    # A third of all rows are of it, so a third is what is known of a row of none of them.
    assert 0.15 < scores.mean() < 0.6


@pytest.mark.parametrize("kind", ["multiclass", "regression"])
def test_encoders_learn_every_category_though_its_only_row_is_masked(fitted: Callable[..., Any], kind: str) -> None:
    made = fitted(kind)
    frame = model_inputs(made.spec, made.rows.train.table)
    encoder = made.pipeline["prepare"].named_transformers_["categories"]
    for known, name in zip(encoder.categories_, ("site", "kind"), strict=True):
        assert set(known) == set(frame[name])
