"""Hours and weekdays of a moment are columns like others, on the clock of the nights, in training and scoring alike."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from nightshift.modelling.inputs import model_inputs
from nightshift.scoring.feeds import Columns
from nightshift.settings import Settings
from nightshift.sources import features
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.parquet import conform, schema_of

AT = {"type": "timestamp", "nullable": True, "parts": ["hour", "weekday"]}


def spec_of(at: dict[str, Any], **columns: dict[str, Any]) -> ModelSpec:
    return ModelSpec.model_validate({
        "name": "rides",
        "description": "Rides.",
        "source": {"files": "rides.parquet"},
        "partition": {"column": "day", "timezone": "America/New_York", "start": "2024-01-01"},
        "keys": ["id"],
        "columns": {"id": {"type": "int64", "feature": False}, "at": at, **columns},
        "label": {"column": "late", "delay_days": 1},
        "training": {"window_days": 3, "holdout_days": 1, "trainer": "hist_gradient_boosting"},
    })


@pytest.fixture
def rides(tmp_path: Path) -> Settings:
    moments = ["2024-03-10T04:30:00Z", "2024-03-10T10:30:00Z", None]
    frame = pa.table({
        "day": pa.array([pd.Timestamp("2024-03-10").date()] * 3),
        "id": [1, 2, 3],
        "at": pa.array(moments).cast(pa.timestamp("us", "UTC")),
        "late": [True, False, True],
    })
    pq.write_table(frame, tmp_path / "rides.parquet")
    return Settings(project=tmp_path, home=tmp_path / "home")


def test_parts_are_read_on_the_clock_of_the_nights_summer_time_too(rides: Settings) -> None:
    rows = features(spec_of(AT), "2024-03-10", Stores(rides))
    assert isinstance(rows, pa.Table)
    # Half past four in London is still Saturday in New York; six hours later its clocks have gone forward.
    assert rows["at_hour"].to_pylist() == [23, 6, None]
    assert rows["at_weekday"].to_pylist() == [6, 7, None]


def test_training_and_scoring_see_the_same(rides: Settings) -> None:
    spec = spec_of(AT)
    assert spec.features == ("at_hour", "at_weekday")
    rows = conform(features(spec, "2024-03-10", Stores(rides)), schema_of(spec.columns), "here")
    trained_on = model_inputs(spec, rows)
    fed = Columns(spec)(rows)
    for name in spec.features:
        assert fed[name][:, 0].tolist()[:2] == trained_on[name].tolist()[:2]
        assert pd.isna(fed[name][2, 0])


def test_a_part_may_be_written_out_with_limits_of_its_own() -> None:
    spec = spec_of({"type": "timestamp", "feature": False}, hr={"type": "int16", "of": "at", "part": "hour", "max": 23})
    assert spec.features == ("hr",)


def test_what_was_read_is_read_again() -> None:
    spec = spec_of(AT)
    assert ModelSpec.model_validate(spec.model_dump(mode="json")) == spec


@pytest.mark.parametrize(
    ("at", "columns", "why"),
    [
        ({"type": "date", "parts": ["hour"]}, {}, "parts are for a timestamp"),
        ({"type": "timestamp", "parts": ["minute"]}, {}, "parts"),
        ({"type": "timestamp"}, {}, r"give parts: \[hour, weekday\], or feature: false"),
        (AT, {"at_hour": {"type": "int16"}}, "at.parts writes at_hour, which columns has already"),
        (AT, {"x": {"type": "int16", "of": "id", "part": "hour"}}, "x.of names id, which is no timestamp"),
        (AT, {"x": {"type": "int16", "of": "at"}}, "of and part go together"),
        (AT, {"x": {"type": "int32", "of": "at", "part": "hour"}}, "a part of a timestamp is an int16"),
    ],
)
def test_what_cannot_be_a_part_is_said(at: dict[str, Any], columns: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        spec_of(at, **columns)
